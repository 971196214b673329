//! A small fixed pool of threads for work that blocks or takes long.
//!
//! Tokio's blocking pool may use hundreds of threads, each of which would keep the memory of its
//! work while idle.

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// The maximum number of threads, even if the work is unlimited.
const MOST: usize = 64;

/// A pool of threads. Work that is running when the pool is dropped still completes.
pub struct Threads(Option<Runtime>);

impl Threads {
    /// Creates a pool of at most `count` threads with this name, which are started on demand.
    pub fn new(name: &str, count: usize) -> std::io::Result<Threads> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(count.clamp(1, MOST))
            .thread_name(name)
            .build()?;
        Ok(Threads(Some(runtime)))
    }

    /// Runs work on one of the threads; returns `None` if it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        // The runtime is present until drop.
        let task: JoinHandle<T> = self.0.as_ref()?.spawn_blocking(work);
        task.await.ok()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A task may drop the pool, and a task must not block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
