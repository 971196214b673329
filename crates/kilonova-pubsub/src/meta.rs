//! A member's metadata. Owns its size limit; leaves storage to `Membership`.

use std::sync::Arc;

use super::{JoinError, Payload};

/// The metadata of one member in one channel, at most [`META_MAX`] bytes.
///
/// It is a single pointer, to keep memberships small.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq)]
pub struct Meta(Arc<Payload>);

/// The maximum length of a member's metadata, in bytes of JSON text; see
/// [`PubSub::join_as`](super::PubSub::join_as).
pub const META_MAX: usize = 4096;

impl Meta {
    /// Creates metadata. Fails if `payload` is longer than [`META_MAX`].
    pub fn new(payload: Payload) -> Result<Meta, JoinError> {
        match payload.as_json().len() {
            0..=META_MAX => Ok(Meta(Arc::new(payload))),
            bytes => Err(JoinError::MetaTooLong { bytes }),
        }
    }

    /// The metadata as JSON.
    pub fn payload(&self) -> &Payload {
        &self.0
    }

    /// The length in bytes of JSON text.
    pub fn len(&self) -> usize {
        self.0.as_json().len()
    }

    /// Always false: JSON text has at least one character.
    pub fn is_empty(&self) -> bool {
        false
    }
}
