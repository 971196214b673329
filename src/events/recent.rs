//! The newest events in memory, so that the many who reconnect at once need not all read the log.
//!
//! Pure but for its lock; the relay fills it, replays read it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use super::replay::{SLICE, Slice};
use crate::models::event::{Event, SLICE_BYTES, Subject};
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
    /// Without a gap, each with what it is about.
    events: VecDeque<(Envelope, Option<Subject>)>,
    bytes: usize,
    /// The position of the last event that came by.
    last: i64,
    /// The position of the last event that went out.
    sent: i64,
    /// The position of the newest event that is known to redact earlier ones. Until it has come
    /// by, some of what is held may tell what the log no longer does.
    redacting: i64,
}

impl Recent {
    /// Holds nothing yet; `last` came by already.
    pub fn after_position(last: i64) -> Recent {
        let held = Held { events: VecDeque::new(), bytes: 0, last, sent: last, redacting: 0 };
        Recent { held: Arc::new(RwLock::new(held)) }
    }

    /// Hears what was committed, before its client does: once a deletion is acknowledged, no
    /// replay tells what was deleted.
    pub fn committed(&self, events: &[Event]) {
        let redacting = events.iter().rev().find(|event| event.may_redact());
        if let Some(event) = redacting {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            held.redacting = held.redacting.max(event.id);
        }
    }

    /// Takes the next event in. Must come before the event goes out to the members: who has joined
    /// and finds an event neither here nor in its mailbox would miss it.
    pub(super) fn push(&self, envelope: &Envelope, subject: Option<Subject>, may_redact: bool) {
        let Some(position) = envelope.position() else { return };
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if position <= held.last {
            // A relay that starts anew sends again what it cannot know to have gone out.
            return;
        }
        if may_redact {
            held.forget(subject);
        }
        held.last = position;
        held.bytes += envelope.payload().as_json().len();
        held.events.push_back((envelope.clone(), subject));
        while held.events.len() > COUNT || held.bytes > BYTES {
            held.pop();
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

    /// A slice of the events after `position` on these channels, as bounded as one from the log,
    /// or `None` when not all of those after `position` are held.
    pub fn after(&self, position: i64, channels: &[Channel]) -> Option<Slice> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let first = held.events.front().and_then(|(envelope, _)| envelope.position());
        let first = first.unwrap_or(held.last + 1);
        if position < first - 1 || position > held.last || held.last < held.redacting {
            return None;
        }
        let (mut events, mut bytes, mut through) = (Vec::new(), 0, held.last);
        let after = held.events.iter().skip(usize::try_from(position + 1 - first).ok()?);
        for (envelope, _) in after.filter(|(envelope, _)| channels.contains(envelope.channel())) {
            bytes += envelope.payload().as_json().len();
            if events.len() == SLICE || (!events.is_empty() && bytes > SLICE_BYTES) {
                // Positions have no gap: what comes before this one is in the slice.
                through = envelope.position()? - 1;
                break;
            }
            events.push(envelope.clone());
        }
        Some(Slice { events, through, end: through == held.last })
    }
}

impl Held {
    /// Drops what is held up to the last event about a subject that was redacted: the log has it
    /// as it is now.
    fn forget(&mut self, subject: Option<Subject>) {
        let told = |about: &Option<Subject>| {
            subject.zip(*about).is_none_or(|(subject, about)| subject.covers(about))
        };
        let last = self.events.iter().rposition(|(_, about)| told(about));
        for _ in 0..last.map_or(0, |last| last + 1) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some((oldest, _)) = self.events.pop_front() {
            self.bytes -= oldest.payload().as_json().len();
        }
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
            recent.push(&event(position, channel, 1), Some(Subject::Note(position)), false);
        }
        assert_eq!(positions(recent.after(10, &both)), Some(vec![11, 12, 13]));
        assert_eq!(positions(recent.after(11, &["a".into()])), Some(vec![13]));
        assert_eq!(recent.after(11, &[]).map(|slice| slice.through), Some(13));
    }

    #[test]
    fn a_slice_of_it_is_bounded() {
        let recent = Recent::after_position(0);
        for position in 1..=1000 {
            recent.push(&event(position, "a", 5), None, false);
        }
        for position in 1001..=1010 {
            recent.push(&event(position, "a", SLICE_BYTES / 2), None, false);
        }
        let (mut after, mut seen, mut end) = (0, Vec::new(), false);
        while !end {
            let slice = recent.after(after, &["a".into()]).expect("all is held");
            let bytes: usize = slice.events.iter().map(|one| one.payload().as_json().len()).sum();
            assert!(slice.events.len() <= SLICE && bytes <= SLICE_BYTES);
            seen.extend(slice.events.iter().filter_map(Envelope::position));
            (after, end) = (slice.through, slice.end);
        }
        assert_eq!(seen, (1..=1010).collect::<Vec<_>>());
    }

    #[test]
    fn it_forgets_the_oldest_beyond_its_bytes() {
        let recent = Recent::after_position(0);
        for position in 1..=20 {
            recent.push(&event(position, "a", BYTES / 8), None, false);
        }
        assert_eq!(positions(recent.after(1, &["a".into()])), None);
        assert_eq!(positions(recent.after(18, &["a".into()])), Some(vec![19]));
        assert_eq!(positions(recent.after(19, &["a".into()])), Some(vec![20]));
    }

    #[test]
    fn it_forgets_what_was_redacted() {
        let recent = Recent::after_position(0);
        let a = ["a".into()];
        let comment = Subject::Comment { id: 1, post_id: 7 };
        for (position, subject) in
            [(1, Subject::Post(7)), (2, comment), (3, Subject::Note(7)), (4, Subject::Post(8))]
        {
            recent.push(&event(position, "a", 1), Some(subject), false);
        }
        recent.push(&event(5, "a", 1), Some(Subject::Post(9)), true);
        assert_eq!(positions(recent.after(0, &a)), Some(vec![1, 2, 3, 4, 5]));
        recent.push(&event(6, "a", 1), Some(Subject::Post(7)), true);
        assert_eq!(positions(recent.after(1, &a)), None);
        assert_eq!(positions(recent.after(2, &a)), Some(vec![3, 4, 5, 6]));
        recent.push(&event(7, "a", 1), Some(Subject::Post(8)), true);
        assert_eq!(positions(recent.after(4, &a)), Some(vec![5, 6, 7]));
    }
}
