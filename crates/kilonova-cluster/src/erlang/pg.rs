//! The scope of process groups on one connection: `pg`'s protocol as a pure state machine. From a
//! message it decides what to answer and which members the other node has. Leaves bytes and time to
//! the connection.
//!
//! A wrong message ends the other node's scope for good, because Nova starts it without a
//! supervisor. So this side says only what every version of `pg` understands (version 0, with
//! single pids), joins and leaves only towards a scope that it has sent its groups to, and leaves
//! only groups that it has told that scope of.
//!
//! It understands both versions. OTP 29 asks with `{discover, Pid, 1}`, lists pids where earlier
//! ones have one, and may send lists without pids. Its scope answers in version 0 if it is asked
//! in version 0.
//!
//! Each connection has its own pids and its own scope: a scope of the other node that still
//! remembers the connection before cannot mistake one for the other.

mod members;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::term::{Number, Pid, Term};
use members::Members;

/// A group, by its place in the list of shared channels.
pub(super) type Group = usize;

/// What is to be sent or done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Output {
    /// Ask the scope of the other node, by its name, to tell its groups.
    Discover,
    /// Ask this scope.
    DiscoverTo(Number),
    /// Tell this scope all groups that have a member here.
    Sync(Number, Vec<Group>),
    /// Tell this scope that the member of a group joined.
    Join(Number, Group),
    /// Tell this scope that it left.
    Leave(Number, Group),
    /// Ask to be told when this scope ends; the reference has this number.
    Monitor(Number, u32),
    /// Take that back.
    Demonitor(Number, u32),
    /// The members of the other node changed by these steps.
    Changed(Vec<Step>),
    /// The members of the other node are those that [`Scope::members`] has.
    Replaced,
}

/// One join or one leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) group: Group,
    pub(super) member: Number,
    pub(super) joined: bool,
}

/// Why a message to the scope was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ignored {
    #[error("it is no message of pg")]
    Shape,
    #[error("it names a process of another node or of an earlier run")]
    Pid,
    #[error("it is from a scope that is not known")]
    Unknown,
    #[error("the node has more members than are kept")]
    Many,
}

/// See the module.
pub(super) struct Scope {
    /// The shared channels.
    groups: Vec<Arc<str>>,
    /// The other node, and which run of it.
    node: Arc<str>,
    creation: u32,
    /// The groups that have a member here.
    joined: BTreeSet<Group>,
    peer: Option<Peer>,
    monitors: u32,
    members: Members,
}

/// The scope of the other node.
struct Peer {
    number: Number,
    monitor: u32,
    /// It has told its groups.
    synced: bool,
    /// The groups that it was told of.
    told: BTreeSet<Group>,
}

impl Scope {
    /// A scope that has just been connected, without a member.
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

    /// Whether the other node has told its groups.
    pub(super) fn is_synced(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.synced)
    }

    /// The members of the other node.
    pub(super) fn members(&mut self) -> &mut Members {
        &mut self.members
    }

    /// What to do now and then: asks again while the other node has not told its groups. A hidden
    /// node is never asked by the others, and a name without a process drops the question.
    pub(super) fn ask(&self) -> Option<Output> {
        (!self.is_synced()).then_some(Output::Discover)
    }

    /// The member of a group joins; nothing if it has joined.
    pub(super) fn join(&mut self, group: Group) -> Option<Output> {
        if group >= self.groups.len() || !self.joined.insert(group) {
            return None;
        }
        let peer = self.peer.as_mut()?;
        peer.told.insert(group).then_some(Output::Join(peer.number, group))
    }

    /// The member of a group leaves; nothing if it has not joined.
    pub(super) fn leave(&mut self, group: Group) -> Option<Output> {
        if !self.joined.remove(&group) {
            return None;
        }
        let peer = self.peer.as_mut()?;
        peer.told.remove(&group).then_some(Output::Leave(peer.number, group))
    }

    /// A message to the scope.
    pub(super) fn hear(&mut self, message: &Term<'_>) -> Result<Vec<Output>, Ignored> {
        match message.elements() {
            [tag, from] if tag.is_atom("discover") => self.discovered(self.own(from)?),
            // Any later version, too: it answers a question of version 0.
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

    /// A monitored scope ended, or there was none.
    pub(super) fn ended(&mut self, number: Number, monitor: u32) -> Vec<Output> {
        let is_known = |peer: &mut Peer| peer.number == number && peer.monitor == monitor;
        match self.peer.take_if(is_known) {
            Some(peer) if peer.synced && self.members.clear() => vec![Output::Replaced],
            _ => Vec::new(),
        }
    }

    /// The scope of a process asks for the groups here.
    fn discovered(&mut self, from: Number) -> Result<Vec<Output>, Ignored> {
        let mut outputs = Vec::new();
        if self.peer.as_ref().is_none_or(|peer| peer.number != from) {
            self.adopt(from, &mut outputs);
            outputs.push(Output::DiscoverTo(from));
        }
        self.tell(&mut outputs);
        Ok(outputs)
    }

    /// The scope of a process tells all of its groups.
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

    /// Takes a scope for that of the other node. One that was known before ends now or has ended.
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

    /// Tells the known scope all groups here.
    fn tell(&mut self, outputs: &mut Vec<Output>) {
        if let Some(peer) = &mut self.peer {
            peer.told.clone_from(&self.joined);
            outputs.push(Output::Sync(peer.number, self.joined.iter().copied().collect()));
        }
    }

    /// Members of the other node join or leave. What comes before its groups are told is in them.
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

    /// The members of the shared groups that a scope tells.
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

    /// A pid or a list of them.
    fn pids(&self, pids: &Term<'_>) -> Result<Vec<Number>, Ignored> {
        match pids {
            Term::Pid(_) => Ok(vec![self.own(pids)?]),
            Term::List(pids) => pids.iter().map(|pid| self.own(pid)).collect(),
            _ => Err(Ignored::Shape),
        }
    }

    /// The number of a process that is of the other node, in the run that is connected.
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
