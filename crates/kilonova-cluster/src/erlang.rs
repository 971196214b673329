//! Joins a cluster of Erlang nodes: shares some channels with the process groups (`pg`) that Nova's
//! `nova_pubsub` uses.
//!
//! This node connects to each configured Erlang node as a hidden node: other Erlang nodes do not
//! discover it. On each connection, one process for each shared channel joins the group of the same
//! name. A broadcast of an Erlang node therefore crosses once, however many members this node has.
//! Members on this node receive it with the Erlang node as its sender and `erlang` as its origin
//! ([`Sender::origin`](kilonova_pubsub::Sender::origin)). A broadcast on this node goes to each
//! member of the group on each connected Erlang node, as [`nova_pubsub:broadcast/3`] sends it.
//!
//! - Only messages on shared channels cross, in either direction, and none crosses twice: a message
//!   from Erlang is delivered on this node only, and a message from another node of this cluster is
//!   not forwarded. Each node of a cluster that shares channels therefore has its own connections,
//!   as Erlang nodes do. A gateway node would be a single point of failure and would add a hop.
//! - Membership works as between Erlang nodes: when an Erlang node dies or becomes unreachable, its
//!   members are removed. They return with the node.
//! - Delivery is at most once, and in the order of the sender. A broadcast that finds the queue to
//!   a slow node full is lost for that node. A log line reports losses at most every ten seconds.
//! - Payloads are JSON on this node and terms on Erlang nodes. A message whose payload JSON cannot
//!   represent is ignored.
//!
//! The connections are not encrypted, and anyone who has the cookie can run code on all Erlang
//! nodes. Addresses outside private networks must be allowed explicitly
//! ([`Options::allow_cleartext`]).
//!
//! [`nova_pubsub:broadcast/3`]: https://hexdocs.pm/nova/nova_pubsub.html

mod connection;
mod control;
mod envelope;
mod epmd;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handshake;
mod json;
mod options;
mod outbox;
mod peer;
mod pg;
mod term;
#[cfg(test)]
mod transcripts;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kilonova_pubsub::Envelope;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use self::handshake::Cookie;
#[doc(hidden)]
pub use self::options::Timing;
pub use self::options::{BadPeer, Error, Options, Peer, is_private};

use self::connection::Command;
use self::envelope::Outgoing;
use self::peer::Slot;
use crate::loss::Loss;
use crate::outside::Heard;

/// The number of broadcasts that may wait to be encoded as terms, and their bytes.
const OUTGOING: usize = 1_024;
const OUTGOING_BYTES: usize = 16 * 1024 * 1024;

/// The number of broadcasts and changes from Erlang nodes that may wait for the registry.
const HEARD: usize = 4_096;

/// A handle to the connections to Erlang nodes, cheap to clone.
#[derive(Clone, Debug)]
pub struct Erlang {
    outgoing: mpsc::Sender<Envelope>,
    shared: Arc<Shared>,
    slots: Arc<[Arc<Slot>]>,
}

/// The state that all connections share.
#[derive(Debug)]
struct Shared {
    options: Options,
    /// The number of this run of the node.
    creation: u32,
    serial: AtomicU32,
    /// The groups that have a member here.
    joined: Mutex<BTreeSet<usize>>,
    heard: mpsc::Sender<Heard>,
    /// The bytes of the broadcasts in `outgoing`.
    waiting: AtomicUsize,
    lost_in: Loss,
    lost_out: Loss,
    ignored: Loss,
}

impl Shared {
    fn next_serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }
}

/// The connections to Erlang nodes, to be run by the driver.
#[derive(Debug)]
pub struct Connections {
    erlang: Erlang,
    outgoing: mpsc::Receiver<Envelope>,
    heard: mpsc::Receiver<Heard>,
}

/// Checks the options and prepares the connections. Nothing connects until you pass the
/// [`Connections`] to [`run_beside`](crate::run_beside).
pub fn open(options: Options) -> Result<(Erlang, Connections), Error> {
    options.check()?;
    let (sender, outgoing) = mpsc::channel(OUTGOING);
    let (heard_sender, heard) = mpsc::channel(HEARD);
    let slots = options.peers.iter().map(|_| Arc::default()).collect();
    let all = (0..options.channels.len()).collect();
    let shared = Shared {
        options,
        // 0 would mean any run.
        creation: getrandom::u32().unwrap_or_default().max(1),
        serial: AtomicU32::new(1),
        joined: Mutex::new(all),
        heard: heard_sender,
        waiting: AtomicUsize::new(0),
        lost_in: Loss::new("broadcasts from Erlang nodes were lost: too many were waiting"),
        lost_out: Loss::new("broadcasts to Erlang nodes were lost: too many were waiting"),
        ignored: Loss::new("messages from Erlang nodes were ignored"),
    };
    let erlang = Erlang { outgoing: sender, shared: Arc::new(shared), slots };
    let connections = Connections { erlang: erlang.clone(), outgoing, heard };
    Ok((erlang, connections))
}

impl Erlang {
    /// Returns true if the channel is shared.
    pub fn shares(&self, channel: &str) -> bool {
        self.group(channel).is_some()
    }

    /// Sends to the members of the envelope's channel on all connected Erlang nodes, if the channel
    /// is shared. Never waits.
    pub fn broadcast(&self, envelope: Envelope) {
        if !self.shares(envelope.channel().as_str()) {
            return;
        }
        let bytes = envelope.payload().as_json().len();
        let waiting = self.shared.waiting.fetch_add(bytes, Ordering::Relaxed);
        if waiting + bytes > OUTGOING_BYTES || self.outgoing.try_send(envelope).is_err() {
            self.shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.shared.lost_out.note();
        }
    }

    /// Makes this node's member of a channel join or leave its group.
    #[doc(hidden)]
    pub fn share(&self, channel: &str, joined: bool) {
        let Some(group) = self.group(channel) else { return };
        let mut all = self.shared.joined.lock().unwrap_or_else(PoisonError::into_inner);
        let is_change = if joined { all.insert(group) } else { all.remove(&group) };
        if is_change {
            self.send(&Command::Share(group, joined));
        }
    }

    fn group(&self, channel: &str) -> Option<usize> {
        self.shared.options.channels.iter().position(|shared| **shared == *channel)
    }

    fn send(&self, command: &Command) {
        for slot in &*self.slots {
            if !slot.send(command.clone()) {
                self.shared.lost_out.note();
            }
        }
    }

    /// Encodes broadcasts as terms, once for all nodes.
    async fn forward(self, mut outgoing: mpsc::Receiver<Envelope>) {
        while let Some(envelope) = outgoing.recv().await {
            let bytes = envelope.payload().as_json().len();
            self.shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
            let Some(group) = self.group(envelope.channel().as_str()) else { continue };
            match Outgoing::new(&envelope) {
                Ok(message) => self.send(&Command::Broadcast(group, Arc::new(message))),
                Err(error) => log::warn!("a broadcast was not sent to Erlang nodes: {error}"),
            }
        }
    }
}

impl Connections {
    /// Starts connecting. The tasks end with the returned set.
    pub(crate) fn start(self) -> (Erlang, mpsc::Receiver<Heard>, JoinSet<()>) {
        let Connections { erlang, outgoing, heard } = self;
        let mut tasks = JoinSet::new();
        let options = &erlang.shared.options;
        for (peer, slot) in options.peers.iter().zip(&*erlang.slots) {
            tasks.spawn(peer::keep(Arc::clone(&erlang.shared), peer.clone(), Arc::clone(slot)));
        }
        tasks.spawn(erlang.clone().forward(outgoing));
        (erlang, heard, tasks)
    }
}
