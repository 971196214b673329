//! Turns at laying out a page. Owns how many pages are laid out at once, and how many are read for it:
//! a page that waits for its turn holds all that it will show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kilonova_feed::{Distribution, Histogram};

use crate::error::{AppError, AppResult};
use crate::threads::Threads;
use crate::turns::{Turn, Turns, Usage};

/// How long a page waits for its turns.
const WAIT: Duration = Duration::from_secs(5);

/// The part of the turns that one address has is one in so many.
const SHARE: usize = 2;

/// The pages that are read for each that is laid out.
const AHEAD: usize = 4;

/// The turns.
pub struct Renderings {
    pages: Arc<Turns>,
    turns: Arc<Turns>,
    threads: Threads,
    times: Arc<Histogram>,
}

/// A page that may be read, and laid out then.
#[must_use]
pub struct Page<'a> {
    of: &'a Renderings,
    until: Instant,
    turn: Turn,
}

impl Renderings {
    /// With so many turns at once.
    pub fn new(max: usize) -> std::io::Result<Renderings> {
        Ok(Renderings {
            pages: Turns::new(max.saturating_mul(AHEAD), SHARE),
            turns: Turns::new(max, SHARE),
            threads: Threads::new("render", max)?,
            times: Arc::default(),
        })
    }

    /// A page, before anything is read for it; 503 when its turn does not come within five seconds.
    pub async fn begin(&self) -> AppResult<Page<'_>> {
        let until = Instant::now() + WAIT;
        let turn = self.pages.take(WAIT).await.ok_or(BUSY)?;
        Ok(Page { of: self, until, turn })
    }

    /// The turns at laying out, with all pages that wait, and the times without the wait.
    pub fn stats(&self) -> (Usage, Distribution) {
        let Usage { max, taken, waiting } = self.turns.usage();
        let waiting = waiting + self.pages.usage().waiting;
        (Usage { max, taken, waiting }, self.times.distribution())
    }

    /// The turns at laying out, for tests that hold some.
    #[doc(hidden)]
    pub fn turns(&self) -> &Arc<Turns> {
        &self.turns
    }
}

impl Page<'_> {
    /// Does this work when it is its turn; 503 when that does not come within the five seconds.
    pub async fn lay_out<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> AppResult<T> {
        let wait = self.until.saturating_duration_since(Instant::now());
        let turns = (self.of.turns.take(wait).await.ok_or(BUSY)?, self.turn);
        let times = Arc::clone(&self.of.times);
        let done = self.of.threads.run(move || {
            let _turns = turns;
            let begun = Instant::now();
            let done = work();
            times.time(begun.elapsed());
            done
        });
        done.await.ok_or_else(|| AppError::internal("a page's layout panicked"))
    }
}

const BUSY: AppError = AppError::Busy("too many pages at once: try again later", 5);
