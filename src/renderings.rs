//! Limits the rendering of pages. This module owns the number of pages rendered concurrently and
//! the number of pages loaded for rendering, because a waiting page holds all of its data in
//! memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kilonova_feed::{Distribution, Histogram};

use crate::error::{AppError, AppResult};
use crate::threads::Threads;
use crate::turns::{Turn, Turns, Usage};

/// How long a page waits for its turns.
const WAIT: Duration = Duration::from_secs(5);

/// One address may hold at most 1/SHARE of the turns.
const SHARE: usize = 2;

/// The number of pages that may be loaded for each page being rendered.
const AHEAD: usize = 4;

/// The limits on loading and rendering pages.
pub struct Renderings {
    pages: Arc<Turns>,
    turns: Arc<Turns>,
    threads: Threads,
    times: Arc<Histogram>,
}

/// Permission to load a page and then render it.
#[must_use]
pub struct Page<'a> {
    of: &'a Renderings,
    until: Instant,
    turn: Turn,
}

impl Renderings {
    /// Permits at most `max` renderings at once.
    pub fn new(max: usize) -> std::io::Result<Renderings> {
        Ok(Renderings {
            pages: Turns::new(max.saturating_mul(AHEAD), SHARE),
            turns: Turns::new(max, SHARE),
            threads: Threads::new("render", max)?,
            times: Arc::default(),
        })
    }

    /// Waits for permission to load a page. Returns 503 after five seconds.
    pub async fn begin(&self) -> AppResult<Page<'_>> {
        let until = Instant::now() + WAIT;
        let turn = self.pages.take(WAIT).await.ok_or(BUSY)?;
        Ok(Page { of: self, until, turn })
    }

    /// Returns the usage of the rendering turns, including all waiting pages, and the rendering
    /// times without the wait.
    pub fn stats(&self) -> (Usage, Distribution) {
        let Usage { max, taken, waiting } = self.turns.usage();
        let waiting = waiting + self.pages.usage().waiting;
        (Usage { max, taken, waiting }, self.times.distribution())
    }

    /// The rendering turns, for tests that hold some.
    #[doc(hidden)]
    pub fn turns(&self) -> &Arc<Turns> {
        &self.turns
    }
}

impl Page<'_> {
    /// Runs the rendering when it gets a turn. Returns 503 if that takes longer than the five
    /// seconds.
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
        done.await.ok_or_else(|| AppError::internal("rendering a page panicked"))
    }
}

const BUSY: AppError = AppError::Busy("too many pages at once: try again later", 5);
