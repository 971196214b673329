//! This node among others: the process groups, what reaches the other nodes, and the news that this
//! one has started.

use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::cluster::zenoh::{self, Options, Zenoh};
use crate::cluster::{self, Adapter, Incoming, Isolated};
use crate::config::{Cluster, Config};
use crate::events;
use crate::pubsub::{Link, Payload, PubSub};

/// What reaches the other nodes.
pub(super) enum Reach {
    Alone,
    Cluster(Arc<Zenoh>),
}

/// How long other nodes are waited for before they are told that this one has started, and for how long no further one
/// must have come.
const SETTLED: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(1));

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);

/// Starts the process groups on `core`.
pub(super) async fn start(
    config: &Config,
    core: &Arbiter,
) -> Result<(PubSub, Reach), zenoh::Error> {
    let groups = PubSub::builder(config.node.as_str()).max_channels(config.max_channels);
    let (pubsub, link) = groups.start_linked_in(&core.handle());
    let reach = match &config.cluster {
        None => {
            let (isolated, incoming) = Isolated::open();
            run(core, link, Arc::new(isolated), incoming, async {});
            Reach::Alone
        }
        Some(cluster) => {
            if cluster.secret.is_short() {
                log::warn!("--cluster-secret is short: who sees a connection can try guesses");
            }
            let (zenoh, incoming) = Zenoh::open(options(config, cluster, &link)).await?;
            let zenoh = Arc::new(zenoh);
            let (adapter, leaving) = (Arc::clone(&zenoh), Arc::clone(&zenoh));
            let leave = async move { leaving.close().await };
            run(core, link, adapter, incoming, leave);
            log::info!("this node is part of a cluster");
            Reach::Cluster(zenoh)
        }
    };
    core.spawn(tell_of_start(pubsub.clone(), config.cluster.is_some()));
    Ok((pubsub, reach))
}

impl Reach {
    /// Leaves: the other nodes see this one go at once.
    pub(super) async fn close(self) {
        if let Reach::Cluster(zenoh) = self {
            zenoh.close().await;
        }
    }
}

fn options(config: &Config, cluster: &Cluster, link: &Link) -> Options {
    Options {
        site: "kilonova".to_owned(),
        node: link.node().clone(),
        listen: cluster.listen.clone(),
        connect: cluster.connect.clone(),
        secret: cluster.secret.clone(),
        tls: cluster.tls.clone(),
        folder: config.storage.data_dir.clone(),
    }
}

/// Connects the process groups with those of the other nodes. Should that end by a fault, the others must not go on
/// believing what they knew of this node.
fn run(
    core: &Arbiter,
    link: Link,
    adapter: Arc<dyn Adapter>,
    incoming: Incoming,
    leave: impl Future<Output = ()> + Send + 'static,
) {
    core.spawn_fn(move || {
        actix::spawn(async move {
            if let Err(fault) = actix::spawn(cluster::run(link, adapter, incoming)).await {
                log::error!("this node is alone until it is started again: {fault}");
                leave.await;
            }
        });
    });
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
    let deploy = json!({ "version": crate::VERSION, "node": pubsub.node() });
    let told = match Payload::encode(&deploy) {
        Ok(payload) => pubsub.broadcast(events::SYSTEM, "deploy", payload).await.is_ok(),
        Err(_) => false,
    };
    log::debug!("the start was told to {nodes} nodes: {told}");
}
