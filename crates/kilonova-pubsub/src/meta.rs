//! What a member says of itself. Owns its bound; `Membership` owns where it is kept.

use std::sync::Arc;

use super::{JoinError, Payload};

/// The metadata of one member in one channel, checked to be within [`META_MAX`].
///
/// It is one pointer, because each membership has room for one.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq)]
pub struct Meta(Arc<Payload>);

/// The longest metadata of a member, in bytes of JSON text:
/// [`PubSub::join_as`](super::PubSub::join_as).
pub const META_MAX: usize = 4096;

impl Meta {
    /// Fails where it is too long.
    pub fn new(payload: Payload) -> Result<Meta, JoinError> {
        match payload.as_json().len() {
            0..=META_MAX => Ok(Meta(Arc::new(payload))),
            bytes => Err(JoinError::MetaTooLong { bytes }),
        }
    }

    /// The JSON.
    pub fn payload(&self) -> &Payload {
        &self.0
    }

    /// How long it is, in bytes of JSON text.
    pub fn len(&self) -> usize {
        self.0.as_json().len()
    }

    /// Never: JSON has at least one character.
    pub fn is_empty(&self) -> bool {
        false
    }
}
