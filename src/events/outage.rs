//! Whether this node reaches its database: decides when that is worth telling. Owns the two
//! moments; leaves the telling to the relay, which notices them.
//!
//! It is this node's matter alone: another may well reach it, or the two see it come back at different times.

use std::time::Duration;

use tokio::time::Instant;

/// What is over sooner, as a connection that is made anew, is not told.
const NOTICED: Duration = Duration::from_secs(1);
/// How often it is told again while it lasts, for those who have come since.
const AGAIN: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Default)]
pub(super) struct Outage {
    since: Option<Instant>,
    told: Option<Instant>,
}

impl Outage {
    /// The database could not be read; true if this is to be told now.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let tell = match self.told {
            None => now.duration_since(since) >= NOTICED,
            Some(told) => now.duration_since(told) >= AGAIN,
        };
        if tell {
            self.told = Some(now);
        }
        tell
    }

    /// It could be read; true if this is to be told now.
    pub(super) fn worked(&mut self) -> bool {
        self.since = None;
        self.told.take().is_some()
    }

    /// Whether it could not be read the last time.
    pub(super) fn lasts(&self) -> bool {
        self.since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_when_it_lasts_again_for_newcomers_and_when_it_ends() {
        let (mut outage, begun) = (Outage::default(), Instant::now());
        assert!(!outage.worked());
        assert!(!outage.failed(begun));
        assert!(!outage.failed(begun + NOTICED / 2));
        assert!(!outage.worked(), "nobody was told that it was away");
        assert!(!outage.failed(begun + NOTICED), "it is another outage");
        let told = begun + NOTICED * 2;
        assert!(outage.failed(told));
        assert!(!outage.failed(told + AGAIN / 2));
        assert!(outage.failed(told + AGAIN));
        assert!(outage.lasts());
        assert!(outage.worked());
        assert!(!outage.lasts() && !outage.worked());
    }
}
