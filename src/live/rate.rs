//! How many frames a client may send in a second.

use tokio::time::{Duration, Instant};

/// One client's frames in the current second.
pub(super) struct Rate {
    /// `u32::MAX` is no limit.
    max: u32,
    count: u32,
    since: Instant,
}

impl Rate {
    /// Up to `max` frames in every second.
    pub(super) fn new(max: u32, now: Instant) -> Rate {
        Rate { max, count: 0, since: now }
    }

    /// Counts a frame; false when it is one too many.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            self.since = now;
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.count <= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_client_is_refused_or_a_flood_is_not() {
        let mut now = Instant::now();
        let mut rate = Rate::new(3, now);
        for _ in 0..10 {
            assert!((0..3).all(|_| rate.admits(now)));
            now += Duration::from_secs(1);
        }
        assert!((0..3).all(|_| rate.admits(now)));
        assert!(!rate.admits(now));
    }
}
