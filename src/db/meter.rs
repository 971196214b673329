//! The metering of writes. Owns how a transaction finds the meter of its request; the meter's owner
//! decides what to do with the count.

use std::future::Future;
use std::sync::Arc;

tokio::task_local! {
    static METER: Meter;
}

/// Receives, on the writer's thread, the number of bytes of the events that transactions write and
/// of the rows that they move.
#[derive(Clone)]
pub struct Meter(Arc<dyn Fn(usize) + Send + Sync>);

impl Meter {
    /// A meter that calls `count`, which must not block.
    pub fn new(count: impl Fn(usize) + Send + Sync + 'static) -> Meter {
        Meter(Arc::new(count))
    }

    /// Runs a future and meters each transaction that it starts, even one that finishes after the
    /// future was dropped.
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
