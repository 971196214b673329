//! Starting a registry. Owns the options and their defaults; leaves applying them to `Groups`.

use std::sync::Arc;

use actix::{Arbiter, ArbiterHandle};

use super::inlet::Inlet;
use super::{Link, NodeId, PubSub, StartError};

/// Starts a registry with limits; see [`PubSub::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    node: Arc<str>,
    max_channels: usize,
}

impl Builder {
    pub(super) fn new(node: Arc<str>) -> Builder {
        Builder { node, max_channels: usize::MAX }
    }

    /// Limits how many channels may exist at once. By default, and with 0, memory is the only
    /// limit.
    ///
    /// A join that would exceed the limit fails with
    /// [`JoinError::TooManyChannels`](super::JoinError::TooManyChannels). Other calls are not
    /// affected. A channel whose members are all dead still counts until their deaths are known.
    pub fn max_channels(self, max_channels: usize) -> Builder {
        Builder { max_channels: if max_channels == 0 { usize::MAX } else { max_channels }, ..self }
    }

    /// Starts the registry on the current arbiter, as [`PubSub::start`] does.
    ///
    /// # Panics
    ///
    /// Panics on a thread without an actix `System`. [`Builder::try_start`] returns an error
    /// instead.
    #[expect(clippy::panic, reason = "as documented; `try_start` does not")]
    pub fn start(self) -> PubSub {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts the registry on the current arbiter. Fails on a thread without an arbiter, such as a
    /// plain tokio thread.
    pub fn try_start(self) -> Result<PubSub, StartError> {
        let arbiter = Arbiter::try_current().ok_or(StartError::NoSystem)?;
        Ok(self.start_in(&arbiter))
    }

    /// Starts the registry on `arbiter`, as [`PubSub::start_in`] does.
    pub fn start_in(self, arbiter: &ArbiterHandle) -> PubSub {
        PubSub::over(Inlet::start_in(arbiter, self.max_channels, None), self.node)
    }

    #[doc(hidden)]
    /// Starts the registry on `arbiter` with a [`Link`] to other nodes, as a new run of its node.
    pub fn start_linked_in(self, arbiter: &ArbiterHandle) -> (PubSub, Link) {
        let (outlet, link) = Link::new(NodeId::now(Arc::clone(&self.node)));
        let inlet = Inlet::start_in(arbiter, self.max_channels, Some(outlet));
        let pubsub = PubSub::over(inlet, self.node);
        let link = link(&pubsub.inlet);
        (pubsub, link)
    }
}
