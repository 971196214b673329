//! What can go wrong. Owns the words; where an error is logged or turned into an answer is its receiver's choice.

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
    #[error("a member's metadata has {bytes} bytes of JSON, more than the {max} that are allowed", max = super::META_MAX)]
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
