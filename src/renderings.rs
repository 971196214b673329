//! Turns at laying out a page. Owns how many pages are laid out at once.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{AppError, AppResult};
use crate::threads::Threads;
use crate::turns::Turns;

/// How long a page waits for its turn.
const WAIT: Duration = Duration::from_secs(5);

/// The part of the turns that one address has is one in so many.
const SHARE: usize = 2;

/// The turns.
pub struct Renderings {
    turns: Arc<Turns>,
    threads: Threads,
}

impl Renderings {
    /// With so many turns at once.
    pub fn new(max: usize) -> std::io::Result<Renderings> {
        Ok(Renderings { turns: Turns::new(max, SHARE), threads: Threads::new("render", max)? })
    }

    /// Does this work when it is its turn; 503 when that does not come within five seconds.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> AppResult<T> {
        let turn = self.turns.take(WAIT).await;
        let turn = turn.ok_or(AppError::Busy("too many pages at once: try again later", 5))?;
        let done = self.threads.run(move || {
            let _turn = turn;
            work()
        });
        done.await.ok_or_else(|| AppError::internal("a page's layout panicked"))
    }

    /// The turns, for tests that hold some.
    #[doc(hidden)]
    pub fn turns(&self) -> &Arc<Turns> {
        &self.turns
    }
}
