//! A few threads for work that blocks or takes long. Owns that they are few, and the same each time.
//!
//! On one of the hundreds of threads that a worker may use for such work, the memory that it took
//! would stay with a thread that has nothing to do any more.

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// The most threads, where there is no limit of what they do.
const MOST: usize = 64;

/// The threads. What is given to them when they are dropped is done to its end.
pub struct Threads(Option<Runtime>);

impl Threads {
    /// So many threads of this name, started when they are needed.
    pub fn new(name: &str, count: usize) -> std::io::Result<Threads> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(count.clamp(1, MOST))
            .thread_name(name)
            .build()?;
        Ok(Threads(Some(runtime)))
    }

    /// Does this work on one of them; `None` if it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        // They are there until they are dropped.
        let task: JoinHandle<T> = self.0.as_ref()?.spawn_blocking(work);
        task.await.ok()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // They may be dropped by a task, which must not wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
