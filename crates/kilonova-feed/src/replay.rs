//! Replays: the events that a subscriber missed, from memory or from the log, a bounded slice at a
//! time. Owns how many replays read the log at once; leaves what is sent when to the sessions.

use std::sync::Arc;

use kilonova_pubsub::Channel;
use tokio::sync::Semaphore;

use crate::checked::{Checked, LogError};
use crate::recent::Recent;
use crate::{Event, Log, Page};

/// The most events in one slice.
pub(crate) const SLICE: usize = 200;

/// The most bytes of payloads in one slice from memory; the event that goes beyond ends it.
pub(crate) const SLICE_BYTES: usize = 1024 * 1024;

/// Slices read from the log at once. Fewer than a usual pool has connections, so that a crowd that
/// reconnects does not keep everyone else from the database.
const READS: usize = 3;

/// A part of the log that some channels carried.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    /// The events, in order.
    pub(crate) events: Vec<Event>,
    /// Nothing on these channels up to this position is missing from `events`.
    pub(crate) through: i64,
    /// True when the log went no further.
    pub(crate) end: bool,
}

/// Where a subscriber that asks for everything after a position starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// After that position: the log has everything since.
    After(i64),
    /// At this position, the end of the log: the position asked for is too old, in the future, or
    /// of another log, so the subscriber must load everything again.
    Resync(i64),
}

/// Reads what a subscriber missed; cheap to clone.
pub(crate) struct Replay<L> {
    log: Checked<L>,
    recent: Recent,
    reads: Arc<Semaphore>,
}

impl<L> Clone for Replay<L> {
    fn clone(&self) -> Replay<L> {
        let Replay { log, recent, reads } = self;
        Replay { log: log.clone(), recent: recent.clone(), reads: Arc::clone(reads) }
    }
}

impl<L: Log> Replay<L> {
    /// Replays from `recent` while that reaches back far enough, else from the log.
    pub(crate) fn new(log: Checked<L>, recent: Recent) -> Replay<L> {
        Replay { log, recent, reads: Arc::new(Semaphore::new(READS)) }
    }

    /// Decides where to start for a subscriber that has seen everything up to `position` of the log
    /// with this id, or of this log. It must have joined its channels before: later commits reach
    /// it live.
    pub(crate) async fn start(
        &self,
        position: i64,
        log: Option<&str>,
    ) -> Result<Start, LogError<L::Error>> {
        let same = log.is_none_or(|log| log == &**self.log.id());
        if same && self.recent.after(position, &[]).is_some() {
            return Ok(Start::After(position));
        }
        let state = self.log.state(self.recent.sent()).await?;
        let held = same && (state.oldest - 1..=state.position).contains(&position);
        // No further than what is known: what comes after that goes out live.
        let end = state.position.min(self.recent.known());
        Ok(if held { Start::After(position) } else { Start::Resync(end) })
    }

    /// The next slice after a position. `None` when events after it were deleted meanwhile.
    ///
    /// It goes no further than the relay has come, which has seen that nothing is missing: what the
    /// log says of itself beyond that is not believed, and comes live.
    pub(crate) async fn next(
        &self,
        position: i64,
        channels: Vec<Channel>,
    ) -> Result<Option<Slice>, LogError<L::Error>> {
        if let Some(slice) = self.recent.after(position, &channels) {
            // It is ready at once: without this an actor would queue slice after slice before its
            // socket has taken the first.
            tokio::task::yield_now().await;
            return Ok(Some(slice));
        }
        // The semaphore is never closed.
        let _permit = self.reads.acquire().await.ok();
        let sent = self.recent.sent();
        let page = self.log.some_after(position, sent, &channels, SLICE).await?;
        let last = self.recent.last().max(position);
        Ok(page.map(|page| {
            let Page { mut events, through, state } = page;
            events.truncate(events.partition_point(|event| event.position() <= last));
            Slice { events, through: through.min(last), end: through >= last.min(state.position) }
        }))
    }
}
