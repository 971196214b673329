//! How often something may happen: a client's frames, the node's handshakes, guesses at a password.
//!
//! The generic cell rate algorithm: a token bucket that is one number, the time at which everything
//! let in so far would be done at the steady rate.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A rate that is kept to, with short bursts; shared between threads without a lock.
pub struct Rate {
    steady: Steady,
    /// When all that were let in would be done, in nanoseconds since the start.
    due: AtomicU64,
}

impl Rate {
    /// So many a second, and as many at once after a second without; 0 is any number.
    pub fn new(per_second: u32, now: Instant) -> Rate {
        Rate {
            steady: Steady::new(per_second, Duration::from_secs(1), now),
            due: AtomicU64::new(0),
        }
    }

    /// Whether one more may be let in now. It is counted if so.
    pub fn admits(&self, now: Instant) -> bool {
        self.steady.admit(&self.due, now).is_ok()
    }
}

/// A rate for each of any number of keys, in a fixed amount of memory.
///
/// A key has one of 65,536 places, which it may share with another; which ones share changes with
/// every start, and nobody can tell from outside. So nothing is ever forgotten to make room, which
/// who asks with ever new keys could bring about.
pub struct Rates {
    steady: Steady,
    hasher: RandomState,
    due: Box<[AtomicU64]>,
}

/// Half a mebibyte.
const PLACES: usize = 1 << 16;

impl Rates {
    /// So many of each key in a period, and as many at once after a period without.
    pub fn new(count: u32, period: Duration, now: Instant) -> Rates {
        Rates {
            steady: Steady::new(count, period, now),
            hasher: RandomState::new(),
            due: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Counts one more of this key; if there can be none now, says how long until there can.
    pub fn admit(&self, key: impl Hash, now: Instant) -> Result<(), Duration> {
        self.steady.admit(self.due(key), now)
    }

    /// Takes back one that was counted.
    pub fn give_back(&self, key: impl Hash) {
        let less = |due: u64| Some(due.saturating_sub(self.steady.interval));
        // There is always a new value.
        let _ = self.due(key).fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn due(&self, key: impl Hash) -> &AtomicU64 {
        // The remainder is smaller than the length.
        &self.due[self.hasher.hash_one(key) as usize % PLACES]
    }
}

/// How many there may be in the long run, and at once.
struct Steady {
    started: Instant,
    /// The latest time that any thread came with, in nanoseconds since the start. A thread that
    /// took its time before another one and comes after it must not find that one's count ahead.
    latest: AtomicU64,
    /// Between two at the steady rate, in nanoseconds.
    interval: u64,
    /// How far ahead of the steady rate it may be, in nanoseconds.
    ahead: u64,
}

impl Steady {
    fn new(count: u32, period: Duration, now: Instant) -> Steady {
        let interval = nanoseconds(period).checked_div(count.into()).unwrap_or(0);
        let ahead = interval.saturating_mul(count.saturating_sub(1).into());
        Steady { started: now, latest: AtomicU64::new(0), interval, ahead }
    }

    fn admit(&self, due: &AtomicU64, now: Instant) -> Result<(), Duration> {
        if self.interval == 0 {
            return Ok(());
        }
        let now = nanoseconds(now.saturating_duration_since(self.started));
        let mut latest = now;
        // What another thread counted is seen together with the time that it came with.
        let next = |due: u64| {
            latest = self.latest.fetch_max(now, Ordering::Relaxed).max(now);
            let due = due.max(latest);
            (due - latest <= self.ahead).then(|| due.saturating_add(self.interval))
        };
        match due.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(_) => Ok(()),
            Err(due) => Err(Duration::from_nanos(due.saturating_sub(latest + self.ahead))),
        }
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
    fn a_rate_is_reached_and_kept_to() {
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
    }

    #[test]
    fn a_rate_of_zero_admits_everyone_whatever_their_clocks_say() {
        let start = Instant::now();
        let any = Rate::new(0, start);
        for nanosecond in (0..100_000).rev() {
            assert!(any.admits(start + Duration::from_nanos(nanosecond)), "{nanosecond}");
        }
    }

    #[test]
    fn a_thread_whose_clock_is_behind_is_admitted_like_the_others() {
        let start = Instant::now();
        for per_second in [1, 10, 1_000] {
            let rate = Rate::new(per_second, start);
            let mut now = start + Duration::from_secs(10);
            for _ in 0..per_second {
                assert!(rate.admits(now), "{per_second}");
                now -= Duration::from_micros(1);
            }
            assert!(!rate.admits(start + Duration::from_secs(10)), "{per_second}");
        }
    }

    #[test]
    fn threads_together_get_as_many_as_there_may_be() {
        let start = Instant::now();
        let rate = Rate::new(1_000, start);
        let admitted: usize = std::thread::scope(|scope| {
            let count = || {
                let early = start + Duration::from_secs(10);
                (0..1_000).filter(|n| rate.admits(early - Duration::from_nanos(*n))).count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().expect("a thread's end")).sum()
        });
        assert_eq!(admitted, 1_000);
    }

    #[test]
    fn each_key_has_a_rate_of_its_own_and_gets_back_what_is_returned() {
        let start = Instant::now();
        let rates = Rates::new(10, Duration::from_secs(60), start);
        let admitted = |key: &str, now| (0..100).filter(|_| rates.admit(key, now).is_ok()).count();
        assert_eq!(admitted("ada", start), 10);
        assert_eq!(rates.admit("ada", start), Err(Duration::from_secs(6)));
        assert_eq!(admitted("eve", start), 10);
        rates.give_back("ada");
        assert_eq!(admitted("ada", start), 1);
        let later = start + Duration::from_secs(6);
        assert_eq!(admitted("ada", later), 1);
        // What is given back after a rest is not one more than there can be.
        let rested = later + Duration::from_secs(120);
        rates.give_back("ada");
        assert_eq!(admitted("ada", rested), 10);
    }
}
