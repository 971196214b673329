//! Reaches the other nodes with Zenoh, as one peer among them, inside the process. Owns the
//! session: opening it, sending, closing.
//!
//! Every two nodes have a connection of their own, which one of them, or both, was told to make:
//! nothing is found by itself and nothing is passed on. A node is there as long as its liveliness
//! token is, which ends with its last connection. Zenoh's user and password keep out who connects
//! without the secret; but as there only the connecting side proves itself, tokens and messages
//! also carry a proof (`proof`), and what comes without is ignored.
//!
//! What is sent is not secret from who can read the network, unless the endpoints are `tls/`.
//!
//! # A frozen peer must not hold up the others
//!
//! A thread that closes the connection to a peer which takes nothing more waits for that peer, by
//! default for ten seconds ([zenoh#1101](https://github.com/eclipse-zenoh/zenoh/issues/1101)).
//! Zenoh has one to two threads for each task, so healthy nodes seem gone meanwhile. Zenoh fixes
//! these seconds when it is compiled, and no option at run time changes them. Do one of these:
//!
//! - Compile without the wait. Put this into the application's `.cargo/config.toml`; cargo passes
//!   no such setting on from a dependency:
//!
//!   ```toml
//!   [env]
//!   TCP_LINGER_TIMEOUT = "0"
//!   TLS_LINGER_TIMEOUT = "0"
//!   ```
//! - Or run with more threads than peers may freeze at a time, in an environment with [`RUNTIME`].
//!
//! [`Zenoh::open`] logs a warning when neither was done.

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

/// The largest message that is sent or taken, in bytes.
pub const MAX_MESSAGE: usize = super::message::LARGEST;

/// How many messages wait for the reader of [`Incoming`]; what comes beyond that is lost.
pub const MAX_WAITING: usize = 4_096;

/// What of Zenoh's log is worth reading, as a filter of `env_logger`. Zenoh calls it an error
/// whenever two nodes that connect to each other find that they are connected already, which they
/// try again every few seconds, and repeats what strangers send it; the adapter says itself which
/// nodes cannot be reached.
pub const LOG_FILTER: &str =
    "zenoh=error,zenoh_transport::unicast::establishment=off,zenoh_codec=off";

// How long a node that leaves waits for the others to take what it has sent.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);

/// Sixteen threads for each of Zenoh's tasks, as the value of the environment variable
/// `ZENOH_RUNTIME`: for a program that could not be compiled with `TCP_LINGER_TIMEOUT=0`.
pub const RUNTIME: &str =
    "(rx: (worker_threads: 16), tx: (worker_threads: 16), net: (worker_threads: 16))";

// What Zenoh was compiled with.
const LINGER: [Option<&str>; 2] =
    [option_env!("TCP_LINGER_TIMEOUT"), option_env!("TLS_LINGER_TIMEOUT")];

/// The adapter that reaches the nodes which it was told of, and those that were told of it.
pub struct Zenoh {
    // None only while it is being dropped.
    session: Option<(Session, LivelinessToken)>,
    keys: Keys,
    all: KeyExpr<'static>,
    // As messages tell it.
    own: Vec<u8>,
    proof: Proof,
    too_large: Loss,
    watcher: Option<AbortHandle>,
}

impl Zenoh {
    /// Listens, begins to connect, and is known to the others from then on. Peers that are not
    /// there, or whose names cannot be resolved yet, are no error: they are tried again for as long
    /// as the adapter is open.
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
        // Zenoh has read it.
        drop(credentials);

        let watcher = (!connect.is_empty())
            .then(|| tokio::spawn(watcher::watch(connect, nodes.clone())).abort_handle());
        let too_large = Loss::new("messages were not sent to other nodes: too large");
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

    /// Leaves: the others see this node go at once, and [`Incoming`] ends. What was sent before has
    /// reached them by then, but for those who have not taken it within half a second; what is sent
    /// from then on goes to nobody.
    pub async fn close(&self) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
        let Some(session) = self.session.as_ref().map(|(session, _)| session.clone()) else {
            return;
        };
        let taken = self.keys.taken();
        let leave = move || {
            // As connections do not linger, what is still on its way when they are closed is lost.
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
            log::warn!("closing the connections to other nodes: {}", error::line(&error));
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
            log::debug!("nothing sent to other nodes: {}", error::line(&error));
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

/// Closing waits for connections, which a drop must not do, least of all on a worker's thread.
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

// Messages first and the token last: who sees the node can reach it.
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
    // It comes behind what its sender has sent before, and is answered as soon as it is dropped.
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

// Zenoh blocks in these, and refuses to on a thread of a single-threaded runtime, as actix's are.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> ::zenoh::Result<T> + Send + 'static,
) -> ::zenoh::Result<T> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("cluster".to_owned()).spawn(move || {
        // Whoever waited may have gone; then what was opened closes here.
        let _ = sender.send(work());
    })?;
    receiver.await?
}
