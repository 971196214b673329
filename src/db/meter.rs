//! Who pays for what is written. Owns how a transaction finds the meter of the request that it
//! belongs to; what is done about the count is the meter's owner's.

use std::future::Future;
use std::sync::Arc;

tokio::task_local! {
    static METER: Meter;
}

/// Is told the bytes of the events that transactions write, and of rows that they move, on the
/// writer's thread.
#[derive(Clone)]
pub struct Meter(Arc<dyn Fn(usize) + Send + Sync>);

impl Meter {
    /// A meter that tells `count`, which must not block.
    pub fn new(count: impl Fn(usize) + Send + Sync + 'static) -> Meter {
        Meter(Arc::new(count))
    }

    /// Runs a future. The meter is told of each transaction that is started in it, even if that is
    /// finished after the future was dropped.
    pub async fn measure<F: Future>(self, future: F) -> F::Output {
        METER.scope(self, future).await
    }

    /// The meter of the current task.
    pub(super) fn current() -> Option<Meter> {
        METER.try_with(Meter::clone).ok()
    }

    pub(super) fn count(&self, bytes: usize) {
        (self.0)(bytes);
    }
}
