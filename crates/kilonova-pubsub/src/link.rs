//! The registry's link to other nodes. Owns the events that the registry sends and the updates that
//! it receives; leaves the messages and the network to the holder of the link.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::mpsc;

use super::command::Command;
use super::inlet::Inlet;
use super::{Channel, Envelope, Error, Meta, NodeId, Sender};

/// How many events may wait for the holder of the link. Further events are lost: after lost changes
/// the versions have a gap, and the other nodes request a snapshot.
const ROOM: usize = 64 * 1024;

/// The maximum length in bytes of a channel name that other nodes see. The members of channels with
/// longer names are local.
pub(super) const LONGEST_NAME: usize = 16 * 1024;

/// An event on this node that other nodes must learn of.
#[derive(Clone, Debug)]
pub enum Local {
    /// A member joined or left once. The first field is the membership's version after the change;
    /// each change increments it.
    Changed(u64, Step),
    /// A broadcast to all nodes.
    Broadcast(Envelope),
}

/// One join or leave.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The channel.
    pub channel: Channel,
    /// The member's number, assigned by its node and unique there.
    pub member: u64,
    /// True for a join, false for a leave.
    pub joined: bool,
    /// The member's metadata in the channel after a join; `None` for a leave.
    pub meta: Option<Meta>,
}

/// A member of a channel, with how often it joined.
#[derive(Clone, Debug, PartialEq)]
pub struct Joins {
    /// The channel.
    pub channel: Channel,
    /// The member's number.
    pub member: u64,
    /// How often it joined; never 0.
    pub times: u32,
    /// The member's metadata in the channel.
    pub meta: Option<Meta>,
}

/// All members of one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The version: the number of changes so far.
    pub version: u64,
    /// The members of all channels, in no particular order.
    pub joins: Vec<Joins>,
}

/// A change to the known members of another node.
#[derive(Clone, Debug)]
pub enum Update {
    /// Replaces the node's members.
    Members(NodeId, Vec<Joins>),
    /// Applies these steps to the node's known members.
    Steps(NodeId, Vec<Step>),
    /// Removes all of the node's members: it is gone or unreachable.
    Gone(NodeId),
}

/// Connects a registry with other nodes; see
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
    /// The last version whose change was lost because the channel was full.
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

    /// Waits for events on this node, and returns up to `limit` of them in order. Returns none when
    /// the registry has stopped.
    pub async fn next(&mut self, limit: usize) -> Vec<Local> {
        let mut taken = Vec::new();
        self.local.recv_many(&mut taken, limit).await;
        taken
    }

    /// The last version whose change was lost because too many events waited, once all earlier
    /// events have been taken; otherwise 0.
    pub fn lost(&self) -> u64 {
        // Waiting events are older than the lost change.
        let lost = self.lost.load(Ordering::Acquire);
        if self.local.is_empty() { lost } else { 0 }
    }

    /// All members of this node now.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let inlet = self.inlet.upgrade().ok_or(Error::Stopped)?;
        inlet.ask(Command::Snapshot).await
    }

    /// Applies an update to another node's members.
    pub async fn update(&self, update: Update) -> Result<(), Error> {
        let inlet = self.inlet.upgrade().ok_or(Error::Stopped)?;
        inlet.send(Command::Update(update)).await
    }

    /// Delivers envelopes that another node broadcast to the members on this node.
    pub async fn deliver(&self, from: &NodeId, envelopes: Vec<Envelope>) -> Result<(), Error> {
        self.deliver_by(Sender::remote(from), envelopes).await
    }

    /// Like [`Link::deliver`], for a node of another kind of cluster; `origin` becomes
    /// [`Sender::origin`].
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
    /// Reports a change on this node.
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
        // Other nodes detect the loss by the gap in the versions. If no change follows, `lost`
        // reports it.
        if self.local.try_send(Local::Changed(self.version, step)).is_err() {
            self.lost.store(self.version, Ordering::Release);
        }
    }

    pub(super) fn broadcast(&self, envelope: &Envelope) {
        if self.local.try_send(Local::Broadcast(envelope.clone())).is_err() {
            log::warn!(
                "a broadcast on {} was not sent to other nodes: too many events are waiting",
                envelope.channel()
            );
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }
}
