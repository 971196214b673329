//! How a registry is started. Owns the options and their defaults; `Groups` applies them.

use std::sync::Arc;

use actix::{Arbiter, ArbiterHandle};

use super::inlet::Inlet;
use super::{Link, NodeId, PubSub, StartError};

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

    /// How many channels may exist at once. By default, and with 0, memory is the only limit.
    ///
    /// A join that would create one more fails with
    /// [`JoinError::TooManyChannels`](super::JoinError::TooManyChannels). Other calls are not
    /// affected. A channel whose members are all dead still counts until their deaths are known.
    pub fn max_channels(self, max_channels: usize) -> Builder {
        Builder { max_channels: if max_channels == 0 { usize::MAX } else { max_channels }, ..self }
    }

    /// Starts it on the current arbiter, as [`PubSub::start`] does.
    ///
    /// # Panics
    ///
    /// On a thread without an actix `System`, where [`Builder::try_start`] returns an error.
    #[expect(clippy::panic, reason = "as documented; `try_start` does not")]
    pub fn start(self) -> PubSub {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts it on the current arbiter; fails on a thread that has none, such as one of plain
    /// tokio.
    pub fn try_start(self) -> Result<PubSub, StartError> {
        let arbiter = Arbiter::try_current().ok_or(StartError::NoSystem)?;
        Ok(self.start_in(&arbiter))
    }

    /// Starts it on `arbiter`, as [`PubSub::start_in`] does.
    pub fn start_in(self, arbiter: &ArbiterHandle) -> PubSub {
        PubSub::over(Inlet::start_in(arbiter, self.max_channels, None), self.node)
    }

    #[doc(hidden)]
    /// Starts it on `arbiter` with a [`Link`] to other nodes, of which this is one in a new run.
    pub fn start_linked_in(self, arbiter: &ArbiterHandle) -> (PubSub, Link) {
        let (outlet, link) = Link::new(NodeId::now(Arc::clone(&self.node)));
        let inlet = Inlet::start_in(arbiter, self.max_channels, Some(outlet));
        let pubsub = PubSub::over(inlet, self.node);
        let link = link(&pubsub.inlet);
        (pubsub, link)
    }
}
