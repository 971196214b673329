//! Reaches the other nodes with Zenoh, as a peer inside this process. Owns the session: opening it,
//! sending, and closing it.
//!
//! Every two nodes have a direct connection, which at least one of them is configured to make:
//! there is no discovery and no forwarding. A node is present as long as its liveliness token,
//! which ends with the node's last connection. Zenoh's user and password keep out clients without
//! the secret. They prove only the connecting side, so tokens and messages also carry a proof
//! (`proof`); those without one are ignored.
//!
//! Anyone who can read the network can read the messages, unless the endpoints are `tls/`.
//!
//! # Frozen peers
//!
//! A thread that closes the connection to a peer that has stopped reading waits for that peer, by
//! default for ten seconds ([zenoh#1101](https://github.com/eclipse-zenoh/zenoh/issues/1101)).
//! Zenoh has one or two threads for each task, so healthy nodes seem gone during this time. The
//! wait is fixed when Zenoh is compiled, and no run-time option changes it. Do one of the
//! following:
//!
//! - Compile without the wait. Put this into the application's `.cargo/config.toml`, because Cargo
//!   ignores such settings in a dependency:
//!
//!   ```toml
//!   [env]
//!   TCP_LINGER_TIMEOUT = "0"
//!   TLS_LINGER_TIMEOUT = "0"
//!   ```
//! - Run with more threads than the number of peers that may freeze at the same time: set the
//!   environment variable `ZENOH_RUNTIME` to [`RUNTIME`].
//!
//! [`Zenoh::open`] logs a warning if you do neither.

mod config;
mod credentials;
mod endpoint;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod key;
mod options;
mod proof;
mod receiver;
#[cfg(test)]
mod tests;
mod watcher;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::zenoh::key_expr::KeyExpr;
use ::zenoh::liveliness::LivelinessToken;
use ::zenoh::qos::CongestionControl;
use ::zenoh::query::QueryTarget;
use ::zenoh::sample::Locality;
use ::zenoh::{Session, Wait};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use self::key::Keys;
use self::proof::Proof;
use self::receiver::Receiver;
use super::loss::Loss;
use super::{Adapter, Incoming, NodeId};

pub use self::endpoint::{BadEndpoint, Endpoint};
pub use self::error::Error;
pub use self::options::{Options, Secret, Tls};

/// The largest message that is sent or accepted, in bytes.
pub const MAX_MESSAGE: usize = super::message::LARGEST;

/// The number of messages that may wait for the reader of [`Incoming`]. Further messages are lost.
pub const MAX_WAITING: usize = 4_096;

/// A filter for `env_logger` that keeps the useful part of Zenoh's log. Zenoh logs an error each
/// time two nodes that connect to each other find that they are already connected, and they retry
/// every few seconds. It also logs data from strangers. The adapter itself logs which nodes cannot
/// be reached.
pub const LOG_FILTER: &str =
    "zenoh=error,zenoh_transport::unicast::establishment=off,zenoh_codec=off";

// How long a leaving node waits for the others to receive its last messages.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);

/// Sixteen threads for each of Zenoh's tasks, as the value of the environment variable
/// `ZENOH_RUNTIME`: for a program that is not compiled with `TCP_LINGER_TIMEOUT=0`.
pub const RUNTIME: &str =
    "(rx: (worker_threads: 16), tx: (worker_threads: 16), net: (worker_threads: 16))";

// The values that Zenoh was compiled with.
const LINGER: [Option<&str>; 2] =
    [option_env!("TCP_LINGER_TIMEOUT"), option_env!("TLS_LINGER_TIMEOUT")];

/// An adapter that connects to the configured nodes, and accepts connections from other nodes.
pub struct Zenoh {
    // `None` only while the adapter is being dropped.
    session: Option<(Session, LivelinessToken)>,
    keys: Keys,
    all: KeyExpr<'static>,
    // This node as messages encode it.
    own: Vec<u8>,
    proof: Proof,
    too_large: Loss,
    watcher: Option<AbortHandle>,
}

impl Zenoh {
    /// Listens, starts to connect, and announces this node. Peers that are down, or whose names do
    /// not resolve yet, are not an error: the adapter retries them for as long as it is open.
    pub async fn open(options: Options) -> Result<(Zenoh, Incoming), Error> {
        options.check()?;
        let lingers = LINGER.iter().any(|seconds| *seconds != Some("0"));
        if lingers && std::env::var_os("ZENOH_RUNTIME").is_none() {
            log::warn!(
                "one frozen peer can make other nodes seem gone for ten seconds; compile with \
                 TCP_LINGER_TIMEOUT=0 and TLS_LINGER_TIMEOUT=0 in .cargo/config.toml, or set the \
                 environment variable ZENOH_RUNTIME='{RUNTIME}'"
            );
        }
        for endpoint in &options.listen {
            endpoint.try_listen().await?;
        }
        let connect = endpoint::without_own(&options.connect, &options.listen).await;
        let credentials = credentials::write(&options)?;
        let config = config::build(&options, &connect, credentials.path())?;
        let keys = Keys::new(&options.site, &options.node);
        let proof = Proof::new(&options.secret, &options.site);

        let (node_sender, nodes) = watch::channel(Default::default());
        let (message_sender, messages) = mpsc::channel(MAX_WAITING);
        let receiver = Arc::new(Receiver::new(
            options.node.clone(),
            keys.clone(),
            proof.clone(),
            node_sender,
            message_sender,
        ));
        let token = keys.token(&proof);
        let declared = keys.clone();
        let session = apart(move || {
            let session = ::zenoh::open(config).wait()?;
            let token = declare(&session, &declared, token, receiver)?;
            Ok((session, token))
        })
        .await
        .map_err(Error::open)?;
        // Zenoh has read the file.
        drop(credentials);

        let watcher = (!connect.is_empty())
            .then(|| tokio::spawn(watcher::watch(connect, nodes.clone())).abort_handle());
        let too_large = Loss::new("messages to other nodes were not sent: larger than 1 MiB");
        let zenoh = Zenoh {
            session: Some(session),
            all: KeyExpr::try_from(keys.all()).map_err(Error::open)?,
            own: key::to_bytes(&options.node),
            keys,
            proof,
            too_large,
            watcher,
        };
        Ok((zenoh, Incoming { nodes, messages }))
    }

    /// Leaves the cluster: the other nodes see this node leave at once, and [`Incoming`] ends.
    /// Waits up to half a second for the other nodes to receive earlier messages. Later messages go
    /// nowhere.
    pub async fn close(&self) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
        let Some(session) = self.session.as_ref().map(|(session, _)| session.clone()) else {
            return;
        };
        let taken = self.keys.taken();
        let leave = move || {
            // Connections do not linger, so messages still in transit when they close are lost.
            let answers = session
                .get(taken)
                .target(QueryTarget::All)
                .allowed_destination(Locality::Remote)
                .timeout(LEAVE_WITHIN)
                .wait()?;
            while answers.recv().is_ok() {}
            session.close().wait()
        };
        if let Err(error) = apart(leave).await {
            log::warn!("cannot close the connections to other nodes: {}", error::line(&error));
        }
    }

    fn put(&self, key: &KeyExpr<'_>, to: Option<&[u8]>, message: Bytes) {
        if message.len() > MAX_MESSAGE {
            return self.too_large.note();
        }
        let Some((session, _)) = &self.session else { return };
        let proof = self.proof.of_message(&self.own, to, &message);
        let put = session.put(key, message).attachment([&proof[..], &self.own].concat());
        if let Err(error) = put.congestion_control(CongestionControl::Drop).wait() {
            log::debug!("a message to other nodes was not sent: {}", error::line(&error));
        }
    }
}

impl Adapter for Zenoh {
    fn send_to_all(&self, message: Bytes) {
        self.put(&self.all, None, message);
    }

    fn send_to(&self, node: &NodeId, message: Bytes) {
        if let Ok(key) = KeyExpr::try_from(self.keys.one(node)) {
            self.put(&key, Some(&key::to_bytes(node)), message);
        }
    }
}

/// Closing waits for connections. A drop must not wait, least of all on a worker thread.
impl Drop for Zenoh {
    fn drop(&mut self) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
        let session = self.session.take();
        std::thread::spawn(move || drop(session));
    }
}

impl fmt::Debug for Zenoh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zenoh").field("keys", &self.keys).finish_non_exhaustive()
    }
}

// Messages first and the token last, so that a node that sees this one can reach it.
fn declare(
    session: &Session,
    keys: &Keys,
    token: String,
    receiver: Arc<Receiver>,
) -> ::zenoh::Result<LivelinessToken> {
    let (to_all, to_own) = (receiver.clone(), receiver.clone());
    session
        .declare_subscriber(keys.all())
        .callback(move |sample| to_all.to_all(&sample))
        .background()
        .wait()?;
    session
        .declare_subscriber(keys.own())
        .callback(move |sample| to_own.to_own(&sample))
        .background()
        .wait()?;
    // The query arrives after its sender's earlier messages, and is answered as soon as it is
    // dropped.
    session.declare_queryable(keys.taken()).callback(drop).background().wait()?;
    session
        .liveliness()
        .declare_subscriber(keys.tokens())
        .history(true)
        .callback(move |sample| receiver.token(&sample))
        .background()
        .wait()?;
    session.liveliness().declare_token(token).wait()
}

// Zenoh blocks in these calls, and refuses to on a single-threaded runtime such as actix's.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> ::zenoh::Result<T> + Send + 'static,
) -> ::zenoh::Result<T> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("cluster".to_owned()).spawn(move || {
        // If the caller no longer waits, the result is dropped here, which closes the session.
        let _ = sender.send(work());
    })?;
    receiver.await?
}
