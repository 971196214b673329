//! Counts losses, and logs them from time to time.

use std::sync::Mutex;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(10);

/// A counter for one kind of loss. It logs at most every ten seconds, with the number since the
/// previous line.
#[derive(Debug)]
pub(crate) struct Loss {
    what: &'static str,
    state: Mutex<(u64, Option<Instant>)>,
}

impl Loss {
    /// `what` says what was lost and why. The log line reads "12 WHAT".
    pub(crate) fn new(what: &'static str) -> Loss {
        Loss { what, state: Mutex::default() }
    }

    /// Counts one loss.
    pub(crate) fn note(&self) {
        self.log(None);
    }

    /// Counts one loss, with a reason. The log line has only the latest reason.
    #[cfg(feature = "erlang")]
    pub(crate) fn note_because(&self, why: &dyn std::fmt::Display) {
        self.log(Some(why));
    }

    fn log(&self, why: Option<&dyn std::fmt::Display>) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (count, logged) = &mut *state;
        *count += 1;
        if logged.is_none_or(|logged| logged.elapsed() >= PAUSE) {
            match why {
                Some(why) => log::warn!("{count} {}; the latest reason: {why}", self.what),
                None => log::warn!("{count} {}", self.what),
            }
            *logged = Some(Instant::now());
            *count = 0;
        }
    }
}
