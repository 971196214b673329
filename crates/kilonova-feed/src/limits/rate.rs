//! Rate limits, for example of a client's frames, a node's handshakes, or password attempts.
//!
//! The generic cell rate algorithm: a token bucket in one number, the time at which everything that
//! was admitted would be done at the steady rate.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A rate limit that allows short bursts; threads share it without a lock.
#[derive(Debug)]
pub struct Rate {
    steady: Steady,
    /// The time at which everything admitted would be done, in nanoseconds since the start.
    due: AtomicU64,
}

impl Rate {
    /// Admits `per_second` per second, and as many at once after an idle second; 0 means no limit.
    pub fn new(per_second: u32, now: Instant) -> Rate {
        Rate {
            steady: Steady::new(per_second, Duration::from_secs(1), now),
            due: AtomicU64::new(0),
        }
    }

    /// Returns true and counts one more, if the limit admits it now.
    pub fn admits(&self, now: Instant) -> bool {
        self.steady.admit(&self.due, now).is_ok()
    }
}

/// A rate limit per key, for any number of keys in a fixed amount of memory.
///
/// A key has one of 65,536 places, which it may share with other keys. A random hash decides which
/// keys share a place; it changes at every start. No key is evicted to make room, so an attacker
/// cannot reset a limit with new keys.
pub struct Rates {
    steady: Steady,
    hasher: RandomState,
    /// Allocated with the first key: a rate that is unused or has no limit takes no memory.
    due: OnceLock<Box<[AtomicU64]>>,
}

/// Half a mebibyte of counters.
const PLACES: usize = 1 << 16;

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").field("steady", &self.steady).finish_non_exhaustive()
    }
}

impl Rates {
    /// Admits `count` of each key per period, and as many at once after an idle period.
    pub fn new(count: u32, period: Duration, now: Instant) -> Rates {
        Rates {
            steady: Steady::new(count, period, now),
            hasher: RandomState::new(),
            due: OnceLock::new(),
        }
    }

    /// Counts one more of this key, or returns the time until the next one is admitted.
    pub fn admit(&self, key: impl Hash, now: Instant) -> Result<(), Duration> {
        self.due(key).map_or(Ok(()), |due| self.steady.admit(due, now))
    }

    /// Checks whether one more of this key would be admitted, without counting it. If not, returns
    /// the time until then.
    ///
    /// For requests whose cost is known only afterwards: check first, [`charge`](Rates::charge)
    /// later.
    pub fn check(&self, key: impl Hash, now: Instant) -> Result<(), Duration> {
        self.due(key).map_or(Ok(()), |due| self.steady.check(due, now))
    }

    /// Counts `count` more of this key, even beyond the limit. The key then waits until the excess
    /// is paid off at the steady rate.
    pub fn charge(&self, key: impl Hash, count: u32, now: Instant) {
        if let Some(due) = self.due(key) {
            self.steady.charge(due, count, now);
        }
    }

    /// Takes back one that was counted.
    pub fn give_back(&self, key: impl Hash) {
        let less = |due: u64| Some(due.saturating_sub(self.steady.interval));
        if let Some(due) = self.due(key) {
            // `less` always returns a value, so the update cannot fail.
            let _ = due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// The place of a key; `None` without a limit.
    fn due(&self, key: impl Hash) -> Option<&AtomicU64> {
        if self.steady.interval == 0 {
            return None;
        }
        let due = self.due.get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(0)).collect());
        due.get(self.hasher.hash_one(key) as usize % PLACES)
    }
}

/// The steady rate and the largest burst.
#[derive(Debug)]
struct Steady {
    started: Instant,
    /// The latest time of any thread, in nanoseconds since the start. A thread that read the clock
    /// before another thread and counts after it must not find that thread's count in the future.
    latest: AtomicU64,
    /// The interval at the steady rate, in nanoseconds.
    interval: u64,
    /// The largest lead over the steady rate, in nanoseconds.
    ahead: u64,
}

impl Steady {
    fn new(count: u32, period: Duration, now: Instant) -> Steady {
        let interval = nanoseconds(period).checked_div(count.into()).unwrap_or(0);
        let ahead = interval.saturating_mul(count.saturating_sub(1).into());
        Steady { started: now, latest: AtomicU64::new(0), interval, ahead }
    }

    /// The latest time of any thread, this one's included, in nanoseconds since the start.
    fn latest(&self, now: Instant) -> u64 {
        let now = nanoseconds(now.saturating_duration_since(self.started));
        self.latest.fetch_max(now, Ordering::Relaxed).max(now)
    }

    fn check(&self, due: &AtomicU64, now: Instant) -> Result<(), Duration> {
        let latest = self.latest(now);
        match due.load(Ordering::Acquire).saturating_sub(latest) {
            lead if lead <= self.ahead => Ok(()),
            lead => Err(Duration::from_nanos(lead - self.ahead)),
        }
    }

    fn charge(&self, due: &AtomicU64, count: u32, now: Instant) {
        let latest = self.latest(now);
        let cost = self.interval.saturating_mul(count.into());
        let next = |due: u64| Some(due.max(latest).saturating_add(cost));
        // `next` always returns a value, so the update cannot fail.
        let _ = due.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }

    fn admit(&self, due: &AtomicU64, now: Instant) -> Result<(), Duration> {
        if self.interval == 0 {
            return Ok(());
        }
        let mut latest = 0;
        // Acquire and release: another thread's count is visible together with its time.
        let next = |due: u64| {
            latest = self.latest(now);
            let due = due.max(latest);
            (due - latest <= self.ahead).then(|| due.saturating_add(self.interval))
        };
        match due.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(_) => Ok(()),
            Err(due) => Err(Duration::from_nanos(due.saturating_sub(latest + self.ahead))),
        }
    }
}

/// The duration in nanoseconds; a `u64` has room for more than 500 years.
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
                // After a long rest there is one burst, not the sum of the unused rate.
                let now = start + Duration::from_secs(1000 * second);
                let admitted = (0..2 * per_second).filter(|_| rate.admits(now)).count();
                assert_eq!(admitted, per_second as usize, "{per_second}");
                // Then a second with constant demand.
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
    fn threads_together_get_one_burst() {
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
    fn a_charge_beyond_the_rate_delays_the_key() {
        let start = Instant::now();
        let rates = Rates::new(60, Duration::from_secs(60), start);
        assert_eq!(rates.check("ada", start), Ok(()));
        rates.charge("ada", 59, start);
        assert_eq!(rates.check("ada", start), Ok(()));
        rates.charge("ada", 101, start);
        assert_eq!(rates.check("ada", start), Err(Duration::from_secs(101)));
        assert_eq!(rates.check("eve", start), Ok(()));
        let later = start + Duration::from_secs(101);
        assert_eq!(
            rates.check("ada", later - Duration::from_nanos(1)),
            Err(Duration::from_nanos(1))
        );
        assert_eq!(rates.check("ada", later), Ok(()));
        let unlimited = Rates::new(0, Duration::from_secs(60), start);
        unlimited.charge("ada", u32::MAX, start);
        assert_eq!(unlimited.check("ada", start), Ok(()));
    }

    #[test]
    fn each_key_has_its_own_rate_and_gets_returns_back() {
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
        // A return after a rest does not raise the burst.
        let rested = later + Duration::from_secs(120);
        rates.give_back("ada");
        assert_eq!(admitted("ada", rested), 10);
    }
}
