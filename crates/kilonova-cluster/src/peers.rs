//! The other nodes, and the version up to which each one's members are known. It is pure: it
//! decides from a message and the time what to do. Leaves the format to `message` and the execution
//! to `driver`.
//!
//! Each node counts the changes to its own members and sends each change to all other nodes. A node
//! that misses a change requests all members. Each node also sends its version twice a second,
//! which reveals that the last change was lost. So the copy of a node's members becomes correct as
//! soon as that node is reachable.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::message::{self, Item, Part, Steps};
use kilonova_pubsub::{Channel, Envelope, Joins, Meta, NodeId, Step, Update};

/// The pause before a request is repeated to a node that did not answer, and between two answers to
/// one node.
const PATIENCE: Duration = Duration::from_millis(500);

/// A node that repeats its request this soon after an answer has missed a part: the next answer has
/// half the speed.
const SOON: Duration = Duration::from_secs(5);

/// The lowest speed of an answer is 1/2 to this power.
const SLOWEST: u32 = 6;

/// The maximum number of memberships accepted from a node. Each join counts, because a list of a
/// channel's members contains a member as often as it joined.
const MOST: u64 = 8_000_000;

/// The maximum bytes of metadata accepted in a list of all of one node's members. The rest is
/// ignored.
const MOST_META: usize = 256 * 1024 * 1024;

/// The number of messages with changes that are kept while a list of all members arrives. After
/// more, the request is repeated.
const BETWEEN: usize = 1024;

/// An action for the driver.
#[derive(Debug)]
pub(super) enum Action {
    /// Request all members from this node.
    Ask(NodeId),
    /// Send all of this node's members to that node, at a speed of 1/2^n, and report the end.
    /// Cancels an answer to it that is still in progress.
    Answer(NodeId, u32),
    /// Send an update to the registry.
    Update(Update),
    /// Deliver broadcasts from this node.
    Deliver(NodeId, Vec<Envelope>),
}

/// The reachable nodes.
#[derive(Default)]
pub(super) struct Peers {
    peers: HashMap<NodeId, Peer>,
}

#[derive(Default)]
struct Peer {
    /// The version up to which its members are known.
    version: Option<u64>,
    asked: Option<Instant>,
    /// The parts received so far.
    parts: Option<Parts>,
    /// Changes received between the parts.
    between: Vec<Steps>,
    /// Whether an answer to it is in progress.
    answering: bool,
    /// When the last answer ended.
    answered: Option<Instant>,
    /// Whether it made a request during an answer, or too soon after one.
    owed: bool,
    slowness: u32,
}

/// The last part received, and the members of all parts so far.
struct Parts {
    last: Part,
    joins: Vec<Joins>,
    memberships: u64,
    meta_bytes: usize,
}

impl Peers {
    /// Updates the set of reachable nodes.
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

    /// Handles a message. Ignores it if its sender is not among the reachable nodes.
    pub(super) fn hear(&mut self, from: &NodeId, message: &[u8], now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(peer) = self.peers.get_mut(from) else {
            log::debug!("ignored a message from {from}, which is not among the reachable nodes");
            return actions;
        };
        let Some(items) = message::decode(message) else {
            log::debug!("ignored a malformed message from {from}");
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

    /// Sends the answers that are now due.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for (node, peer) in &mut self.peers {
            peer.answer_if_due(node, now, &mut actions);
        }
        actions
    }

    /// Records that an answer to this node has ended.
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

    /// Starts an answer if it is due. Only one at a time: a receiver could not separate the parts
    /// of two.
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
            // A part was lost, so the rest is useless. When it has ended, the request is repeated.
            _ => {
                self.asked = Some(now);
                return;
            }
        };
        if part.part == 0 {
            self.between.clear();
        }
        // The request is being answered and need not be repeated yet.
        self.asked = Some(now);
        collected.extend(joins.map(|mut join| {
            memberships += u64::from(join.times);
            meta_bytes += join.meta.as_ref().map_or(0, Meta::len);
            join.meta = join.meta.filter(|_| meta_bytes <= MOST_META);
            join
        }));
        if memberships > MOST {
            log::error!("ignored the members of {from}: there are more than {MOST}");
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
        // Some of the steps may already be part of the known members.
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
