//! Whether the log can be read: decides when that is worth telling. Owns the moments; leaves the
//! telling to the relay, which notices them.

use std::time::Duration;

use tokio::time::Instant;

/// A shorter outage, such as a connection that is made again, is not told.
const NOTICED: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(crate) struct Outage {
    since: Option<Instant>,
}

/// What a failed read means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// An outage begins with it; worth a line in the log.
    pub(crate) begins: bool,
    /// It has lasted long enough to be told.
    pub(crate) lasts: bool,
}

impl Outage {
    /// A read that began at `begun` has failed now. One that hung until it timed out is an outage
    /// of that length.
    pub(crate) fn failed(&mut self, begun: Instant, now: Instant) -> Failure {
        let begins = self.since.is_none();
        let since = *self.since.get_or_insert(begun);
        Failure { begins, lasts: now.duration_since(since) >= NOTICED }
    }

    /// The log could be read; true when that ends an outage.
    pub(crate) fn worked(&mut self) -> bool {
        self.since.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_when_it_lasts() {
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
