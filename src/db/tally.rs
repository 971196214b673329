//! The writer's counters, and whether the database accepts writes. Owns the numbers and the timing
//! of probe writes; the writer counts, and `Db::stats` reports.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kilonova_feed::{Distribution, Histogram};

use crate::turns::Usage;

/// The least time between two probe writes, which only find out whether writes succeed again.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Numbers about the database's work, now and since the start.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Reads for clients.
    pub reads: Usage,
    /// Reads for the node itself.
    pub own_reads: Usage,
    /// Transactions that wait for the writer.
    pub waiting: usize,
    /// The number of transactions in each committed batch.
    pub batches: Distribution,
    /// The duration of each batch, from BEGIN until COMMIT has returned.
    pub times: Distribution,
    /// Events that were written.
    pub events: u64,
    /// Transactions that failed because their batch did.
    pub failed: u64,
    /// The last batch failed.
    pub is_failing: bool,
}

pub(super) struct Tally {
    pub(super) batches: Histogram,
    pub(super) times: Histogram,
    events: AtomicU64,
    failed: AtomicU64,
    failing: AtomicBool,
    tried: Mutex<Option<Instant>>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            batches: Histogram::of_sizes(),
            times: Histogram::of_times(),
            events: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            tried: Mutex::new(None),
        }
    }
}

impl Tally {
    /// Counts a committed batch with this number of transactions and events.
    pub(super) fn committed(&self, transactions: usize, events: usize, time: Duration) {
        self.batches.size(transactions);
        self.times.time(time);
        self.events.fetch_add(events as u64, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Counts a failed batch with this number of transactions.
    pub(super) fn failed(&self, transactions: usize) {
        self.failed.fetch_add(transactions as u64, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
    }

    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(super) fn failures(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Whether a probe write is due. If so, it counts as attempted.
    pub(super) fn may_try(&self, now: Instant) -> bool {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = tried.is_none_or(|at| now.saturating_duration_since(at) >= TRY_EVERY);
        if is_due {
            *tried = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_fail_from_a_failed_batch_to_the_next_commit() {
        let tally = Tally::default();
        assert!(!tally.is_failing());
        tally.failed(3);
        assert!(tally.is_failing());
        tally.committed(2, 5, Duration::ZERO);
        assert!(!tally.is_failing());
        assert_eq!((tally.events(), tally.failures()), (5, 3));
    }

    #[test]
    fn a_probe_write_is_due_at_most_once_a_second() {
        let (tally, start) = (Tally::default(), Instant::now());
        assert!(tally.may_try(start) && !tally.may_try(start));
        assert!(!tally.may_try(start + TRY_EVERY / 2));
        assert!(tally.may_try(start + TRY_EVERY) && !tally.may_try(start + TRY_EVERY));
    }
}
