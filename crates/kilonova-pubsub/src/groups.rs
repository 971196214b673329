//! The process groups themselves, without the actor around them. Owns when members come, go and are
//! found dead, and who is told; leaves counting to `Membership`, delivery to `Subscriber` and
//! `Laggards`, and monitors to `Watchers`.

use std::collections::{HashMap, HashSet};
use std::slice;
use std::sync::{Arc, Weak};

use actix::Recipient;
use tokio::sync::mpsc;

use super::inlet::Inlet;
use super::laggards::Laggards;
use super::link::{Joins, LONGEST_NAME, Outlet, Snapshot, Update};
use super::remote::Remote;
use super::subscriber::{Delivery, Subscriber, Tether, Who};
use super::watchers::Watchers;
use super::{
    Change, Channel, Count, Envelope, JoinError, Member, Membership, Meta, Monitor, Subscription,
};

/// How many members one step of the sweep looks at, and how many one round tells: well under a
/// millisecond of work each. Also how many that a broadcast found dead are removed before the next
/// request.
const STEP: usize = 4096;

/// All of one node's channels, and what it knows of other nodes' members.
pub(super) struct Groups {
    membership: Membership<Subscriber>,
    // Subscriptions by their numbers: each lives on between leaving its last channel and joining
    // one.
    subscriptions: HashMap<u64, Subscriber>,
    max_channels: usize,
    watchers: Watchers,
    laggards: Laggards,
    // Actors whose guard is gone: they died or were restarted, which is not known yet.
    suspects: Vec<Subscriber>,
    // The number of the member that came last.
    number: u64,
    // Who tells other nodes, where there can be any.
    outlet: Option<Outlet>,
    remote: Remote,
    // Where the sweep goes on.
    cursor: usize,
}

impl Groups {
    pub(super) fn new(max_channels: usize, outlet: Option<Outlet>) -> Groups {
        Groups {
            membership: Membership::new(),
            subscriptions: HashMap::new(),
            max_channels,
            watchers: Watchers::default(),
            laggards: Laggards::default(),
            suspects: Vec::new(),
            number: 0,
            outlet,
            remote: Remote::default(),
            cursor: 0,
        }
    }

    pub(super) fn join(
        &mut self,
        channel: Channel,
        member: Who,
        meta: Option<Meta>,
    ) -> Result<(), JoinError> {
        let member = match member {
            Who::Actor(actor) => {
                self.number += 1;
                Subscriber::actor(actor, self.number)
            }
            Who::Subscription(id) => match self.subscriptions.get(&id) {
                Some(subscription) => subscription.clone(),
                // It was dropped while its request waited.
                None => return Ok(()),
            },
        };
        self.join_known(channel, member, meta)
    }

    fn join_known(
        &mut self,
        channel: Channel,
        member: Subscriber,
        meta: Option<Meta>,
    ) -> Result<(), JoinError> {
        // The member may have died while the request waited. No second notice of its death comes.
        if !member.is_alive() {
            return Ok(());
        }
        self.admit(&channel)?;
        let (member, meta) = self.membership.join_as(channel.clone(), member, 1, meta);
        self.tell(&channel, &member, true, meta);
        Ok(())
    }

    /// Fails when a join would make one channel too many.
    fn admit(&self, channel: &Channel) -> Result<(), JoinError> {
        if self.membership.channel_count() >= self.max_channels
            && self.membership.members(channel.as_str()).next().is_none()
        {
            return Err(JoinError::TooManyChannels);
        }
        Ok(())
    }

    /// Makes an actor a member of `channel` unless it is one. Metadata that is new replaces what it
    /// had.
    ///
    /// Returned is what a guard in the actor's context needs, if it has none.
    pub(super) fn attend(
        &mut self,
        channel: Channel,
        member: Recipient<Envelope>,
        meta: Option<Meta>,
    ) -> Result<Option<Tether>, JoinError> {
        let who = Who::Actor(member);
        let known = self.membership.find(&who).cloned();
        let meta_before = self.membership.meta(channel.as_str(), &who);
        match (known, meta_before) {
            (Some(member), Some(before)) => {
                if meta.is_some() && before != meta.as_ref() {
                    let before = before.cloned();
                    self.tell(&channel, &member, false, before);
                    let (member, meta) = self.membership.join_as(channel.clone(), member, 0, meta);
                    self.tell(&channel, &member, true, meta);
                }
            }
            _ => self.join(channel, who.clone(), meta)?,
        }
        Ok(self.membership.find(&who).and_then(Subscriber::tether))
    }

    pub(super) fn unguarded(&mut self, member: &Who) {
        if let Some(member) = self.membership.find(member).cloned() {
            if member.is_alive() {
                self.suspects.push(member);
            } else {
                self.bury(&member);
            }
        }
    }

    /// Each is dead by now, or lives on after a restart.
    pub(super) fn look_at_suspects(&mut self) {
        let mut dead = std::mem::take(&mut self.suspects);
        dead.retain(|member| !member.is_alive());
        self.bury_all(&dead);
    }

    /// A new subscription to all of these channels, or to none of them.
    pub(super) fn subscribe(
        &mut self,
        channels: Vec<Channel>,
        meta: Option<Meta>,
        capacity: usize,
        inlet: Weak<Inlet>,
    ) -> Result<Subscription, JoinError> {
        self.number += 1;
        let id = self.number;
        let (sender, envelopes) = mpsc::channel(capacity);
        let subscriber = Subscriber::subscription(sender, id);
        self.subscriptions.insert(id, subscriber.clone());
        for channel in channels {
            if let Err(error) = self.join_known(channel, subscriber.clone(), meta.clone()) {
                self.unsubscribe(id);
                return Err(error);
            }
        }
        Ok(Subscription::new(id, envelopes, inlet))
    }

    pub(super) fn unsubscribe(&mut self, id: u64) {
        if let Some(subscriber) = self.subscriptions.remove(&id) {
            self.bury(&subscriber);
        }
    }

    pub(super) fn leave(&mut self, channel: &Channel, member: &Who) -> bool {
        // As it is known, with its number.
        let Some(member) = self.membership.find(member).cloned() else {
            return false;
        };
        if !member.is_alive() {
            self.bury(&member);
        }
        let left = self.membership.leave(channel.as_str(), &member);
        if let Some(left) = left {
            self.tell(channel, &member, false, left.meta);
            if !self.laggards.is_empty() && !self.membership.contains(&member) {
                self.laggards.forget(&member);
            }
            return true;
        }
        false
    }

    pub(super) fn died(&mut self, member: &Who) {
        if let Some(member) = self.membership.find(member).cloned() {
            self.bury(&member);
        }
    }

    /// Tells monitors and other nodes of a change on this one.
    fn tell(&mut self, channel: &Channel, member: &Subscriber, joined: bool, meta: Option<Meta>) {
        let change = if joined { Change::Joined } else { Change::Left };
        self.watchers
            .tell(channel, |node| change(Member::local(node, member.clone(), meta.clone())));
        if let Some(outlet) = &mut self.outlet {
            outlet.changed(channel, member.number(), joined, meta.filter(|_| joined));
        }
    }

    /// Delivers an envelope here, and hands it to the other nodes.
    pub(super) fn broadcast(&mut self, envelope: &Envelope) {
        self.dispatch(slice::from_ref(envelope));
        if let Some(outlet) = &self.outlet
            && !self.remote.is_empty()
        {
            outlet.broadcast(envelope);
        }
    }

    /// Delivers envelopes, in order. A run of them for one channel goes to each member together,
    /// which finds them all when it wakes.
    pub(super) fn dispatch(&mut self, envelopes: &[Envelope]) {
        for run in envelopes.chunk_by(|one, next| one.channel() == next.channel()) {
            self.dispatch_run(run);
        }
    }

    fn dispatch_run(&mut self, run: &[Envelope]) {
        let Some(channel) = run.first().map(Envelope::channel) else { return };
        let mut dead = Vec::new();
        for (member, times) in self.membership.members(channel.as_str()) {
            let mut messages = run.iter().flat_map(|envelope| std::iter::repeat_n(envelope, times));
            // The sweep finds the dead that are too many for one round.
            if messages.any(|envelope| self.laggards.deliver(member, envelope) == Delivery::Dead)
                && dead.len() < STEP
            {
                dead.push(member.clone());
            }
        }
        self.bury_all(&dead);
    }

    /// The members of a channel on all nodes.
    pub(super) fn members(&mut self, channel: &Channel, node: &Arc<str>) -> Vec<Member> {
        let mut members = self.local_members(channel, node);
        members.extend(self.remote.members(channel));
        members
    }

    /// The members of a channel on this node, after those that died unnoticed are gone: monitors
    /// see them leave too.
    pub(super) fn local_members(&mut self, channel: &Channel, node: &Arc<str>) -> Vec<Member> {
        let dead =
            self.membership.members(channel.as_str()).filter(|(member, ..)| !member.is_alive());
        let dead: Vec<_> = dead.map(|(member, ..)| member.clone()).collect();
        self.bury_all(&dead);
        let named = |(member, times, meta): (&Subscriber, usize, Option<&Meta>)| {
            std::iter::repeat_n(Member::local(node, member.clone(), meta.cloned()), times)
        };
        self.membership.described(channel.as_str()).flat_map(named).collect()
    }

    pub(super) fn channels(&self) -> Vec<Channel> {
        let alive = self.membership.channels().filter_map(|(channel, mut members)| {
            members.any(Subscriber::is_alive).then(|| channel.clone())
        });
        if self.remote.is_empty() {
            return alive.collect();
        }
        let everywhere: HashSet<_> = alive.chain(self.remote.channels().cloned()).collect();
        everywhere.into_iter().collect()
    }

    /// How many members each channel has. Those that died unnoticed still count, for a moment.
    pub(super) fn counts(&self) -> Vec<Count> {
        let mut counts: HashMap<&Channel, Count> = HashMap::new();
        let local = self.membership.counts().map(|(channel, members)| (channel, members, members));
        let remote = self.remote.counts().map(|(channel, members)| (channel, members, 0));
        for (channel, members, local_members) in local.chain(remote) {
            let count = counts.entry(channel).or_insert_with(|| Count {
                channel: channel.clone(),
                members: 0,
                local_members: 0,
            });
            count.members += members;
            count.local_members += local_members;
        }
        counts.into_values().collect()
    }

    /// The names of the other nodes that are there.
    pub(super) fn other_nodes(&self) -> Vec<Arc<str>> {
        self.remote.names().cloned().collect()
    }

    /// What other nodes have to know of this one.
    pub(super) fn snapshot(&self) -> Snapshot {
        let named = self.membership.channels().map(|(channel, _)| channel);
        let joins =
            named.filter(|channel| channel.as_str().len() <= LONGEST_NAME).flat_map(|channel| {
                self.membership.described(channel.as_str()).map(|(member, times, meta)| Joins {
                    channel: channel.clone(),
                    member: member.number(),
                    times: times.try_into().unwrap_or(u32::MAX),
                    meta: meta.cloned(),
                })
            });
        Snapshot {
            version: self.outlet.as_ref().map_or(0, Outlet::version),
            joins: joins.collect(),
        }
    }

    /// Takes in what another node's members are.
    pub(super) fn update(&mut self, update: Update) {
        self.remote.update(update, &mut self.watchers);
    }

    pub(super) fn monitor(
        &mut self,
        channel: Channel,
        node: Arc<str>,
        inlet: Weak<Inlet>,
    ) -> Monitor {
        let members = self.members(&channel, &node);
        let (id, changes) = self.watchers.add(channel.clone(), node);
        Monitor::new(channel, members, id, changes, inlet)
    }

    pub(super) fn unmonitor(&mut self, channel: &Channel, id: u64) {
        self.watchers.remove(channel, id);
    }

    /// Removes a member from every channel.
    fn bury(&mut self, member: &Subscriber) {
        let joined = self.membership.remove(member);
        if joined.is_empty() {
            return;
        }
        log::debug!("a member of {} channels is gone", joined.len());
        self.laggards.forget(member);
        for (channel, left) in joined {
            for _ in 0..left.times {
                self.tell(&channel, member, false, left.meta.clone());
            }
        }
    }

    fn bury_all(&mut self, dead: &[Subscriber]) {
        for member in dead {
            self.bury(member);
        }
    }

    /// Tells the next of those who missed messages, where they have room by now.
    pub(super) fn tell_laggards(&mut self) {
        let dead = self.laggards.tell_next(STEP);
        self.bury_all(&dead);
    }

    /// Removes the dead among the next members. A member that takes the number of a removed one has
    /// its turn one round later at the latest.
    pub(super) fn sweep(&mut self) {
        let mut dead = Vec::new();
        for _ in 0..self.membership.len().min(STEP) {
            self.cursor = if self.cursor < self.membership.len() { self.cursor } else { 0 };
            dead.extend(
                self.membership.get(self.cursor).filter(|member| !member.is_alive()).cloned(),
            );
            self.cursor += 1;
        }
        self.bury_all(&dead);
    }
}
