//! The process groups themselves, without the actor around them. Owns when members join, leave and
//! are found dead, and who is notified; leaves lists to `view`, members that join until they die to
//! `lifelong`, counting to `Membership`, delivery to `Subscriber` and `Laggards`, and monitors to
//! `Watchers`.

mod lifelong;
mod view;

use std::collections::HashMap;
use std::slice;

use super::dispatcher::Round;
use super::laggards::Laggards;
use super::link::{Outlet, Update};
use super::remote::Remote;
use super::subscriber::{Delivery, Subscriber, Who};
use super::watchers::Watchers;
use super::{Change, Channel, Envelope, JoinError, Member, Membership, Meta};

/// The number of members that one step of the sweep checks, and of laggards that one tick notifies:
/// well under a millisecond of work each. Also the number of dead members that one broadcast
/// removes.
const STEP: usize = 4096;

/// All of one node's channels, and the known members of other nodes.
pub(super) struct Groups {
    membership: Membership<Subscriber>,
    // All open subscriptions by number, including those in no channel, which `membership` does not
    // have.
    subscriptions: HashMap<u64, Subscriber>,
    max_channels: usize,
    watchers: Watchers,
    laggards: Laggards,
    // The number last assigned to a member.
    number: u64,
    // `None` if the registry has no link to other nodes.
    outlet: Option<Outlet>,
    remote: Remote,
    // Where the sweep continues.
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
            Who::Routed(actor, route) => {
                self.number += 1;
                Subscriber::routed(actor, route, self.number)
            }
            Who::Subscription(id) => match self.subscriptions.get(&id) {
                Some(subscription) => subscription.clone(),
                // The subscription was dropped while its request waited.
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
        // The member may have died while the request waited, and its death is not reported again.
        if !member.is_alive() {
            return Ok(());
        }
        self.admit(&channel)?;
        let (member, meta) = self.membership.join_as(channel.clone(), member, 1, meta);
        self.tell(&channel, &member, true, meta);
        Ok(())
    }

    /// Fails when a join would exceed the limit on channels.
    fn admit(&self, channel: &Channel) -> Result<(), JoinError> {
        if self.membership.channel_count() >= self.max_channels
            && self.membership.members(channel.as_str()).next().is_none()
        {
            return Err(JoinError::TooManyChannels);
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, channel: &Channel, member: &Who) -> bool {
        // The stored member has the number that other nodes know.
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

    /// Reports a change on this node to monitors and other nodes.
    fn tell(&mut self, channel: &Channel, member: &Subscriber, joined: bool, meta: Option<Meta>) {
        let change = if joined { Change::Joined } else { Change::Left };
        self.watchers
            .tell(channel, |node| change(Member::local(node, member.clone(), meta.clone())));
        if let Some(outlet) = &mut self.outlet {
            outlet.changed(channel, member.number(), joined, meta.filter(|_| joined));
        }
    }

    /// Delivers an envelope on this node and passes it on to other nodes.
    pub(super) fn broadcast(&mut self, envelope: &Envelope) {
        self.dispatch(slice::from_ref(envelope));
        if let Some(outlet) = &self.outlet
            && !self.remote.is_empty()
        {
            outlet.broadcast(envelope);
        }
    }

    /// Delivers envelopes in order. Each member gets consecutive envelopes for one channel as one
    /// batch.
    pub(super) fn dispatch(&mut self, envelopes: &[Envelope]) {
        let mut round = Round::default();
        let runs = envelopes.chunk_by(|one, next| one.channel() == next.channel());
        for (number, run) in runs.enumerate() {
            self.dispatch_run(run, number, &mut round);
        }
        round.send();
    }

    fn dispatch_run(&mut self, run: &[Envelope], number: usize, round: &mut Round) {
        let Some(channel) = run.first().map(Envelope::channel) else { return };
        let mut dead = Vec::new();
        for (member, times) in self.membership.members(channel.as_str()) {
            if times == 1 && !member.lags() && round.take(member, run, number) {
                continue;
            }
            round.send_before(member);
            let mut messages = run.iter().flat_map(|envelope| std::iter::repeat_n(envelope, times));
            // The sweep removes dead members beyond this limit.
            if messages.any(|envelope| self.laggards.deliver(member, envelope) == Delivery::Dead)
                && dead.len() < STEP
            {
                dead.push(member.clone());
            }
        }
        self.bury_all(&dead);
    }

    /// Applies an update to another node's members.
    pub(super) fn update(&mut self, update: Update) {
        self.remote.update(update, &mut self.watchers);
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
        log::debug!("a member of {} channels has died or was dropped", joined.len());
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

    /// Notifies the next laggards that have room again.
    pub(super) fn tell_laggards(&mut self) {
        let dead = self.laggards.tell_next(STEP);
        self.bury_all(&dead);
    }

    /// Removes the dead among the next members. A member that takes the index of a removed one is
    /// checked one round later at the latest.
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
