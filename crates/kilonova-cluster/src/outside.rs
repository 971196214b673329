//! What reaches the registry from nodes that do not speak this cluster's protocol, and what they
//! are told. Without the feature `erlang` there are none.

use kilonova_pubsub::{Envelope, NodeId, Update};

/// What such a node says.
#[derive(Debug)]
#[cfg_attr(not(feature = "erlang"), expect(dead_code, reason = "no such node exists"))]
pub(crate) enum Heard {
    Update(Update),
    Broadcast(NodeId, Envelope),
}

/// See the module.
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
    /// They end with the driver.
    _tasks: tokio::task::JoinSet<()>,
}

impl Outside {
    #[cfg(feature = "erlang")]
    pub(crate) fn new(connections: super::erlang::Connections) -> Outside {
        Outside { erlang: None, waiting: Some(connections) }
    }

    /// Starts to connect, with tasks of the current runtime.
    pub(crate) fn start(&mut self) {
        #[cfg(feature = "erlang")]
        if let Some(connections) = self.waiting.take() {
            let (erlang, heard, tasks) = connections.start();
            self.erlang = Some(Started { erlang, heard, _tasks: tasks });
        }
    }

    /// A broadcast on this node, to all nodes.
    pub(crate) fn tell(&self, envelope: &Envelope) {
        #[cfg(feature = "erlang")]
        if let Some(started) = &self.erlang {
            started.erlang.broadcast(envelope.clone());
        }
        #[cfg(not(feature = "erlang"))]
        let _ = envelope;
    }

    /// Waits for what such nodes say, and takes up to `limit` of it, in order.
    pub(crate) async fn next(&mut self, heard: &mut Vec<Heard>, limit: usize) -> usize {
        #[cfg(feature = "erlang")]
        if let Some(started) = &mut self.erlang {
            return started.heard.recv_many(heard, limit).await;
        }
        let _ = (heard, limit);
        std::future::pending().await
    }
}
