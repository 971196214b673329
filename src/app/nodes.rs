//! The node's place in a cluster: the process groups, the transport to other nodes, and the
//! announcement that this node has started.

use std::time::Duration;

use actix::Arbiter;
use tokio::time::{Instant, sleep};

use crate::cluster::{self, Cluster, Options};
use crate::config::Config;
use crate::events::{self, words};
use crate::pubsub::{Payload, PubSub};

/// How long to wait for other nodes before announcing this node's start, and how long the number of
/// nodes must be stable first.
const SETTLED: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(1));

/// The channels that the server itself needs: the indexer's, the relay's, and those between nodes.
/// They are added to the flag's limit, so that sockets can use all of it.
const OWN_CHANNELS: usize = 9;

/// The interval at which the list of nodes is polled.
const LOOK: Duration = Duration::from_millis(100);

/// Starts the process groups on `core`.
pub(super) async fn start(config: &Config, core: &Arbiter) -> Result<Cluster, cluster::Error> {
    let mut options = Options::new(config.node.as_str())
        .max_channels(config.max_channels.saturating_add(OWN_CHANNELS))
        .arbiter(core.handle());
    if let Some(cluster) = &config.cluster {
        options = cluster.join(options, &config.storage.data_dir);
    }
    if let Some(erlang) = &config.erlang {
        options = options.erlang(erlang.clone());
    }
    let node = cluster::start(options).await?;
    if config.cluster.is_some() {
        log::info!("this node is part of a cluster");
    }
    core.spawn(tell_of_start(node.pubsub().clone(), config.cluster.is_some()));
    Ok(node)
}

/// Announces that a node with this version has started, once the nodes have found each other.
/// Readers connected to other nodes may have a page of an older version.
async fn tell_of_start(pubsub: PubSub, has_others: bool) {
    let begun = Instant::now();
    let (mut nodes, mut since) = (1, begun);
    while has_others && begun.elapsed() < SETTLED.0 && (nodes == 1 || since.elapsed() < SETTLED.1) {
        sleep(LOOK).await;
        let Ok(now) = pubsub.nodes().await else { return };
        if now.len() != nodes {
            (nodes, since) = (now.len(), Instant::now());
        }
    }
    let deploy = words::Deploy { version: crate::VERSION, node: pubsub.node() };
    let told = match Payload::encode(&deploy) {
        Ok(payload) => pubsub.broadcast(events::SYSTEM, words::DEPLOY, payload).await.is_ok(),
        Err(_) => false,
    };
    log::debug!("announced the start to {nodes} nodes: {told}");
}
