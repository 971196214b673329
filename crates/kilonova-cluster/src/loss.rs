//! Counts what is lost, and says so now and then.

use std::sync::Mutex;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(10);

/// What was lost for one reason. It is logged at most every ten seconds, with the
/// number since the last time.
#[derive(Debug)]
pub(crate) struct Loss {
    what: &'static str,
    state: Mutex<(u64, Option<Instant>)>,
}

impl Loss {
    /// Reads as "12 WHAT": what was lost, and why.
    pub(crate) fn new(what: &'static str) -> Loss {
        Loss { what, state: Mutex::default() }
    }

    /// One more.
    pub(crate) fn note(&self) {
        self.log(None);
    }

    /// One more, for this reason. The line has the reason of the last one.
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
                Some(why) => log::warn!("{count} {}; the last one: {why}", self.what),
                None => log::warn!("{count} {}", self.what),
            }
            *logged = Some(Instant::now());
            *count = 0;
        }
    }
}
