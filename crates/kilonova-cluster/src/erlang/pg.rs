//! The scope of process groups on one connection: `pg`'s protocol as a pure state machine. It
//! decides from a message what to answer and which members the other node has. Leaves bytes and
//! time to the connection.
//!
//! A wrong message ends the other node's scope permanently, because Nova starts it without a
//! supervisor. This side therefore sends only what every version of `pg` understands (version 0,
//! with single pids). It sends joins and leaves only to a scope that has received its groups, and
//! leaves only for groups that it has sent to that scope.
//!
//! It understands both versions. OTP 29 sends `{discover, Pid, 1}`, and sends lists of pids, even
//! empty ones, where earlier versions send a single pid. Its scope answers a request of version 0
//! in version 0.
//!
//! Each connection has its own pids and its own scope, so a scope of the other node that still
//! remembers an earlier connection cannot confuse the two.

mod members;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::term::{Number, Pid, Term};
use members::Members;

/// A group, by its index in the list of shared channels.
pub(super) type Group = usize;

/// A message to send or an action to take.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Output {
    /// Request the groups of the other node's scope, by the scope's name.
    Discover,
    /// Request the groups of this scope.
    DiscoverTo(Number),
    /// Send this scope all groups that have a member on this node.
    Sync(Number, Vec<Group>),
    /// Tell this scope that this node's member of a group joined.
    Join(Number, Group),
    /// Tell this scope that this node's member of a group left.
    Leave(Number, Group),
    /// Monitor this scope, with a reference of this number.
    Monitor(Number, u32),
    /// Remove this monitor.
    Demonitor(Number, u32),
    /// The other node's members changed by these steps.
    Changed(Vec<Step>),
    /// The other node's members are now those in [`Scope::members`].
    Replaced,
}

/// One join or leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) group: Group,
    pub(super) member: Number,
    pub(super) joined: bool,
}

/// The reason why a message to the scope was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ignored {
    #[error("it is not a pg message")]
    Shape,
    #[error("it names a process of another node or of an earlier run")]
    Pid,
    #[error("it is from an unknown scope")]
    Unknown,
    #[error("the node has more than 500,000 members")]
    Many,
}

/// The scope of one connection.
pub(super) struct Scope {
    /// The shared channels.
    groups: Vec<Arc<str>>,
    /// The other node and its run.
    node: Arc<str>,
    creation: u32,
    /// The groups that have a member on this node.
    joined: BTreeSet<Group>,
    peer: Option<Peer>,
    monitors: u32,
    members: Members,
}

/// The scope of the other node.
struct Peer {
    number: Number,
    monitor: u32,
    /// Whether it has sent its groups.
    synced: bool,
    /// The groups that were sent to it.
    told: BTreeSet<Group>,
}

impl Scope {
    /// Creates the scope of a new connection, without members.
    pub(super) fn new(groups: &[Arc<str>], node: &Arc<str>, creation: u32) -> Scope {
        Scope {
            groups: groups.to_vec(),
            node: Arc::clone(node),
            creation,
            joined: BTreeSet::new(),
            peer: None,
            monitors: 0,
            members: Members::new(groups.len()),
        }
    }

    /// Whether the other node has sent its groups.
    pub(super) fn is_synced(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.synced)
    }

    /// The members of the other node.
    pub(super) fn members(&mut self) -> &mut Members {
        &mut self.members
    }

    /// The request to repeat until the other node has sent its groups. Other nodes never send a
    /// request to a hidden node, and a request to a name without a process is dropped.
    pub(super) fn ask(&self) -> Option<Output> {
        (!self.is_synced()).then_some(Output::Discover)
    }

    /// Makes this node's member of a group join. Does nothing if it has already joined.
    pub(super) fn join(&mut self, group: Group) -> Option<Output> {
        if group >= self.groups.len() || !self.joined.insert(group) {
            return None;
        }
        let peer = self.peer.as_mut()?;
        peer.told.insert(group).then_some(Output::Join(peer.number, group))
    }

    /// Makes this node's member of a group leave. Does nothing if it has not joined.
    pub(super) fn leave(&mut self, group: Group) -> Option<Output> {
        if !self.joined.remove(&group) {
            return None;
        }
        let peer = self.peer.as_mut()?;
        peer.told.remove(&group).then_some(Output::Leave(peer.number, group))
    }

    /// Handles a message to the scope.
    pub(super) fn hear(&mut self, message: &Term<'_>) -> Result<Vec<Output>, Ignored> {
        match message.elements() {
            [tag, from] if tag.is_atom("discover") => self.discovered(self.own(from)?),
            // Any later version is accepted too: it answers a request of version 0.
            [tag, from, _] if tag.is_atom("discover") => self.discovered(self.own(from)?),
            [tag, cast] if tag.is_atom("$gen_cast") => match cast.elements() {
                [tag, from, groups] if tag.is_atom("sync") => {
                    let (from, groups) = (self.own(from)?, groups.list().ok_or(Ignored::Shape)?);
                    self.synced(from, groups)
                }
                _ => Err(Ignored::Shape),
            },
            [tag, from, group, pids] if tag.is_atom("join") => {
                self.known(from)?;
                let Some(group) = self.shared(group) else { return Ok(Vec::new()) };
                self.step(&[group], pids, true)
            }
            [tag, from, pids, groups] if tag.is_atom("leave") => {
                self.known(from)?;
                let groups = groups.list().ok_or(Ignored::Shape)?;
                let groups: Vec<_> = groups.iter().filter_map(|it| self.shared(it)).collect();
                self.step(&groups, pids, false)
            }
            _ => Err(Ignored::Shape),
        }
    }

    /// Handles the end of a monitored scope, or its absence.
    pub(super) fn ended(&mut self, number: Number, monitor: u32) -> Vec<Output> {
        let is_known = |peer: &mut Peer| peer.number == number && peer.monitor == monitor;
        match self.peer.take_if(is_known) {
            Some(peer) if peer.synced && self.members.clear() => vec![Output::Replaced],
            _ => Vec::new(),
        }
    }

    /// A scope requests this node's groups.
    fn discovered(&mut self, from: Number) -> Result<Vec<Output>, Ignored> {
        let mut outputs = Vec::new();
        if self.peer.as_ref().is_none_or(|peer| peer.number != from) {
            self.adopt(from, &mut outputs);
            outputs.push(Output::DiscoverTo(from));
        }
        self.tell(&mut outputs);
        Ok(outputs)
    }

    /// A scope sends all of its groups.
    fn synced(&mut self, from: Number, groups: &[Term<'_>]) -> Result<Vec<Output>, Ignored> {
        let members = self.read(groups)?;
        let mut outputs = Vec::new();
        if self.peer.as_ref().is_none_or(|peer| peer.number != from) {
            self.adopt(from, &mut outputs);
            self.tell(&mut outputs);
        }
        if let Some(peer) = &mut self.peer {
            peer.synced = true;
        }
        self.members.replace(members);
        outputs.push(Output::Replaced);
        Ok(outputs)
    }

    /// Makes a scope the scope of the other node. The previous one, if any, has ended or is ending.
    fn adopt(&mut self, number: Number, outputs: &mut Vec<Output>) {
        self.monitors += 1;
        let monitor = self.monitors;
        let peer = Peer { number, monitor, synced: false, told: BTreeSet::new() };
        if let Some(before) = self.peer.replace(peer) {
            outputs.push(Output::Demonitor(before.number, before.monitor));
            if self.members.clear() {
                outputs.push(Output::Replaced);
            }
        }
        outputs.push(Output::Monitor(number, monitor));
    }

    /// Sends all of this node's groups to the known scope.
    fn tell(&mut self, outputs: &mut Vec<Output>) {
        if let Some(peer) = &mut self.peer {
            peer.told.clone_from(&self.joined);
            outputs.push(Output::Sync(peer.number, self.joined.iter().copied().collect()));
        }
    }

    /// Members of the other node join or leave. Steps before its groups arrive are ignored, because
    /// the groups include them.
    fn step(
        &mut self,
        groups: &[Group],
        pids: &Term<'_>,
        joined: bool,
    ) -> Result<Vec<Output>, Ignored> {
        let members = self.pids(pids)?;
        if !self.is_synced() {
            return Ok(Vec::new());
        }
        if joined && self.members.len() + members.len() > members::MOST {
            return Err(Ignored::Many);
        }
        let mut steps = Vec::new();
        for group in groups.iter().copied() {
            for member in members.iter().copied() {
                if self.members.step(group, member, joined) {
                    steps.push(Step { group, member, joined });
                }
            }
        }
        Ok(if steps.is_empty() { Vec::new() } else { vec![Output::Changed(steps)] })
    }

    /// The members of shared groups in the groups that a scope sent.
    fn read(&self, groups: &[Term<'_>]) -> Result<Vec<(Group, Vec<Number>)>, Ignored> {
        let mut read = Vec::new();
        let mut count = 0;
        for entry in groups {
            let [group, pids] = entry.elements() else { return Err(Ignored::Shape) };
            if let Some(group) = self.shared(group) {
                let pids = self.pids(pids)?;
                count += pids.len();
                read.push((group, pids));
            }
        }
        match count <= members::MOST {
            true => Ok(read),
            false => Err(Ignored::Many),
        }
    }

    fn shared(&self, group: &Term<'_>) -> Option<Group> {
        self.groups.iter().position(|shared| group.is_atom(shared))
    }

    /// The numbers in a pid or a list of pids.
    fn pids(&self, pids: &Term<'_>) -> Result<Vec<Number>, Ignored> {
        match pids {
            Term::Pid(_) => Ok(vec![self.own(pids)?]),
            Term::List(pids) => pids.iter().map(|pid| self.own(pid)).collect(),
            _ => Err(Ignored::Shape),
        }
    }

    /// The number of a process of the other node in its current run.
    fn own(&self, pid: &Term<'_>) -> Result<Number, Ignored> {
        let Pid { node, number, creation } = pid.pid().ok_or(Ignored::Shape)?;
        match **node == *self.node && *creation == self.creation {
            true => Ok(*number),
            false => Err(Ignored::Pid),
        }
    }

    fn known(&self, from: &Term<'_>) -> Result<(), Ignored> {
        let from = self.own(from)?;
        let is_known = self.peer.as_ref().is_some_and(|peer| peer.number == from);
        if is_known { Ok(()) } else { Err(Ignored::Unknown) }
    }
}
