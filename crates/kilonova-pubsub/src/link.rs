//! The registry's link to other nodes. Owns what the registry tells of this node and learns of the
//! others. The holder of the link owns the messages and the network.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::mpsc;

use super::command::Command;
use super::inlet::Inlet;
use super::{Channel, Envelope, Error, Meta, NodeId, Sender};

/// How many events may wait for the holder of the link. Those beyond are lost: after lost changes
/// the versions have a gap, and the other nodes ask for all members.
const ROOM: usize = 64 * 1024;

/// Channels with longer names, in bytes, are local: other nodes do not learn their members.
pub(super) const LONGEST_NAME: usize = 16 * 1024;

/// What happened on this node that concerns the others.
#[derive(Clone, Debug)]
pub enum Local {
    /// A member joined or left once: the change that made this version of the membership, which
    /// counts them all.
    Changed(u64, Step),
    /// A broadcast to all nodes.
    Broadcast(Envelope),
}

/// One join or one leave.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where.
    pub channel: Channel,
    /// The member's number, which its node gave it and no other member there.
    pub member: u64,
    /// Whether it joined or left.
    pub joined: bool,
    /// The metadata that it has in the channel since it joined; `None` of one that left.
    pub meta: Option<Meta>,
}

/// A member in a channel, and how often it joined.
#[derive(Clone, Debug, PartialEq)]
pub struct Joins {
    /// Where.
    pub channel: Channel,
    /// The member's number.
    pub member: u64,
    /// How often; not 0.
    pub times: u32,
    /// Its metadata in the channel.
    pub meta: Option<Meta>,
}

/// All members of one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// How many changes led to them.
    pub version: u64,
    /// In no order.
    pub joins: Vec<Joins>,
}

/// What another node's members are.
#[derive(Clone, Debug)]
pub enum Update {
    /// These, and no others.
    Members(NodeId, Vec<Joins>),
    /// Those known, after these steps.
    Steps(NodeId, Vec<Step>),
    /// None any more: the node is gone or out of reach.
    Gone(NodeId),
}

/// What connects a registry with other nodes:
/// [`Builder::start_linked_in`](super::Builder::start_linked_in).
///
/// It does not keep the registry running.
#[derive(Debug)]
pub struct Link {
    node: NodeId,
    local: mpsc::Receiver<Local>,
    lost: Arc<AtomicU64>,
    inlet: Weak<Inlet>,
}

/// The registry's end.
pub(super) struct Outlet {
    local: mpsc::Sender<Local>,
    version: u64,
    /// The last version that found no room.
    lost: Arc<AtomicU64>,
}

impl Link {
    pub(super) fn new(node: NodeId) -> (Outlet, impl FnOnce(&Arc<Inlet>) -> Link) {
        let (sender, local) = mpsc::channel(ROOM);
        let lost = Arc::<AtomicU64>::default();
        let outlet = Outlet { local: sender, version: 0, lost: Arc::clone(&lost) };
        (outlet, move |inlet| Link { node, local, lost, inlet: Arc::downgrade(inlet) })
    }

    /// This node.
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// Waits for events on this node, and takes up to `limit` of them, in order; none when the
    /// registry has stopped.
    pub async fn next(&mut self, limit: usize) -> Vec<Local> {
        let mut taken = Vec::new();
        self.local.recv_many(&mut taken, limit).await;
        taken
    }

    /// The last version of the membership that found no room, once everything before it was taken;
    /// otherwise 0.
    pub fn lost(&self) -> u64 {
        // What was lost was so after what waits.
        let lost = self.lost.load(Ordering::Acquire);
        if self.local.is_empty() { lost } else { 0 }
    }

    /// All members of this node now.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let inlet = self.inlet.upgrade().ok_or(Error::Stopped)?;
        inlet.ask(Command::Snapshot).await
    }

    /// Takes in what other nodes' members are.
    pub async fn update(&self, update: Update) -> Result<(), Error> {
        let inlet = self.inlet.upgrade().ok_or(Error::Stopped)?;
        inlet.send(Command::Update(update)).await
    }

    /// Delivers what another node broadcast to the members on this one.
    pub async fn deliver(&self, from: &NodeId, envelopes: Vec<Envelope>) -> Result<(), Error> {
        self.deliver_by(Sender::remote(from), envelopes).await
    }

    /// [`Link::deliver`] of a node of another kind of cluster: [`Sender::origin`].
    pub async fn deliver_foreign(
        &self,
        from: &NodeId,
        origin: &'static str,
        envelopes: Vec<Envelope>,
    ) -> Result<(), Error> {
        self.deliver_by(Sender::foreign(from, origin), envelopes).await
    }

    async fn deliver_by(&self, sender: Sender, envelopes: Vec<Envelope>) -> Result<(), Error> {
        let inlet = self.inlet.upgrade().ok_or(Error::Stopped)?;
        let sender = Arc::new(sender);
        let sent = envelopes.into_iter().map(|envelope| envelope.sent_by(&sender));
        let envelopes = sent.collect();
        inlet.ask(|done| Command::DispatchAll { envelopes, done }).await
    }
}

impl Outlet {
    /// Tells of a change on this node.
    pub(super) fn changed(
        &mut self,
        channel: &Channel,
        member: u64,
        joined: bool,
        meta: Option<Meta>,
    ) {
        if channel.as_str().len() > LONGEST_NAME {
            return;
        }
        self.version += 1;
        let step = Step { channel: channel.clone(), member, joined, meta };
        // The gap in the versions tells of it, or the version itself if nothing follows.
        if self.local.try_send(Local::Changed(self.version, step)).is_err() {
            self.lost.store(self.version, Ordering::Release);
        }
    }

    pub(super) fn broadcast(&self, envelope: &Envelope) {
        if self.local.try_send(Local::Broadcast(envelope.clone())).is_err() {
            log::warn!(
                "a broadcast on {} did not reach other nodes: too many wait",
                envelope.channel()
            );
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }
}
