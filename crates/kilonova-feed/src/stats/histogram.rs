//! Histograms with fixed bounds. Recording takes two atomic additions and never waits for a reader.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of times, in nanoseconds: from 100 µs to 10 s.
const TIMES: [u64; 15] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];

/// Upper bounds of sizes.
const SIZES: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// Counts recorded values in buckets with fixed upper bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// The number of recorded units in one reported unit, such as nanoseconds in a second.
    scale: f64,
    /// One for each bound, and one for values above all bounds.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram::of_times()
    }
}

impl Histogram {
    /// An empty histogram of times, reported in seconds.
    pub fn of_times() -> Histogram {
        Histogram::new(&TIMES, 1e9)
    }

    /// An empty histogram of sizes up to 128.
    pub fn of_sizes() -> Histogram {
        Histogram::new(&SIZES, 1.0)
    }

    fn new(bounds: &'static [u64], scale: f64) -> Histogram {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { bounds, scale, buckets, sum: AtomicU64::new(0) }
    }

    /// Records a time.
    pub fn time(&self, time: Duration) {
        self.record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Records a size.
    pub fn size(&self, size: usize) {
        self.record(size as u64);
    }

    fn record(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Returns the values recorded so far.
    pub fn distribution(&self) -> Distribution {
        let mut count = 0;
        let mut up_to = |bucket: &AtomicU64| {
            count += bucket.load(Ordering::Relaxed);
            count
        };
        let counts: Vec<u64> = self.buckets.iter().map(&mut up_to).collect();
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / self.scale);
        Distribution {
            buckets: bounds.zip(counts).collect(),
            count,
            sum: self.sum.load(Ordering::Relaxed) as f64 / self.scale,
        }
    }
}

/// The values that a histogram has recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Upper bounds, each with the number of values up to it. Larger values are only in `count`.
    pub buckets: Vec<(f64, u64)>,
    /// The number of values.
    pub count: u64,
    /// The sum of the values.
    pub sum: f64,
}

impl Distribution {
    /// Adds the values of another histogram with the same bounds.
    pub fn add(&mut self, other: &Distribution) {
        if self.buckets.is_empty() {
            self.buckets.clone_from(&other.buckets);
        } else {
            for ((_, count), (_, more)) in self.buckets.iter_mut().zip(&other.buckets) {
                *count += more;
            }
        }
        self.count += other.count;
        self.sum += other.sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_up_to_its_bound_and_above() {
        let sizes = Histogram::of_sizes();
        for size in [1, 2, 3, 64, 65, 1000] {
            sizes.size(size);
        }
        let Distribution { buckets, count, sum } = sizes.distribution();
        let expected =
            [(1.0, 1), (2.0, 2), (4.0, 3), (8.0, 3), (16.0, 3), (32.0, 3), (64.0, 4), (128.0, 5)];
        assert_eq!((buckets, count, sum), (expected.to_vec(), 6, 1135.0));
    }

    #[test]
    fn times_are_reported_in_seconds() {
        let times = Histogram::of_times();
        times.time(Duration::from_millis(5));
        times.time(Duration::MAX);
        let told = times.distribution();
        let up_to = |bound| told.buckets.iter().find(|(it, _)| *it == bound).map(|(_, n)| *n);
        assert_eq!((up_to(0.0025), up_to(0.005), up_to(10.0)), (Some(0), Some(1), Some(1)));
        assert_eq!(told.count, 2);
    }

    #[test]
    fn distributions_of_several_threads_add_up() {
        let (one, other) = (Histogram::of_sizes(), Histogram::of_sizes());
        one.size(1);
        other.size(100);
        let mut both = Distribution::default();
        both.add(&one.distribution());
        both.add(&other.distribution());
        assert_eq!((both.count, both.sum), (2, 101.0));
        assert_eq!((both.buckets[0].1, both.buckets[7].1), (1, 2));
    }
}
