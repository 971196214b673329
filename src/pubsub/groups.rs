//! The process groups themselves, without the actor around them. Owns when members come, go and are found dead,
//! and who is told; leaves counting to `Membership`, delivery to `Subscriber` and `Laggards`, and monitors to `Watchers`.

use std::sync::{Arc, Weak};

use super::inlet::Inlet;
use super::laggards::Laggards;
use super::subscriber::{Delivery, Subscriber};
use super::watchers::Watchers;
use super::{Change, Channel, Envelope, Member, Membership, Monitor};

/// How many members one step of the sweep looks at, and how many one round tells: well under a millisecond of work each.
/// Also how many that a broadcast found dead are removed before the next request.
const STEP: usize = 4096;

/// All of one node's channels.
pub(super) struct Groups {
    membership: Membership<Subscriber>,
    max_channels: usize,
    watchers: Watchers,
    laggards: Laggards,
    // Where the sweep goes on.
    cursor: usize,
}

impl Groups {
    pub(super) fn new(max_channels: usize) -> Groups {
        Groups {
            membership: Membership::new(),
            max_channels,
            watchers: Watchers::default(),
            laggards: Laggards::default(),
            cursor: 0,
        }
    }

    /// `false` when that would make one channel too many.
    pub(super) fn join(&mut self, channel: Channel, member: Subscriber) -> bool {
        // The request may have been overtaken by the actor's death, which nobody would report a second time.
        if !member.is_alive() {
            return true;
        }
        if self.membership.channel_count() >= self.max_channels
            && self.membership.members(channel.as_str()).next().is_none()
        {
            return false;
        }
        let member = self.membership.join(channel.clone(), member);
        self.watchers.tell(&channel, &member, Change::Joined);
        true
    }

    pub(super) fn leave(&mut self, channel: &Channel, member: &Subscriber) -> bool {
        if !member.is_alive() {
            self.bury(member);
        }
        let left = self.membership.leave(channel.as_str(), member);
        if left {
            self.watchers.tell(channel, member, Change::Left);
            if !self.laggards.is_empty() && !self.membership.contains(member) {
                self.laggards.forget(member);
            }
        }
        left
    }

    /// Delivers envelopes, in order. A run of them for one channel goes to each member together, which finds
    /// them all when it wakes.
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

    /// The members of a channel, after those that died unnoticed are gone: monitors see them leave too.
    pub(super) fn members(&mut self, channel: &Channel, node: &Arc<str>) -> Vec<Member> {
        let dead =
            self.membership.members(channel.as_str()).filter(|(member, _)| !member.is_alive());
        let dead: Vec<_> = dead.map(|(member, _)| member.clone()).collect();
        self.bury_all(&dead);
        let named = |(member, times): (&Subscriber, usize)| {
            std::iter::repeat_n(Member::local(node, member.clone()), times)
        };
        self.membership.members(channel.as_str()).flat_map(named).collect()
    }

    pub(super) fn channels(&self) -> Vec<Channel> {
        let alive = self.membership.channels().filter_map(|(channel, mut members)| {
            members.any(Subscriber::is_alive).then(|| channel.clone())
        });
        alive.collect()
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
    pub(super) fn bury(&mut self, member: &Subscriber) {
        let joined = self.membership.remove(member);
        if joined.is_empty() {
            return;
        }
        log::debug!("a member of {} channels is gone", joined.len());
        self.laggards.forget(member);
        for (channel, times) in joined {
            for _ in 0..times {
                self.watchers.tell(&channel, member, Change::Left);
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

    /// Looks at the next members for dead ones. Who takes a removed one's number is looked at one round later at the latest.
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
