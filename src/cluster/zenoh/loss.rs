//! Counts what is lost, and says so now and then.

use std::sync::Mutex;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(10);

/// Messages of one kind that were lost for one reason. It is logged at most every ten seconds, with the
/// number since the last time.
#[derive(Debug)]
pub(super) struct Loss {
    reason: &'static str,
    state: Mutex<(u64, Option<Instant>)>,
}

impl Loss {
    /// Reads as "12 messages were lost: REASON".
    pub(super) fn new(reason: &'static str) -> Loss {
        Loss { reason, state: Mutex::default() }
    }

    /// One more.
    pub(super) fn note(&self) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (count, logged) = &mut *state;
        *count += 1;
        if logged.is_none_or(|logged| logged.elapsed() >= PAUSE) {
            log::warn!("{count} messages between nodes were lost: {}", self.reason);
            *logged = Some(Instant::now());
            *count = 0;
        }
    }
}
