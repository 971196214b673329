//! A node of a cluster of Erlang nodes: shares some channels with the process groups (`pg`) that
//! Nova's `nova_pubsub` uses.
//!
//! This node connects to each Erlang node that it was told of, as a hidden node: the others do not
//! find it by themselves. On each connection one process for each shared channel joins the group
//! of the same name, so that a broadcast of an Erlang node crosses once, however many members this
//! node has. Members here hear it with the Erlang node as its sender and `erlang` as its origin
//! ([`Sender::origin`](kilonova_pubsub::Sender::origin)). A broadcast on this node goes to each
//! member of the group on each connected Erlang node, as [`nova_pubsub:broadcast/3`] sends it.
//!
//! - Nothing but the shared channels crosses, either way, and nothing crosses twice: what comes
//!   from Erlang is delivered on this node only, and what comes from another node of this cluster
//!   is not passed on. So each node of a cluster that shares channels connects by itself, as Erlang
//!   nodes do. One node for all would be a single point of failure, and would cost a second hop.
//! - Membership follows as between Erlang nodes: members of an Erlang node that died or cannot be
//!   reached are gone, and come back with it.
//! - Delivery is at most once, and in the order of the sender. A broadcast that finds no room is
//!   lost for the node that is too slow, with a line in the log at most every ten seconds.
//! - Payloads are JSON here and terms there; a term that JSON cannot hold is ignored.
//!
//! The connections are not encrypted, and their cookie lets its holder run code on all Erlang
//! nodes. Other addresses than those of private networks must be allowed explicitly.
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

/// Broadcasts that wait to be written as terms, and their bytes.
const OUTGOING: usize = 1_024;
const OUTGOING_BYTES: usize = 16 * 1024 * 1024;

/// Broadcasts and changes of Erlang nodes that wait for the registry.
const HEARD: usize = 4_096;

/// A handle on the connections to Erlang nodes, cheap to clone.
#[derive(Clone, Debug)]
pub struct Erlang {
    outgoing: mpsc::Sender<Envelope>,
    shared: Arc<Shared>,
    slots: Arc<[Arc<Slot>]>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    options: Options,
    /// This run of this node.
    creation: u32,
    serial: AtomicU32,
    /// The groups that have a member here.
    joined: Mutex<BTreeSet<usize>>,
    heard: mpsc::Sender<Heard>,
    /// The bytes of what waits in `outgoing`.
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

/// The side of the connections that the driver has.
#[derive(Debug)]
pub struct Connections {
    erlang: Erlang,
    outgoing: mpsc::Receiver<Envelope>,
    heard: mpsc::Receiver<Heard>,
}

/// Checks the options. Nothing connects before the [`Connections`] are given to
/// [`run_beside`](crate::run_beside).
pub fn open(options: Options) -> Result<(Erlang, Connections), Error> {
    options.check()?;
    let (sender, outgoing) = mpsc::channel(OUTGOING);
    let (heard_sender, heard) = mpsc::channel(HEARD);
    let slots = options.peers.iter().map(|_| Arc::default()).collect();
    let all = (0..options.channels.len()).collect();
    let shared = Shared {
        options,
        // 0 would stand for any run.
        creation: getrandom::u32().unwrap_or_default().max(1),
        serial: AtomicU32::new(1),
        joined: Mutex::new(all),
        heard: heard_sender,
        waiting: AtomicUsize::new(0),
        lost_in: Loss::new("broadcasts of Erlang nodes were lost: too many wait"),
        lost_out: Loss::new("broadcasts to Erlang nodes were lost: too many wait"),
        ignored: Loss::new("messages of Erlang nodes were ignored"),
    };
    let erlang = Erlang { outgoing: sender, shared: Arc::new(shared), slots };
    let connections = Connections { erlang: erlang.clone(), outgoing, heard };
    Ok((erlang, connections))
}

impl Erlang {
    /// Whether the channel is shared.
    pub fn shares(&self, channel: &str) -> bool {
        self.group(channel).is_some()
    }

    /// Sends to the members of the envelope's channel on all Erlang nodes that are connected, if
    /// the channel is shared. Never waits.
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

    /// The member of a channel joins or leaves its group.
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

    /// Writes broadcasts as terms, once for all nodes.
    async fn forward(self, mut outgoing: mpsc::Receiver<Envelope>) {
        while let Some(envelope) = outgoing.recv().await {
            let bytes = envelope.payload().as_json().len();
            self.shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
            let Some(group) = self.group(envelope.channel().as_str()) else { continue };
            match Outgoing::new(&envelope) {
                Ok(message) => self.send(&Command::Broadcast(group, Arc::new(message))),
                Err(error) => log::warn!("a broadcast did not go to Erlang nodes: {error}"),
            }
        }
    }
}

impl Connections {
    /// Starts to connect. The tasks end with the returned set.
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
