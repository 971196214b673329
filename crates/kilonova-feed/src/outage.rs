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
pub(crate) enum Failure {
    /// An outage begins; worth a line in the log.
    Begins,
    /// It goes on, too short yet to be told.
    Brief,
    /// It goes on.
    Lasts,
}

impl Outage {
    /// The log could not be read.
    pub(crate) fn failed(&mut self, now: Instant) -> Failure {
        match self.since {
            None => {
                self.since = Some(now);
                Failure::Begins
            }
            Some(since) if now.duration_since(since) < NOTICED => Failure::Brief,
            Some(_) => Failure::Lasts,
        }
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
        assert!(!outage.worked());
        assert_eq!(outage.failed(begun), Failure::Begins);
        assert_eq!(outage.failed(begun + NOTICED / 2), Failure::Brief);
        assert!(outage.worked());
        assert_eq!(outage.failed(begun + NOTICED), Failure::Begins, "it is another outage");
        assert_eq!(outage.failed(begun + NOTICED * 2), Failure::Lasts);
        assert!(outage.worked());
        assert!(!outage.worked());
    }
}
