//! How many times a second something may happen: a client's frames, the node's handshakes.
//!
//! The generic cell rate algorithm: a token bucket that is one number, the time at which everything
//! let in so far would be done at the steady rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SECOND: u64 = 1_000_000_000;

/// A rate that is kept to, with short bursts; shared between threads without a lock.
pub(super) struct Rate {
    started: Instant,
    /// Between two at the steady rate, in nanoseconds.
    interval: u64,
    /// How far ahead of the steady rate it may be, in nanoseconds.
    ahead: u64,
    /// When all that were let in would be done, in nanoseconds since the start.
    due: AtomicU64,
}

impl Rate {
    /// So many a second, and as many at once after a second without; 0 is any number.
    pub(super) fn new(per_second: u32, now: Instant) -> Rate {
        let interval = SECOND.checked_div(per_second.into()).unwrap_or(0);
        let ahead = interval * u64::from(per_second.saturating_sub(1));
        Rate { started: now, interval, ahead, due: AtomicU64::new(0) }
    }

    /// Whether one more may be let in now. It is counted if so.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let now = nanoseconds(now.saturating_duration_since(self.started));
        let next = |due: u64| {
            let due = due.max(now);
            (due - now <= self.ahead).then(|| due.saturating_add(self.interval))
        };
        self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// Enough for five hundred years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_not_kept_to_or_not_reached() {
        let start = Instant::now();
        for per_second in [1, 10, 100, 2_000, 100_000] {
            let rate = Rate::new(per_second, start);
            for second in 1..=3 {
                // After so long a rest there is one burst, and not the sum of what was not used.
                let now = start + Duration::from_secs(1000 * second);
                let admitted = (0..2 * per_second).filter(|_| rate.admits(now)).count();
                assert_eq!(admitted, per_second as usize, "{per_second}");
                // Then a second in which there is always one who wants in.
                let step = Duration::from_secs(1) / (4 * per_second);
                let admitted =
                    (1..=4 * per_second).filter(|n| rate.admits(now + step * *n)).count();
                assert_eq!(admitted, per_second as usize, "{per_second}");
            }
        }
        let any = Rate::new(0, start);
        assert!((0..100_000).all(|_| any.admits(start)));
    }
}
