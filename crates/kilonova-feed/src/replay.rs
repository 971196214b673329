//! Replays: reads the events that a subscriber missed, from memory or from the log, one bounded
//! slice at a time. Owns the number of concurrent reads of the log; leaves sending to the sessions.

use std::sync::Arc;

use kilonova_pubsub::Channel;
use tokio::sync::Semaphore;

use crate::checked::{Checked, LogError};
use crate::recent::Recent;
use crate::{Event, Log, Page};

/// The most events in one slice.
pub(crate) const SLICE: usize = 200;

/// The most bytes of payloads in one slice; an event over the limit starts the next slice.
pub(crate) const SLICE_BYTES: usize = 1024 * 1024;

/// Concurrent reads of the log. Fewer than the connections of a usual pool, so that a wave of
/// reconnects leaves connections for other work.
const READS: usize = 3;

/// A part of the log, limited to some channels.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    /// The events, in order.
    pub(crate) events: Vec<Event>,
    /// The last position that the slice covers: `events` has every event of its channels up to it.
    pub(crate) through: i64,
    /// True if the log ended there.
    pub(crate) end: bool,
}

/// The start of a subscriber that asks for everything after a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// After that position: the log has every event since.
    After(i64),
    /// At this position, the end of the log: the requested position is too old, in the future, or
    /// of another log, so the subscriber must load everything again.
    Resync(i64),
}

/// Reads the events that a subscriber missed; cheap to clone.
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
    /// Replays from `recent` if it reaches back far enough, otherwise from the log.
    pub(crate) fn new(log: Checked<L>, recent: Recent) -> Replay<L> {
        Replay { log, recent, reads: Arc::new(Semaphore::new(READS)) }
    }

    /// Decides the start of a subscriber that has seen everything up to `position` of the log with
    /// this id; without an id, of this log. The subscriber must have joined its channels before, so
    /// that later commits reach it live.
    pub(crate) async fn start(
        &self,
        position: i64,
        log: Option<&str>,
    ) -> Result<Start, LogError<L::Error>> {
        let same = log.is_none_or(|log| log == &**self.log.id());
        if same && self.recent.after(position, &[]).is_some() {
            return Ok(Start::After(position));
        }
        // The semaphore is never closed.
        let permit = self.reads.acquire().await.ok();
        let state = self.log.state(self.recent.sent()).await?;
        drop(permit);
        let held = same && (state.oldest - 1..=state.position).contains(&position);
        // Not beyond the last known commit: later events go out live.
        let end = state.position.min(self.recent.known());
        Ok(if held { Start::After(position) } else { Start::Resync(end) })
    }

    /// The next slice after a position. `None` if events after it were pruned.
    ///
    /// The slice does not go beyond the relay, which has checked that no event is missing. Later
    /// events arrive live.
    pub(crate) async fn next(
        &self,
        position: i64,
        channels: Vec<Channel>,
    ) -> Result<Option<Slice>, LogError<L::Error>> {
        if let Some(slice) = self.recent.after(position, &channels) {
            // Without this, an actor would queue slice after slice before its socket takes the
            // first: a slice from memory never waits.
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
