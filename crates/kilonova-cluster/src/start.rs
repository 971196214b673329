//! A whole node in one call. Owns the order in which groups, adapter and driver start and end. Each
//! can be used separately, as the tests do.

use std::fmt;
#[cfg(feature = "zenoh")]
use std::path::PathBuf;
use std::sync::Arc;

use actix::{Arbiter, ArbiterHandle};
#[cfg(feature = "zenoh")]
use kilonova_pubsub::NodeId;
use kilonova_pubsub::{Link, PubSub, StartError};

use super::driver::drive;
#[cfg(feature = "erlang")]
use super::erlang::{self, Erlang};
use super::outside::Outside;
#[cfg(feature = "zenoh")]
use super::zenoh::{self, Endpoint, Secret, Tls, Zenoh};
use super::{Adapter, Incoming, Isolated};

/// The options of a node: its name, and how it and the other nodes find each other.
///
/// A node with neither a secret nor endpoints is a single node and does not start Zenoh. Without
/// the feature `zenoh`, every node is.
#[derive(Clone)]
#[must_use = "options do nothing until they are passed to `start`"]
pub struct Options {
    node: Arc<str>,
    max_channels: Option<usize>,
    arbiter: Option<ArbiterHandle>,
    #[cfg(feature = "zenoh")]
    others: Others,
    #[cfg(feature = "erlang")]
    erlang: Option<erlang::Options>,
}

/// How other nodes are found.
#[cfg(feature = "zenoh")]
#[derive(Clone)]
struct Others {
    site: String,
    listen: Vec<Endpoint>,
    connect: Vec<Endpoint>,
    secret: Option<Secret>,
    tls: Option<Tls>,
    folder: PathBuf,
}

impl Options {
    /// Creates options for the node named `node`, a name of 1 to 128 bytes. Names should be unique:
    /// lists show two nodes with the same name as one.
    pub fn new(node: impl Into<Arc<str>>) -> Options {
        Options {
            node: node.into(),
            max_channels: None,
            arbiter: None,
            #[cfg(feature = "zenoh")]
            others: Others {
                site: "kilonova".to_owned(),
                listen: Vec::new(),
                connect: Vec::new(),
                secret: None,
                tls: None,
                folder: std::env::temp_dir(),
            },
            #[cfg(feature = "erlang")]
            erlang: None,
        }
    }

    /// Shares channels with Erlang nodes, in addition to other nodes or without any.
    #[cfg(feature = "erlang")]
    pub fn erlang(self, erlang: erlang::Options) -> Options {
        Options { erlang: Some(erlang), ..self }
    }

    /// Limits the number of channels that this node's members may be in; see
    /// [`Builder::max_channels`](kilonova_pubsub::Builder::max_channels).
    pub fn max_channels(self, max_channels: usize) -> Options {
        Options { max_channels: Some(max_channels), ..self }
    }

    /// Sets the arbiter for the registry and the traffic with other nodes; by default the current
    /// one. With large channels, use a separate arbiter.
    pub fn arbiter(self, arbiter: ArbiterHandle) -> Options {
        Options { arbiter: Some(arbiter), ..self }
    }
}

#[cfg(feature = "zenoh")]
impl Options {
    /// Adds endpoints that other nodes can connect to, such as `tcp/0.0.0.0:7447`.
    pub fn listen(mut self, endpoints: impl IntoIterator<Item = Endpoint>) -> Options {
        self.others.listen.extend(endpoints);
        self
    }

    /// Adds endpoints of other nodes. All nodes can have the same list, which may include the node
    /// itself. Two nodes reach each other if at least one of them has the other in its list. The
    /// node retries endpoints that are down.
    pub fn connect(mut self, endpoints: impl IntoIterator<Item = Endpoint>) -> Options {
        self.others.connect.extend(endpoints);
        self
    }

    /// Sets the secret that all nodes of the cluster share.
    pub fn secret(mut self, secret: Secret) -> Options {
        self.others.secret = Some(secret);
        self
    }

    /// Sets the certificates for `tls/` endpoints.
    pub fn tls(mut self, tls: Tls) -> Options {
        self.others.tls = Some(tls);
        self
    }

    /// Sets the name of the cluster, by default `kilonova`. Nodes of another site are ignored, even
    /// if they are connected.
    pub fn site(mut self, site: impl Into<String>) -> Options {
        self.others.site = site.into();
        self
    }

    /// Sets the folder for the file from which Zenoh reads its password; by default the system's
    /// temporary folder. The file exists only while the node starts, and only this process's user
    /// can read it.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Options {
        self.others.folder = folder.into();
        self
    }
}

#[cfg(feature = "zenoh")]
impl Others {
    fn is_nobody(&self) -> bool {
        self.secret.is_none() && self.listen.is_empty() && self.connect.is_empty()
    }
}

/// Omits the secret.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Options");
        told.field("node", &self.node);
        #[cfg(feature = "zenoh")]
        {
            let Others { site, listen, connect, .. } = &self.others;
            told.field("site", site).field("listen", listen).field("connect", connect);
        }
        told.finish_non_exhaustive()
    }
}

/// The reason why a node was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no arbiter to start the node on.
    #[error(transparent)]
    Groups(#[from] StartError),
    /// The adapter cannot be opened.
    #[cfg(feature = "zenoh")]
    #[error(transparent)]
    Zenoh(#[from] zenoh::Error),
    /// The options for Erlang nodes are invalid.
    #[cfg(feature = "erlang")]
    #[error(transparent)]
    Erlang(#[from] erlang::Error),
}

/// A running node. After it is dropped, the node runs for as long as a clone of its [`PubSub`]
/// exists.
#[derive(Clone, Debug)]
pub struct Cluster {
    pubsub: PubSub,
    #[cfg(feature = "zenoh")]
    zenoh: Option<Arc<Zenoh>>,
    #[cfg(feature = "erlang")]
    erlang: Option<Erlang>,
}

/// Starts a node: its process groups, Zenoh if it is configured, and the driver that connects both.
///
/// The node listens when this returns. Other nodes appear afterwards, and may come and go;
/// [`PubSub::nodes`] lists them. If the driver panics, an error is logged, and the node leaves the
/// cluster and continues alone.
pub async fn start(options: Options) -> Result<Cluster, Error> {
    let arbiter = options.arbiter.clone().or_else(Arbiter::try_current);
    let arbiter = arbiter.ok_or(StartError::NoSystem)?;
    let mut groups = PubSub::builder(Arc::clone(&options.node));
    if let Some(max_channels) = options.max_channels {
        groups = groups.max_channels(max_channels);
    }
    #[cfg(feature = "erlang")]
    let (erlang, outside) = match options.erlang.clone() {
        Some(options) => {
            let (erlang, connections) = erlang::open(options)?;
            (Some(erlang), Outside::new(connections))
        }
        None => (None, Outside::default()),
    };
    #[cfg(not(feature = "erlang"))]
    let outside = Outside::default();
    let (pubsub, link) = groups.start_linked_in(&arbiter);
    #[cfg(feature = "zenoh")]
    if !options.others.is_nobody() {
        let (zenoh, incoming) = open(options.others, link.node().clone()).await?;
        let zenoh = Arc::new(zenoh);
        let leaving = Arc::clone(&zenoh);
        let leave = async move { leaving.close().await };
        run(&arbiter, link, Arc::clone(&zenoh) as Arc<dyn Adapter>, incoming, outside, leave);
        return Ok(Cluster {
            pubsub,
            zenoh: Some(zenoh),
            #[cfg(feature = "erlang")]
            erlang,
        });
    }
    let (isolated, incoming) = Isolated::open();
    run(&arbiter, link, Arc::new(isolated), incoming, outside, async {});
    Ok(Cluster {
        pubsub,
        #[cfg(feature = "zenoh")]
        zenoh: None,
        #[cfg(feature = "erlang")]
        erlang,
    })
}

#[cfg(feature = "zenoh")]
async fn open(others: Others, node: NodeId) -> Result<(Zenoh, Incoming), Error> {
    let options = zenoh::Options {
        site: others.site,
        node,
        listen: others.listen,
        connect: others.connect,
        secret: others.secret.ok_or(zenoh::Error::NoSecret)?,
        tls: others.tls,
        folder: others.folder,
    };
    Ok(Zenoh::open(options).await?)
}

impl Cluster {
    /// The process groups.
    pub fn pubsub(&self) -> &PubSub {
        &self.pubsub
    }

    /// The connections to Erlang nodes, if configured.
    #[cfg(feature = "erlang")]
    pub fn erlang(&self) -> Option<&Erlang> {
        self.erlang.as_ref()
    }

    /// Leaves the cluster: the other nodes see this node leave at once. Waits up to half a second
    /// for the other nodes to receive earlier messages. The process groups continue alone.
    pub async fn close(&self) {
        #[cfg(feature = "zenoh")]
        if let Some(zenoh) = &self.zenoh {
            zenoh.close().await;
        }
    }
}

/// Runs the driver. If it panics, the node leaves the cluster, so that the others do not keep
/// outdated members of this node.
fn run(
    arbiter: &ArbiterHandle,
    link: Link,
    adapter: Arc<dyn Adapter>,
    incoming: Incoming,
    outside: Outside,
    leave: impl Future<Output = ()> + Send + 'static,
) {
    arbiter.spawn_fn(move || {
        actix::spawn(async move {
            if let Err(fault) = actix::spawn(drive(link, adapter, incoming, outside)).await {
                log::error!("this node is alone until it restarts: its driver failed: {fault}");
                leave.await;
            }
        });
    });
}
