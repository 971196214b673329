//! Members that missed messages. Owns what each missed and when it is told; that it has left or
//! died is told to this by `Groups`.

use indexmap::IndexMap;
use indexmap::map::Entry;

use super::subscriber::{Delivery, Subscriber};
use super::{Channel, Envelope};

/// The members with a gap that they have not been told of: few or none as a rule, so that the
/// others pay nothing for it.
#[derive(Default)]
pub(super) struct Laggards {
    // A member is here exactly while it is marked as lagging.
    gaps: IndexMap<Subscriber, Gap>,
    // Where the next round goes on.
    cursor: usize,
    // All messages that were missed so far.
    missed: u64,
}

struct Gap {
    channel: Channel,
    missed: u64,
}

impl Laggards {
    /// Delivers one message; what was missed before is told first.
    pub(super) fn deliver(&mut self, member: &Subscriber, envelope: &Envelope) -> Delivery {
        let mut delivery = if member.lags() { self.tell(member) } else { Delivery::Sent };
        if delivery == Delivery::Sent {
            delivery = member.send(envelope.clone());
        }
        if delivery == Delivery::Full {
            self.miss(member, envelope.channel());
        }
        delivery
    }

    /// Tells up to so many of them what they missed, where they have room by now; returns those
    /// found dead.
    pub(super) fn tell_next(&mut self, count: usize) -> Vec<Subscriber> {
        let mut dead = Vec::new();
        for _ in 0..self.gaps.len().min(count) {
            self.cursor = if self.cursor < self.gaps.len() { self.cursor } else { 0 };
            let Some((member, _)) = self.gaps.get_index(self.cursor) else { break };
            let member = member.clone();
            match self.tell(&member) {
                // Another one has its number now.
                Delivery::Sent => continue,
                Delivery::Full => {}
                Delivery::Dead => dead.push(member),
            }
            self.cursor += 1;
        }
        dead
    }

    /// A member that is one no more is not told any more.
    pub(super) fn forget(&mut self, member: &Subscriber) {
        if let Some((member, _)) = self.gaps.swap_remove_entry(member) {
            member.set_lags(false);
        }
    }

    /// How many messages were missed so far, by all members.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }

    fn tell(&mut self, member: &Subscriber) -> Delivery {
        let Some(gap) = self.gaps.get(member) else {
            return Delivery::Sent;
        };
        let delivery = member.send(Envelope::notice(&gap.channel, gap.missed));
        if delivery == Delivery::Sent {
            self.forget(member);
        }
        delivery
    }

    fn miss(&mut self, member: &Subscriber, channel: &Channel) {
        self.missed = self.missed.saturating_add(1);
        match self.gaps.entry(member.clone()) {
            Entry::Occupied(mut gap) => {
                let missed = &mut gap.get_mut().missed;
                *missed = missed.saturating_add(1);
            }
            Entry::Vacant(gap) => {
                log::debug!("a member's mailbox is full: it misses messages of {channel}");
                gap.insert(Gap { channel: channel.clone(), missed: 1 });
                member.set_lags(true);
            }
        }
    }
}

#[cfg(test)]
mod tests;
