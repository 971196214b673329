//! The errors and their messages. Leaves logging them, or turning them into responses, to the
//! caller.

/// The reason why a registry was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The thread runs neither an actix `System` nor an arbiter.
    #[error(
        "the process groups need an actix System, and this thread has none; call this inside \
         #[actix::main] or #[actix_web::main], or start them on an arbiter with start_in"
    )]
    NoSystem,
}

/// The reason why a call on the process groups failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry has stopped and does not restart.
    #[error("the process groups have stopped")]
    Stopped,
}

/// The reason why a member could not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The channel does not exist, and the limit on channels
    /// ([`Builder::max_channels`](super::Builder::max_channels)) is reached. A later attempt may
    /// succeed.
    #[error("too many channels: the limit of max_channels is reached; retry later")]
    TooManyChannels,
    /// The member's metadata has more than [`META_MAX`](super::META_MAX) bytes of JSON text.
    #[error("a member's metadata has {bytes} bytes of JSON; the limit is {max}", max = super::META_MAX)]
    MetaTooLong {
        /// The metadata's length.
        bytes: usize,
    },
    /// The registry has stopped and does not restart.
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

/// The reason why a member could not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaveError {
    /// It is not a member of the channel, or it died.
    #[error("the member has not joined the channel, or has died")]
    NotJoined,
    /// The registry has stopped and does not restart.
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

/// The reason why [`PubSub::try_broadcast`](super::PubSub::try_broadcast) sent nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TryBroadcastError {
    /// The registry's mailbox is full. A later attempt may succeed.
    #[error("the process groups are overloaded: too many requests are waiting; retry later")]
    Full,
    /// The registry has stopped and does not restart.
    #[error("the process groups have stopped")]
    Stopped,
}

#[cfg(feature = "actix-web")]
mod response {
    use actix_web::ResponseError;
    use actix_web::http::StatusCode;

    use super::{Error, JoinError, LeaveError, StartError, TryBroadcastError};

    impl ResponseError for StartError {}

    /// Responds with 503 (Service Unavailable).
    impl ResponseError for Error {
        fn status_code(&self) -> StatusCode {
            match self {
                Error::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            }
        }
    }

    /// 413 for metadata that is too long, 503 otherwise.
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

    /// Responds with 503 (Service Unavailable).
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
