//! How a registry is started. Owns what can be chosen and its defaults; where the choices take effect is `Groups`.

use std::sync::Arc;

use actix::ArbiterHandle;

use super::inlet::Inlet;
use super::{Link, NodeId, PubSub};

/// A registry about to be started, with limits: see [`PubSub::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing is started yet"]
pub struct Builder {
    node: Arc<str>,
    max_channels: usize,
}

impl Builder {
    pub(super) fn new(node: Arc<str>) -> Builder {
        Builder { node, max_channels: usize::MAX }
    }

    /// How many channels may exist at once; as many as memory allows by default.
    ///
    /// A join that would create one more fails with [`JoinError::TooManyChannels`](super::JoinError::TooManyChannels).
    /// Joining those that exist, and everything else, goes on. A channel whose members all died without anyone having
    /// noticed yet still counts.
    pub fn max_channels(self, max_channels: usize) -> Builder {
        Builder { max_channels, ..self }
    }

    /// Starts it on the current arbiter, as [`PubSub::start`] does.
    ///
    /// # Panics
    ///
    /// Outside of an actix `System`, as starting any actor does.
    pub fn start(self) -> PubSub {
        PubSub::over(Inlet::start(self.max_channels, None), self.node)
    }

    /// Starts it on `arbiter`, as [`PubSub::start_in`] does.
    pub fn start_in(self, arbiter: &ArbiterHandle) -> PubSub {
        PubSub::over(Inlet::start_in(arbiter, self.max_channels, None), self.node)
    }

    /// Starts it on `arbiter` with a [`Link`] to other nodes, of which this is one in a new run.
    pub fn start_linked_in(self, arbiter: &ArbiterHandle) -> (PubSub, Link) {
        let (outlet, link) = Link::new(NodeId::now(Arc::clone(&self.node)));
        let inlet = Inlet::start_in(arbiter, self.max_channels, Some(outlet));
        let pubsub = PubSub::over(inlet, self.node);
        let link = link(&pubsub.inlet);
        (pubsub, link)
    }
}
