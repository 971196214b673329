//! Members that missed messages. Owns what each missed and when it gets its notice; `Groups`
//! reports which have left or died.

use indexmap::IndexMap;
use indexmap::map::Entry;

use super::subscriber::{Delivery, Subscriber};
use super::{Channel, Envelope};

/// The members with a gap that they have no notice of yet. Usually there are few or none; other
/// members pay nothing for this.
#[derive(Default)]
pub(super) struct Laggards {
    // Contains a member exactly while the member is marked as lagging.
    gaps: IndexMap<Subscriber, Gap>,
    // Where the next round continues.
    cursor: usize,
    // The total number of missed messages.
    missed: u64,
}

struct Gap {
    channel: Channel,
    missed: u64,
}

impl Laggards {
    /// Delivers one message, after the notice of messages missed before.
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

    /// Sends notices to up to `count` of the members, if they have room by now. Returns the members
    /// found dead.
    pub(super) fn tell_next(&mut self, count: usize) -> Vec<Subscriber> {
        let mut dead = Vec::new();
        for _ in 0..self.gaps.len().min(count) {
            self.cursor = if self.cursor < self.gaps.len() { self.cursor } else { 0 };
            let Some((member, _)) = self.gaps.get_index(self.cursor) else { break };
            let member = member.clone();
            match self.tell(&member) {
                // Another member has this index now.
                Delivery::Sent => continue,
                Delivery::Full => {}
                Delivery::Dead => dead.push(member),
            }
            self.cursor += 1;
        }
        dead
    }

    /// Drops a member's gap without a notice.
    pub(super) fn forget(&mut self, member: &Subscriber) {
        if let Some((member, _)) = self.gaps.swap_remove_entry(member) {
            member.set_lags(false);
        }
    }

    /// The number of messages that members have missed so far, in total.
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
                log::debug!("a member's mailbox is full: the member misses messages of {channel}");
                gap.insert(Gap { channel: channel.clone(), missed: 1 });
                member.set_lags(true);
            }
        }
    }
}

#[cfg(test)]
mod tests;
