//! What can go wrong. Owns the words; where an error is logged or turned into an answer is its
//! receiver's choice.

/// Why a registry was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The thread runs no actix `System` or arbiter.
    #[error(
        "the process groups need an actix System, and this thread has none; call this inside \
         #[actix::main] or #[actix_web::main], or start them on an arbiter with start_in"
    )]
    NoSystem,
}

/// Why a call on the process groups failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry has stopped and does not come back.
    #[error("the process groups have stopped")]
    Stopped,
}

/// Why a member could not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The channel does not exist, and there are as many as there may be
    /// ([`Builder::max_channels`](super::Builder::max_channels)); later there may be room.
    #[error("too many channels")]
    TooManyChannels,
    /// Its metadata has more than [`META_MAX`](super::META_MAX) bytes of JSON text.
    #[error("a member's metadata has {bytes} bytes of JSON; the limit is {max}", max = super::META_MAX)]
    MetaTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The registry has stopped and does not come back.
    #[error("the process groups have stopped")]
    Stopped,
}

impl From<Error> for JoinError {
    fn from(error: Error) -> JoinError {
        match error {
            Error::Stopped => JoinError::Stopped,
        }
    }
}

/// Why a member could not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaveError {
    /// It is not a member of the channel, or died.
    #[error("not joined")]
    NotJoined,
    /// The registry has stopped and does not come back.
    #[error("the process groups have stopped")]
    Stopped,
}

impl From<Error> for LeaveError {
    fn from(error: Error) -> LeaveError {
        match error {
            Error::Stopped => LeaveError::Stopped,
        }
    }
}

/// Why a broadcast that cannot wait was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TryBroadcastError {
    /// The registry has no room now; later it may.
    #[error("the process groups are overloaded")]
    Full,
    /// The registry has stopped and does not come back.
    #[error("the process groups have stopped")]
    Stopped,
}

#[cfg(feature = "actix-web")]
mod response {
    use actix_web::ResponseError;
    use actix_web::http::StatusCode;

    use super::{Error, JoinError, LeaveError, StartError, TryBroadcastError};

    impl ResponseError for StartError {}

    /// 503.
    impl ResponseError for Error {
        fn status_code(&self) -> StatusCode {
            match self {
                Error::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            }
        }
    }

    /// 503; 413 for metadata that is too long.
    impl ResponseError for JoinError {
        fn status_code(&self) -> StatusCode {
            match self {
                JoinError::TooManyChannels | JoinError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
                JoinError::MetaTooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            }
        }
    }

    /// 409 for a member that has not joined, 503 otherwise.
    impl ResponseError for LeaveError {
        fn status_code(&self) -> StatusCode {
            match self {
                LeaveError::NotJoined => StatusCode::CONFLICT,
                LeaveError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            }
        }
    }

    /// 503.
    impl ResponseError for TryBroadcastError {
        fn status_code(&self) -> StatusCode {
            match self {
                TryBroadcastError::Full | TryBroadcastError::Stopped => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
            }
        }
    }
}
