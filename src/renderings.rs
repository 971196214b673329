//! Turns at laying out a page. Owns how many pages are laid out at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::{AppError, AppResult};
use crate::threads::Threads;

/// How long a page waits for its turn.
const WAIT: Duration = Duration::from_secs(5);

/// The turns.
pub struct Renderings {
    turns: Arc<Semaphore>,
    threads: Threads,
}

impl Renderings {
    /// With so many turns at once.
    pub fn new(max: usize) -> std::io::Result<Renderings> {
        let turns = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Ok(Renderings { turns, threads: Threads::new("render", max)? })
    }

    /// Does this work when it is its turn; 503 when that does not come within five seconds.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> AppResult<T> {
        let turn = tokio::time::timeout(WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn
            .map_err(|_| AppError::Busy("too many pages at once: try again later", 5))?
            .map_err(AppError::internal)?;
        let done = self.threads.run(move || {
            let _turn = turn;
            work()
        });
        done.await.ok_or_else(|| AppError::internal("a page's layout panicked"))
    }

    /// The turns, for tests that hold some.
    #[doc(hidden)]
    pub fn turns(&self) -> &Arc<Semaphore> {
        &self.turns
    }
}
