//! Outages of the log: decides when one begins, and when it is long enough to report. Owns the
//! times; leaves the reports to the relay.

use std::time::Duration;

use tokio::time::Instant;

/// Shorter outages, such as a reconnect to the database, are not reported.
const NOTICED: Duration = Duration::from_secs(1);

/// The current outage, if there is one.
#[derive(Default)]
pub(crate) struct Outage {
    since: Option<Instant>,
}

/// The effect of a failed read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// True when the read begins an outage, which is logged once.
    pub(crate) begins: bool,
    /// True when the outage is long enough to report.
    pub(crate) lasts: bool,
}

impl Outage {
    /// Records a failed read that began at `begun`. A read that hung until its timeout is an outage
    /// of that length.
    pub(crate) fn failed(&mut self, begun: Instant, now: Instant) -> Failure {
        let begins = self.since.is_none();
        let since = *self.since.get_or_insert(begun);
        Failure { begins, lasts: now.duration_since(since) >= NOTICED }
    }

    /// Records a successful read; true when it ends an outage.
    pub(crate) fn worked(&mut self) -> bool {
        self.since.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_reported_when_it_lasts() {
        let (mut outage, begun) = (Outage::default(), Instant::now());
        let failed = |outage: &mut Outage, at| {
            let Failure { begins, lasts } = outage.failed(at, at);
            (begins, lasts)
        };
        assert!(!outage.worked());
        assert_eq!(failed(&mut outage, begun), (true, false));
        assert_eq!(failed(&mut outage, begun + NOTICED / 2), (false, false));
        assert!(outage.worked());
        assert_eq!(failed(&mut outage, begun + NOTICED), (true, false), "it is another outage");
        assert_eq!(failed(&mut outage, begun + NOTICED * 2), (false, true));
        assert!(outage.worked());
        assert!(!outage.worked());
    }

    #[test]
    fn a_read_that_hung_is_an_outage_of_that_length() {
        let (mut outage, begun) = (Outage::default(), Instant::now());
        let failure = outage.failed(begun, begun + NOTICED);
        assert_eq!(failure, Failure { begins: true, lasts: true });
    }
}
