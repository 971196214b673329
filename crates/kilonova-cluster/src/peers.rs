//! The other nodes, and up to which version each is known. Pure: from a message and the time it
//! decides what to do. Leaves the format to `message` and the doing to `driver`.
//!
//! Each node counts the changes to its own members and tells all others of each change. A node that
//! misses one asks for all members. If the last change is lost, the version that each node sends
//! twice a second shows it. So the copy of a node's members becomes right as soon as that node can
//! be reached.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::message::{self, Item, Part, Steps};
use kilonova_pubsub::{Channel, Envelope, Joins, Meta, NodeId, Step, Update};

/// The pause before a node that did not answer is asked again, and between two answers to one node.
const PATIENCE: Duration = Duration::from_millis(500);

/// A node that asks again this soon after an answer missed a part: the next answer has half the
/// speed.
const SOON: Duration = Duration::from_secs(5);

/// The lowest speed of an answer is 1 / 2 to this power.
const SLOWEST: u32 = 6;

/// A node with more memberships than this is not believed. Each join counts: whoever asks for a
/// channel's members gets one as often as it joined.
const MOST: u64 = 8_000_000;

/// Metadata of one node's members beyond these bytes is left out while all are told.
const MOST_META: usize = 256 * 1024 * 1024;

/// How many messages with changes are kept while all members arrive; after more, the node asks
/// again.
const BETWEEN: usize = 1024;

/// What is to be done.
#[derive(Debug)]
pub(super) enum Action {
    /// Ask this node for its members.
    Ask(NodeId),
    /// Tell this node all of one's own, at a speed of 1 / 2^n, and say so when it is done. One
    /// answer that is still under way to it ends.
    Answer(NodeId, u32),
    /// Tell the registry.
    Update(Update),
    /// Deliver what this node broadcast.
    Deliver(NodeId, Vec<Envelope>),
}

/// The nodes that are there.
#[derive(Default)]
pub(super) struct Peers {
    peers: HashMap<NodeId, Peer>,
}

#[derive(Default)]
struct Peer {
    /// Its members are known as of this version.
    version: Option<u64>,
    asked: Option<Instant>,
    /// The parts that have come so far.
    parts: Option<Parts>,
    /// Changes that came between the parts, which are sent one after the other.
    between: Vec<Steps>,
    /// An answer is under way to it.
    answering: bool,
    /// When the last one was through.
    answered: Option<Instant>,
    /// It asked while one was under way, or too soon after it.
    owed: bool,
    slowness: u32,
}

/// The last part that came, and the members of all.
struct Parts {
    last: Part,
    joins: Vec<Joins>,
    memberships: u64,
    meta_bytes: usize,
}

impl Peers {
    /// These are the nodes that are there now.
    pub(super) fn see(&mut self, nodes: &HashSet<NodeId>, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        self.peers.retain(|node, _| {
            let there = nodes.contains(node);
            if !there {
                actions.push(Action::Update(Update::Gone(node.clone())));
            }
            there
        });
        for node in nodes {
            if !self.peers.contains_key(node) {
                let mut peer = Peer::default();
                peer.ask(node, now, &mut actions);
                self.peers.insert(node.clone(), peer);
            }
        }
        actions
    }

    /// A message came. Of a node that is not known to be there, it is ignored.
    pub(super) fn hear(&mut self, from: &NodeId, message: &[u8], now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(peer) = self.peers.get_mut(from) else {
            log::debug!("a message of {from}, which is not there, is ignored");
            return actions;
        };
        let Some(items) = message::decode(message) else {
            log::debug!("a message of {from} that is none is ignored");
            return actions;
        };
        let mut envelopes = Vec::new();
        for item in items {
            match item {
                Item::Broadcast(broadcast) => envelopes.push(broadcast.envelope()),
                Item::Version(version) => {
                    if peer.version.is_none_or(|known| known < version) {
                        peer.ask(from, now, &mut actions);
                    }
                }
                Item::Ask => {
                    peer.owed = true;
                    peer.answer_if_due(from, now, &mut actions);
                }
                Item::Members(part) => peer.take_part(from, part, now, &mut actions),
                Item::Steps(steps) => peer.take_steps(from, steps, now, &mut actions),
            }
        }
        if !envelopes.is_empty() {
            actions.push(Action::Deliver(from.clone(), envelopes));
        }
        actions
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for (node, peer) in &mut self.peers {
            peer.answer_if_due(node, now, &mut actions);
        }
        actions
    }

    /// All members have been told to this node.
    pub(super) fn answered(&mut self, node: &NodeId, now: Instant) {
        if let Some(peer) = self.peers.get_mut(node) {
            peer.answering = false;
            peer.answered = Some(now);
        }
    }
}

impl Peer {
    fn ask(&mut self, node: &NodeId, now: Instant, actions: &mut Vec<Action>) {
        if self.asked.is_none_or(|asked| asked + PATIENCE <= now) {
            self.asked = Some(now);
            actions.push(Action::Ask(node.clone()));
        }
    }

    /// One answer at a time: the parts of two would be taken for neither.
    fn answer_if_due(&mut self, node: &NodeId, now: Instant, actions: &mut Vec<Action>) {
        let rested = self.answered.is_none_or(|answered| answered + PATIENCE <= now);
        if !self.owed || self.answering || !rested {
            return;
        }
        let again = self.answered.is_some_and(|answered| now < answered + SOON);
        self.slowness = if again { SLOWEST.min(self.slowness + 1) } else { 0 };
        (self.owed, self.answering) = (false, true);
        actions.push(Action::Answer(node.clone(), self.slowness));
    }

    fn take_part(
        &mut self,
        from: &NodeId,
        mut part: Part,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let joins = std::mem::take(&mut part.meta).beside(std::mem::take(&mut part.joins));
        let joins = joins.filter(|((_, _, times), _)| *times > 0);
        let joins = joins.map(|((channel, member, times), meta)| Joins {
            channel: channel.into(),
            member,
            times,
            meta,
        });
        let (last, version) = (part.last, part.version);
        let (mut collected, mut memberships, mut meta_bytes) = match self.parts.take() {
            _ if part.part == 0 => (Vec::new(), 0, 0),
            Some(Parts { last: before, joins, memberships, meta_bytes })
                if before.version == version && before.part.checked_add(1) == Some(part.part) =>
            {
                (joins, memberships, meta_bytes)
            }
            // One was lost: the rest is of no use, and when it is through all are asked for anew.
            _ => {
                self.asked = Some(now);
                return;
            }
        };
        if part.part == 0 {
            self.between.clear();
        }
        // The question is being answered: no need to repeat it yet.
        self.asked = Some(now);
        collected.extend(joins.map(|mut join| {
            memberships += u64::from(join.times);
            meta_bytes += join.meta.as_ref().map_or(0, Meta::len);
            join.meta = join.meta.filter(|_| meta_bytes <= MOST_META);
            join
        }));
        if memberships > MOST {
            log::error!("{from} says it has more than {MOST} members: not believed");
        } else if !last {
            self.parts = Some(Parts { last: part, joins: collected, memberships, meta_bytes });
        } else if self.version.is_none_or(|known| known <= version) {
            self.version = Some(version);
            actions.push(Action::Update(Update::Members(from.clone(), collected)));
            for steps in std::mem::take(&mut self.between) {
                self.take_steps(from, steps, now, actions);
            }
        }
    }

    fn take_steps(&mut self, from: &NodeId, steps: Steps, now: Instant, actions: &mut Vec<Action>) {
        let known = match self.version {
            Some(known) if known >= steps.after => known,
            _ if self.parts.is_some() && self.between.len() < BETWEEN => {
                return self.between.push(steps);
            }
            _ => return self.ask(from, now, actions),
        };
        // What all members were told after may be among them.
        let known_already = usize::try_from(known - steps.after).unwrap_or(usize::MAX);
        let new = steps.meta.beside(steps.steps).skip(known_already);
        let new: Vec<_> = new
            .map(|((channel, member, joined), meta)| Step {
                channel: Channel::from(channel),
                member,
                joined,
                meta: meta.filter(|_| joined),
            })
            .collect();
        if let Some(version) = known.checked_add(new.len() as u64)
            && !new.is_empty()
        {
            self.version = Some(version);
            actions.push(Action::Update(Update::Steps(from.clone(), new)));
        }
    }
}

#[cfg(test)]
mod tests;
