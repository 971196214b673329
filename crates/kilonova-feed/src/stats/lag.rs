//! The lag of sent events behind the log, in positions and in time. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Positions that become known within this time count as known at its beginning.
const TOGETHER: Duration = Duration::from_millis(20);

/// The most marks. When they are used up, later positions count as known since the last mark.
const MARKS: usize = 1024;

/// The last sent position, and the log's end.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    position: i64,
    sent: i64,
    /// The times at which unsent positions became known. A mark also covers the positions between
    /// it and the mark before.
    marks: VecDeque<(i64, Instant)>,
}

impl Lag {
    /// Records that the log has this position.
    pub(crate) fn reached(&mut self, position: i64, now: Instant) {
        if position <= self.position.max(self.sent) {
            return;
        }
        self.position = position;
        let is_full = self.marks.len() >= MARKS;
        match self.marks.back_mut() {
            Some((last, at)) if is_full || now.saturating_duration_since(*at) < TOGETHER => {
                *last = position;
            }
            _ => self.marks.push_back((position, now)),
        }
    }

    /// Records that every event up to this position has gone out.
    pub(crate) fn sent(&mut self, position: i64) {
        self.sent = self.sent.max(position);
        while self.marks.front().is_some_and(|(position, _)| *position <= self.sent) {
            self.marks.pop_front();
        }
    }

    /// The log's end, the last sent position, and how long the oldest unsent position has been
    /// known.
    pub(crate) fn now(&self, now: Instant) -> (i64, i64, Duration) {
        let since = self.marks.front().map(|(_, at)| now.saturating_duration_since(*at));
        (self.position.max(self.sent), self.sent, since.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_is_the_age_of_the_oldest_event_that_has_not_gone_out() {
        let (mut lag, start) = (Lag::default(), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        lag.sent(10);
        assert_eq!(lag.now(at(0)), (10, 10, Duration::ZERO));
        lag.reached(10, at(0));
        assert_eq!(lag.now(at(500)), (10, 10, Duration::ZERO), "it has gone out");
        lag.reached(11, at(0));
        lag.reached(12, at(19));
        lag.reached(13, at(100));
        assert_eq!(lag.now(at(500)), (13, 10, Duration::from_millis(500)));
        lag.sent(11);
        assert_eq!(lag.now(at(500)), (13, 11, Duration::from_millis(500)), "12 counts with it");
        lag.sent(12);
        assert_eq!(lag.now(at(500)), (13, 12, Duration::from_millis(400)));
        lag.sent(14);
        assert_eq!(lag.now(at(900)), (14, 14, Duration::ZERO));
    }

    #[test]
    fn it_remembers_a_bounded_number_of_times() {
        let (mut lag, start) = (Lag::default(), Instant::now());
        for position in 1..=5_000 {
            lag.reached(position, start + TOGETHER * position as u32);
        }
        assert_eq!(lag.marks.len(), MARKS);
        let end = start + TOGETHER * 5_000;
        assert_eq!(lag.now(end), (5_000, 0, TOGETHER * 4_999));
        lag.sent(4_999);
        assert_eq!(lag.now(end).1, 4_999);
        assert!(lag.now(end).2 > Duration::ZERO, "5000 has not gone out");
        lag.sent(5_000);
        assert_eq!(lag.now(end).2, Duration::ZERO);
    }
}
