//! The connection to one Erlang node: connects, does the handshake, and reconnects. Only this side
//! connects: if two nodes connect to each other at the same time, one may be refused.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kilonova_pubsub::NodeId;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::connection::{Command, Connection};
use super::options::is_private;
use super::outbox::Names;
use super::pg::Group;
use super::{Peer, Shared, epmd, handshake};

/// The number of commands that may wait for one connection.
const COMMANDS: usize = 1_024;

/// The pause before a log line is repeated.
const REPEAT: Duration = Duration::from_secs(60);

/// The connection to a node, for the rest of this node.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<Option<mpsc::Sender<Command>>>);

impl Slot {
    /// Passes on a command. Returns false if the connection is too slow. Without a connection,
    /// drops the command.
    pub(super) fn send(&self, command: Command) -> bool {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(connection) => match connection.try_send(command) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
                Err(mpsc::error::TrySendError::Full(_)) => false,
            },
            None => true,
        }
    }

    fn set(&self, connection: Option<mpsc::Sender<Command>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

/// The reason why a connection failed.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Epmd(#[from] epmd::Failed),
    #[error("the handshake failed: {0}")]
    Handshake(#[from] handshake::Failed),
    #[error("{0} is not a private address, and nothing would be encrypted")]
    Public(IpAddr),
    #[error("it did not answer within {0:?}")]
    Timeout(Duration),
    #[error("its host name has no address")]
    NoAddress,
}

/// Keeps a connection to a node for as long as this node runs.
pub(super) async fn keep(shared: Arc<Shared>, peer: Peer, slot: Arc<Slot>) {
    let timing = shared.options.timing;
    let mut pause = timing.backoff.0;
    let mut said: Option<(String, Instant)> = None;
    loop {
        let begun = Instant::now();
        let connecting = tokio::time::timeout(timing.connect, connect(&shared, &peer)).await;
        match connecting.unwrap_or(Err(Failed::Timeout(timing.connect))) {
            Ok((stream, creation)) => {
                said = None;
                run(&shared, &peer, &slot, stream, creation).await;
                if begun.elapsed() > timing.backoff.1 {
                    pause = timing.backoff.0;
                }
            }
            Err(failed) => {
                let text = failed.to_string();
                if said.as_ref().is_none_or(|(last, at)| *last != text || at.elapsed() > REPEAT) {
                    log::warn!("the Erlang node {} cannot be reached: {text}", peer.name);
                    said = Some((text, Instant::now()));
                }
            }
        }
        // A random factor, so that nodes that lost the same node do not reconnect at the same time.
        let spread = getrandom::u32().unwrap_or_default() % 256;
        tokio::time::sleep(pause.mul_f32(0.75 + spread as f32 / 512.0)).await;
        pause = (pause * 2).min(timing.backoff.1);
    }
}

async fn connect(shared: &Shared, peer: &Peer) -> Result<(TcpStream, u32), Failed> {
    let options = &shared.options;
    let port = peer.port.unwrap_or(options.epmd);
    let mut failed = Failed::NoAddress;
    for address in tokio::net::lookup_host((peer.host(), port)).await? {
        if !options.allow_cleartext && !is_private(address.ip()) {
            failed = Failed::Public(address.ip());
            continue;
        }
        match call(shared, peer, address).await {
            Ok(connected) => return Ok(connected),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn call(
    shared: &Shared,
    peer: &Peer,
    mut address: SocketAddr,
) -> Result<(TcpStream, u32), Failed> {
    let options = &shared.options;
    if peer.port.is_none() {
        address.set_port(epmd::port(address.ip(), options.epmd, peer.alive()).await?);
    }
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let challenge = getrandom::u32().map_err(std::io::Error::other)?;
    let (name, cookie) = (&options.name, &options.cookie);
    let handshake =
        handshake::call(&mut stream, name, shared.creation, &peer.name, cookie, challenge);
    let creation = handshake.await?;
    Ok((stream, creation))
}

async fn run(shared: &Arc<Shared>, peer: &Peer, slot: &Slot, stream: TcpStream, creation: u32) {
    log::info!("connected to the Erlang node {}", peer.name);
    let names = Names {
        own: Arc::clone(&shared.options.name),
        own_creation: shared.creation,
        peer: Arc::clone(&peer.name),
        peer_creation: creation,
    };
    let (sender, mut commands) = mpsc::channel(COMMANDS);
    let joined: BTreeSet<Group> = {
        let joined = shared.joined.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that no change falls between the two.
        slot.set(Some(sender));
        joined.clone()
    };
    let node = NodeId::now(Arc::clone(&peer.name));
    let mut connection =
        Connection::new(Arc::clone(shared), names, shared.next_serial(), node, joined);
    let (reader, writer) = stream.into_split();
    let ended = connection.run(reader, writer, &mut commands).await;
    slot.set(None);
    log::warn!("the connection to the Erlang node {} ended: {ended}", peer.name);
    connection.end().await;
}
