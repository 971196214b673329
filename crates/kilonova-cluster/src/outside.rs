//! Nodes that do not speak this cluster's protocol: what the registry receives from them, and what
//! they receive. Without the feature `erlang` there are none.

use kilonova_pubsub::{Envelope, NodeId, Update};

/// An event from such a node.
#[derive(Debug)]
#[cfg_attr(not(feature = "erlang"), expect(dead_code, reason = "no such node exists"))]
pub(crate) enum Heard {
    Update(Update),
    Broadcast(NodeId, Envelope),
}

/// The connections to such nodes.
#[derive(Default)]
pub(crate) struct Outside {
    #[cfg(feature = "erlang")]
    erlang: Option<Started>,
    #[cfg(feature = "erlang")]
    waiting: Option<super::erlang::Connections>,
}

#[cfg(feature = "erlang")]
struct Started {
    erlang: super::erlang::Erlang,
    heard: tokio::sync::mpsc::Receiver<Heard>,
    /// The tasks end with the driver.
    _tasks: tokio::task::JoinSet<()>,
}

impl Outside {
    #[cfg(feature = "erlang")]
    pub(crate) fn new(connections: super::erlang::Connections) -> Outside {
        Outside { erlang: None, waiting: Some(connections) }
    }

    /// Starts connecting, with tasks on the current runtime.
    pub(crate) fn start(&mut self) {
        #[cfg(feature = "erlang")]
        if let Some(connections) = self.waiting.take() {
            let (erlang, heard, tasks) = connections.start();
            self.erlang = Some(Started { erlang, heard, _tasks: tasks });
        }
    }

    /// Sends a broadcast of this node to them.
    pub(crate) fn tell(&self, envelope: &Envelope) {
        #[cfg(feature = "erlang")]
        if let Some(started) = &self.erlang {
            started.erlang.broadcast(envelope.clone());
        }
        #[cfg(not(feature = "erlang"))]
        let _ = envelope;
    }

    /// Waits for events from such nodes, and takes up to `limit` of them in order.
    pub(crate) async fn next(&mut self, heard: &mut Vec<Heard>, limit: usize) -> usize {
        #[cfg(feature = "erlang")]
        if let Some(started) = &mut self.erlang {
            return started.heard.recv_many(heard, limit).await;
        }
        let _ = (heard, limit);
        std::future::pending().await
    }
}
