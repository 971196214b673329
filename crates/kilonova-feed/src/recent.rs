//! The newest events in memory, so that many clients can reconnect at once without reading the log.
//!
//! Pure except for its lock; the relay fills it, replays read it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use kilonova_pubsub::Channel;

use crate::replay::{SLICE, SLICE_BYTES, Slice};
use crate::{Event, Subject};

/// The most events in memory.
const COUNT: usize = 4096;

/// The most bytes of payloads in memory.
const BYTES: usize = 8 * 1024 * 1024;

/// The newest events; cheap to clone.
#[derive(Clone)]
pub(crate) struct Recent {
    held: Arc<RwLock<Held>>,
}

struct Held {
    /// Their positions have no gap.
    events: VecDeque<Event>,
    bytes: usize,
    /// The last position that was pushed.
    last: i64,
    /// The last position that went out.
    sent: i64,
    /// The last position that is known to be committed.
    known: i64,
    /// The newest position that is known to redact earlier events. Until it is pushed, the events
    /// in memory may contain payloads that the log has redacted.
    redacting: i64,
}

impl Recent {
    /// Starts empty, after `last`.
    pub(crate) fn after_position(last: i64) -> Recent {
        let (events, bytes) = (VecDeque::new(), 0);
        let held = Held { events, bytes, last, sent: last, known: last, redacting: 0 };
        Recent { held: Arc::new(RwLock::new(held)) }
    }

    /// Records committed events. Must be called before the client gets its response: after a
    /// deletion is acknowledged, no replay may include the deleted row.
    pub(crate) fn committed(&self, events: &[Event]) {
        let redacting = events.iter().filter(|event| event.redacts()).map(Event::position).max();
        let known = events.iter().map(Event::position).max();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.redacting = held.redacting.max(redacting.unwrap_or(0));
        held.known = held.known.max(known.unwrap_or(0));
    }

    /// Records that the log is committed up to a position.
    pub(crate) fn committed_through(&self, position: i64) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.known = held.known.max(position);
    }

    /// Adds the next event. Must be called before the event goes out: a member that has just joined
    /// and finds the event neither here nor in its mailbox would miss it.
    pub(crate) fn push(&self, event: &Event) {
        let position = event.position();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if position <= held.last {
            // A restarted relay repeats events that may not have gone out.
            return;
        }
        if event.redacts() {
            held.forget(event.subject());
        }
        held.last = position;
        held.known = held.known.max(position);
        held.bytes += event.size();
        held.events.push_back(event.clone());
        while held.events.len() > COUNT || held.bytes > BYTES {
            held.pop();
        }
    }

    /// Drops all events and continues after `position`, up to which events were pruned.
    pub(crate) fn skip_to(&self, position: i64) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.events.clear();
        held.bytes = 0;
        held.last = held.last.max(position);
        held.sent = held.sent.max(position);
        held.known = held.known.max(position);
    }

    /// Records that every event up to a position went out to the members.
    pub(crate) fn mark_sent(&self, position: i64) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.sent = held.sent.max(position);
    }

    /// The position up to which every event went out to the members.
    pub(crate) fn sent(&self) -> i64 {
        self.held.read().unwrap_or_else(PoisonError::into_inner).sent
    }

    /// The last position that was pushed; the relay has seen every event up to it.
    pub(crate) fn last(&self) -> i64 {
        self.held.read().unwrap_or_else(PoisonError::into_inner).last
    }

    /// The last position that is known to be committed, even if the log says otherwise.
    pub(crate) fn known(&self) -> i64 {
        self.held.read().unwrap_or_else(PoisonError::into_inner).known
    }

    /// A slice of the events after `position` on these channels, within the bounds of a slice from
    /// the log; `None` if some events after `position` are not in memory.
    pub(crate) fn after(&self, position: i64, channels: &[Channel]) -> Option<Slice> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let first = held.events.front().map_or(held.last + 1, Event::position);
        if position < first - 1 || position > held.last || held.last < held.redacting {
            return None;
        }
        let (mut events, mut bytes, mut through) = (Vec::new(), 0, held.last);
        let after = held.events.iter().skip(usize::try_from(position + 1 - first).ok()?);
        for event in after.filter(|event| channels.contains(event.channel())) {
            bytes += event.size();
            if events.len() == SLICE || (!events.is_empty() && bytes > SLICE_BYTES) {
                // Positions have no gap: every earlier event is in the slice.
                through = event.position() - 1;
                break;
            }
            events.push(event.clone());
        }
        Some(Slice { events, through, end: through == held.last, room: None })
    }
}

impl Held {
    /// Drops all events up to the last one about a redacted subject: the log has their current
    /// payloads.
    fn forget(&mut self, subject: Option<&Subject>) {
        let told = |event: &Event| {
            subject.zip(event.subject()).is_none_or(|(subject, about)| subject.covers(about))
        };
        let last = self.events.iter().rposition(told);
        for _ in 0..last.map_or(0, |last| last + 1) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(oldest) = self.events.pop_front() {
            self.bytes -= oldest.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewEvent;

    fn new(channel: &str, bytes: usize) -> NewEvent {
        NewEvent::new(channel, "topic", &"x".repeat(bytes)).expect("JSON")
    }

    fn event(position: i64, channel: &str, bytes: usize) -> Event {
        Event::committed(position, new(channel, bytes), None)
    }

    fn about(position: i64, subject: Subject) -> Event {
        Event::committed(position, new("a", 1).about(subject), None)
    }

    fn redacting(position: i64, subject: Subject) -> Event {
        Event::committed(position, new("a", 1).about(subject).redacting(), None)
    }

    fn positions(slice: Option<Slice>) -> Option<Vec<i64>> {
        Some(slice?.events.iter().map(Event::position).collect())
    }

    #[test]
    fn it_returns_every_event_after_a_position_or_nothing() {
        let recent = Recent::after_position(10);
        let both = ["a".into(), "b".into()];
        assert_eq!(positions(recent.after(10, &both)), Some(vec![]));
        assert_eq!(positions(recent.after(9, &both)), None, "older than what it holds");
        assert_eq!(positions(recent.after(11, &both)), None, "not pushed yet");
        for (position, channel) in [(11, "a"), (12, "b"), (13, "a")] {
            recent.push(&event(position, channel, 1));
        }
        assert_eq!(positions(recent.after(10, &both)), Some(vec![11, 12, 13]));
        assert_eq!(positions(recent.after(11, &["a".into()])), Some(vec![13]));
        assert_eq!(recent.after(11, &[]).map(|slice| slice.through), Some(13));
    }

    #[test]
    fn a_slice_of_it_is_bounded() {
        let recent = Recent::after_position(0);
        for position in 1..=1000 {
            recent.push(&event(position, "a", 5));
        }
        for position in 1001..=1010 {
            recent.push(&event(position, "a", SLICE_BYTES / 2));
        }
        let (mut after, mut seen, mut end) = (0, Vec::new(), false);
        while !end {
            let slice = recent.after(after, &["a".into()]).expect("all is held");
            let bytes: usize = slice.events.iter().map(Event::size).sum();
            assert!(slice.events.len() <= SLICE && bytes <= SLICE_BYTES);
            seen.extend(slice.events.iter().map(Event::position));
            (after, end) = (slice.through, slice.end);
        }
        assert_eq!(seen, (1..=1010).collect::<Vec<_>>());
    }

    #[test]
    fn it_forgets_the_oldest_beyond_its_bytes() {
        let recent = Recent::after_position(0);
        for position in 1..=20 {
            recent.push(&event(position, "a", BYTES / 8));
        }
        assert_eq!(positions(recent.after(1, &["a".into()])), None);
        assert_eq!(positions(recent.after(18, &["a".into()])), Some(vec![19]));
        assert_eq!(positions(recent.after(19, &["a".into()])), Some(vec![20]));
    }

    #[test]
    fn it_holds_exactly_as_much_as_its_limits() {
        // Each payload also has two quotation marks.
        for (count, size) in [(COUNT, 5), (8, BYTES / 8 - 2)] {
            let recent = Recent::after_position(0);
            for position in 1..=count as i64 {
                recent.push(&event(position, "a", size));
            }
            assert!(recent.after(0, &[]).is_some(), "{count}");
            recent.push(&event(count as i64 + 1, "a", 5));
            assert!(recent.after(0, &[]).is_none(), "{count}");
            assert!(recent.after(1, &[]).is_some(), "{count}");
        }
    }

    #[test]
    fn the_sent_position_only_grows() {
        let recent = Recent::after_position(3);
        assert_eq!(recent.sent(), 3);
        recent.mark_sent(5);
        recent.mark_sent(4);
        assert_eq!(recent.sent(), 5);
    }

    #[test]
    fn it_continues_after_pruned_events() {
        let recent = Recent::after_position(0);
        recent.push(&event(1, "a", BYTES / 2));
        recent.skip_to(7);
        assert_eq!((recent.last(), recent.sent(), recent.known()), (7, 7, 7));
        assert_eq!(positions(recent.after(1, &["a".into()])), None);
        assert_eq!(positions(recent.after(7, &["a".into()])), Some(vec![]));
        // Dropped events take no room.
        recent.push(&event(8, "a", BYTES / 2 - 2));
        recent.push(&event(9, "a", BYTES / 2 - 2));
        assert_eq!(positions(recent.after(7, &["a".into()])), Some(vec![8]));
        recent.skip_to(3);
        assert_eq!(recent.last(), 9, "it does not go back");
    }

    #[test]
    fn it_forgets_redacted_events() {
        let recent = Recent::after_position(0);
        let a = ["a".into()];
        let comment = Subject::new("comment", 1).within("post", 7);
        let subjects =
            [Subject::new("post", 7), comment, Subject::new("note", 7), Subject::new("post", 8)];
        for (position, subject) in (1..).zip(subjects) {
            recent.push(&about(position, subject));
        }
        recent.push(&redacting(5, Subject::new("post", 9)));
        assert_eq!(positions(recent.after(0, &a)), Some(vec![1, 2, 3, 4, 5]));
        recent.push(&redacting(6, Subject::new("post", 7)));
        assert_eq!(positions(recent.after(1, &a)), None);
        assert_eq!(positions(recent.after(2, &a)), Some(vec![3, 4, 5, 6]));
        recent.push(&redacting(7, Subject::new("post", 8)));
        assert_eq!(positions(recent.after(4, &a)), Some(vec![5, 6, 7]));
    }

    #[test]
    fn a_committed_redaction_that_was_not_pushed_leaves_replays_to_the_log() {
        let recent = Recent::after_position(0);
        recent.push(&about(1, Subject::new("post", 7)));
        let deletion = redacting(2, Subject::new("post", 7));
        recent.committed(std::slice::from_ref(&deletion));
        assert_eq!(positions(recent.after(0, &["a".into()])), None);
        recent.push(&deletion);
        assert_eq!(positions(recent.after(1, &["a".into()])), Some(vec![2]));
    }

    #[test]
    fn it_learns_the_end_of_the_log_from_commits() {
        let recent = Recent::after_position(3);
        assert_eq!((recent.last(), recent.known()), (3, 3));
        recent.committed(&[event(9, "a", 1), event(7, "a", 1)]);
        recent.committed_through(8);
        assert_eq!((recent.last(), recent.known()), (3, 9));
        recent.committed_through(11);
        recent.push(&event(4, "a", 1));
        assert_eq!((recent.last(), recent.known()), (4, 11));
        recent.committed(&[]);
        recent.committed_through(-1);
        assert_eq!((recent.last(), recent.known()), (4, 11));
    }

    #[test]
    fn a_redaction_counts_anywhere_among_committed_events() {
        let recent = Recent::after_position(0);
        recent.push(&about(1, Subject::new("post", 7)));
        let deletion = redacting(3, Subject::new("post", 7));
        recent.committed(&[deletion, redacting(2, Subject::new("post", 9)), event(4, "a", 1)]);
        recent.push(&redacting(2, Subject::new("post", 9)));
        assert_eq!(positions(recent.after(0, &["a".into()])), None);
    }
}
