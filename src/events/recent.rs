//! The newest events in memory, so that the many who reconnect at once need not all read the log.
//!
//! Pure but for its lock; the relay fills it, replays read it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use super::replay::Slice;
use crate::pubsub::{Channel, Envelope};

/// Events held at the most.
const COUNT: usize = 4096;

/// Bytes of payloads held at the most.
const BYTES: usize = 8 * 1024 * 1024;

/// The newest events; cheap to clone.
#[derive(Clone)]
pub struct Recent {
    held: Arc<RwLock<Held>>,
}

struct Held {
    events: VecDeque<Envelope>,
    bytes: usize,
    /// The position of the last event that came by.
    last: i64,
    /// The position of the last event that went out.
    sent: i64,
}

impl Recent {
    /// Holds nothing yet; `last` came by already.
    pub fn after_position(last: i64) -> Recent {
        let held = Held { events: VecDeque::new(), bytes: 0, last, sent: last };
        Recent { held: Arc::new(RwLock::new(held)) }
    }

    /// Takes the next event in. Must come before the event goes out to the members: who has joined
    /// and finds an event neither here nor in its mailbox would miss it.
    pub(super) fn push(&self, envelope: &Envelope) {
        let Some(position) = envelope.position() else { return };
        if envelope.channel().as_str() == super::POSITION {
            return;
        }
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if position <= held.last {
            // A relay that starts anew sends again what it cannot know to have gone out.
            return;
        }
        held.last = position;
        held.bytes += envelope.payload().as_json().len();
        held.events.push_back(envelope.clone());
        while held.events.len() > COUNT || held.bytes > BYTES {
            let Some(oldest) = held.events.pop_front() else { break };
            held.bytes -= oldest.payload().as_json().len();
        }
    }

    /// Notes that everything up to a position has gone out to the members.
    pub(super) fn mark_sent(&self, position: Option<i64>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.sent = held.sent.max(position.unwrap_or(0));
    }

    /// The position up to which everything has gone out to the members.
    pub(super) fn sent(&self) -> i64 {
        self.held.read().unwrap_or_else(PoisonError::into_inner).sent
    }

    /// The events after `position` on these channels, all that have come by, or `None` when they
    /// are not all held.
    pub fn after(&self, position: i64, channels: &[Channel]) -> Option<Slice> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let first = held.events.front().and_then(Envelope::position).unwrap_or(held.last + 1);
        if position < first - 1 || position > held.last {
            return None;
        }
        let events = held
            .events
            .iter()
            .skip(usize::try_from(position + 1 - first).ok()?)
            .filter(|envelope| channels.contains(envelope.channel()))
            .cloned()
            .collect();
        Some(Slice { events, through: held.last, end: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pubsub::Payload;

    fn event(position: i64, channel: &str, bytes: usize) -> Envelope {
        let payload = Payload::encode(&"x".repeat(bytes)).expect("JSON");
        Envelope::new(channel, "topic", payload).with_position(position)
    }

    fn positions(slice: Option<Slice>) -> Option<Vec<i64>> {
        Some(slice?.events.iter().filter_map(Envelope::position).collect())
    }

    #[test]
    fn it_gives_all_after_a_position_or_nothing() {
        let recent = Recent::after_position(10);
        let both = ["a".into(), "b".into()];
        assert_eq!(positions(recent.after(10, &both)), Some(vec![]));
        assert_eq!(positions(recent.after(9, &both)), None, "older than what it holds");
        assert_eq!(positions(recent.after(11, &both)), None, "not come by yet");
        for (position, channel) in [(11, "a"), (12, "b"), (13, "a")] {
            recent.push(&event(position, channel, 1));
        }
        assert_eq!(positions(recent.after(10, &both)), Some(vec![11, 12, 13]));
        assert_eq!(positions(recent.after(11, &["a".into()])), Some(vec![13]));
        assert_eq!(recent.after(11, &[]).map(|slice| slice.through), Some(13));
    }

    #[test]
    fn it_forgets_the_oldest_beyond_its_bytes() {
        let recent = Recent::after_position(0);
        for position in 1..=20 {
            recent.push(&event(position, "a", BYTES / 8));
        }
        assert_eq!(positions(recent.after(1, &["a".into()])), None);
        assert_eq!(positions(recent.after(18, &["a".into()])), Some(vec![19, 20]));
    }
}
