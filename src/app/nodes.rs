//! This node among others: the process groups, what reaches the other nodes, and the news that this
//! one has started.

use std::time::Duration;

use actix::Arbiter;
use tokio::time::{Instant, sleep};

use crate::cluster::{self, Cluster, Options};
use crate::config::Config;
use crate::events::{self, words};
use crate::pubsub::{Payload, PubSub};

/// How long other nodes are waited for before they are told that this one has started, and for how
/// long no further one must have come.
const SETTLED: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(1));

/// The channels that the server itself needs: the indexer's, the relay's and what nodes tell each
/// other. They leave to sockets what the flag gives them.
const OWN_CHANNELS: usize = 9;

/// How often it is looked.
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

/// Tells everyone that a node with this version has started, when the nodes have found each other. Who reads the site
/// through another node may have a page of an older version.
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
    log::debug!("the start was told to {nodes} nodes: {told}");
}
