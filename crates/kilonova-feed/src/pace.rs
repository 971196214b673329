//! The pace of outgoing events: one batch at a time; the next starts when every thread has written
//! the last one.
//!
//! Events that are committed during a batch go out together after it, in one write per socket
//! instead of several: the system call is most of an event's cost. Idle threads cause no wait. This
//! is the idea of group commit.
//!
//! A batch delays the responses to writers on the same threads. A short rest after it lets these
//! writers get their responses and write again, so that the next batch carries all of their events.
//! Without the rest, the first of them would go out alone.

use std::time::Duration;

use tokio::time::Instant;

use crate::threads::Threads;

/// The timeout for a thread: a stuck thread must not block the others forever. A batch of four
/// events takes 0.1 s with 10,000 sockets on two cores.
const PATIENCE: Duration = Duration::from_millis(500);

/// A batch's duration divided by this number is the rest after it. The rest costs at most this part
/// of the throughput and saves up to half of the system calls.
const REST: u32 = 6;

/// The longest rest.
const LONGEST_REST: Duration = Duration::from_millis(25);

/// Shorter rests are skipped: the timer's resolution is a millisecond.
const SHORTEST_REST: Duration = Duration::from_micros(500);

/// Waits between two batches.
#[derive(Clone, Default)]
pub(crate) struct Pace {
    pub(crate) threads: Threads,
}

impl Pace {
    /// Waits until the sessions have written the current batch, the tasks behind it have run, and
    /// the rest is over. `begun` is the start of the batch.
    pub(crate) async fn settle(&self, begun: Instant) {
        if !self.threads.turned(PATIENCE).await {
            log::debug!("a thread has been busy for over {PATIENCE:?}; not waiting for it");
        }
        let rest = (begun.elapsed() / REST).min(LONGEST_REST);
        if rest >= SHORTEST_REST {
            tokio::time::sleep(rest).await;
        }
    }
}
