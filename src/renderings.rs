//! Turns at laying out a page. Owns how many pages are laid out at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kilonova_feed::{Distribution, Histogram};

use crate::error::{AppError, AppResult};
use crate::threads::Threads;
use crate::turns::{Turns, Usage};

/// How long a page waits for its turn.
const WAIT: Duration = Duration::from_secs(5);

/// The part of the turns that one address has is one in so many.
const SHARE: usize = 2;

/// The turns.
pub struct Renderings {
    turns: Arc<Turns>,
    threads: Threads,
    times: Arc<Histogram>,
}

impl Renderings {
    /// With so many turns at once.
    pub fn new(max: usize) -> std::io::Result<Renderings> {
        let (threads, times) = (Threads::new("render", max)?, Arc::default());
        Ok(Renderings { turns: Turns::new(max, SHARE), threads, times })
    }

    /// Does this work when it is its turn; 503 when that does not come within five seconds.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> AppResult<T> {
        let turn = self.turns.take(WAIT).await;
        let turn = turn.ok_or(AppError::Busy("too many pages at once: try again later", 5))?;
        let times = Arc::clone(&self.times);
        let done = self.threads.run(move || {
            let _turn = turn;
            let begun = Instant::now();
            let done = work();
            times.time(begun.elapsed());
            done
        });
        done.await.ok_or_else(|| AppError::internal("a page's layout panicked"))
    }

    /// The turns, and the times without the wait for one.
    pub fn stats(&self) -> (Usage, Distribution) {
        (self.turns.usage(), self.times.distribution())
    }

    /// The turns, for tests that hold some.
    #[doc(hidden)]
    pub fn turns(&self) -> &Arc<Turns> {
        &self.turns
    }
}
