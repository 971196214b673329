//! Replays: reads the events that a subscriber missed, from memory or from the log, one bounded
//! slice at a time. Owns the number of concurrent reads of the log and the memory for their
//! results; leaves sending to the sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kilonova_pubsub::Channel;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
#[derive(Debug)]
pub(crate) struct Slice {
    /// The events, in order.
    pub(crate) events: Vec<Event>,
    /// The last position that the slice covers: `events` has every event of its channels up to it.
    pub(crate) through: i64,
    /// True if the log ended there.
    pub(crate) end: bool,
    /// The memory that the events take; `None` for events that others share.
    pub(crate) room: Option<OwnedSemaphorePermit>,
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
    /// The number of readers that wait for memory or to read the log.
    waiting: Arc<AtomicUsize>,
    /// The memory for slices that were read from the log and have not gone out: one half for
    /// readers that are known to read, one half for the others. Any number of the others leaves the
    /// first half alone.
    rooms: [Arc<Room>; 2],
}

/// The memory for slices.
struct Room {
    bytes: Arc<Semaphore>,
    /// The number of readers that wait for memory.
    waiting: AtomicUsize,
}

impl<L> Clone for Replay<L> {
    fn clone(&self) -> Replay<L> {
        let Replay { log, recent, reads, waiting, rooms } = self;
        let (reads, waiting, rooms) = (Arc::clone(reads), Arc::clone(waiting), rooms.clone());
        Replay { log: log.clone(), recent: recent.clone(), reads, waiting, rooms }
    }
}

impl Room {
    fn new(bytes: usize) -> Room {
        Room { bytes: Arc::new(Semaphore::new(bytes)), waiting: AtomicUsize::new(0) }
    }

    /// Room for the largest slice.
    async fn take(&self) -> Option<OwnedSemaphorePermit> {
        const MOST: u32 = SLICE_BYTES as u32;
        if let Ok(room) = Arc::clone(&self.bytes).try_acquire_many_owned(MOST) {
            return Some(room);
        }
        let _waiting = Waiting::count(&self.waiting);
        // The semaphore is never closed.
        Arc::clone(&self.bytes).acquire_many_owned(MOST).await.ok()
    }
}

/// Counts a waiting reader, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn count(waiting: &AtomicUsize) -> Waiting<'_> {
        waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<L: Log> Replay<L> {
    /// Replays from `recent` if it reaches back far enough, otherwise from the log. At most `bytes`
    /// bytes of slices are in memory at a time, but always enough for two slices.
    pub(crate) fn new(log: Checked<L>, recent: Recent, bytes: usize) -> Replay<L> {
        let half = (bytes / 2).clamp(SLICE_BYTES, Semaphore::MAX_PERMITS);
        let rooms = [half, half].map(|half| Arc::new(Room::new(half)));
        let (reads, waiting) = (Arc::new(Semaphore::new(READS)), Arc::default());
        Replay { log, recent, reads, waiting, rooms }
    }

    fn room(&self, reads: bool) -> &Room {
        &self.rooms[usize::from(reads)]
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
        // Not beyond the last known commit, because later events go out live.
        let end = state.position.min(self.recent.known());
        Ok(if held { Start::After(position) } else { Start::Resync(end) })
    }

    /// The number of readers that wait for memory or to read the log.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// True when readers wait for memory for slices: in the half for readers that are known to read
    /// if `reads` is true, otherwise in the other half.
    pub(crate) fn is_contended(&self, reads: bool) -> bool {
        self.room(reads).waiting.load(Ordering::Relaxed) > 0
    }

    /// The next slice after a position, of at most `limit` events. `None` if events after it were
    /// pruned. Waits until there is memory for it. `reads` is true if its reader is known to read.
    ///
    /// The slice does not go beyond the relay, which has checked that no event is missing. Later
    /// events arrive live.
    pub(crate) async fn next(
        &self,
        position: i64,
        channels: Vec<Channel>,
        limit: usize,
        reads: bool,
    ) -> Result<Option<Slice>, LogError<L::Error>> {
        if let Some(slice) = self.recent.after(position, &channels) {
            // A slice from memory never waits. Without this, an actor would queue slice after slice
            // before its socket takes the first.
            tokio::task::yield_now().await;
            return Ok(Some(slice));
        }
        // The semaphores are never closed.
        let waiting = Waiting::count(&self.waiting);
        let mut room = self.room(reads).take().await;
        let _permit = self.reads.acquire().await.ok();
        drop(waiting);
        let sent = self.recent.sent();
        let page = self.log.some_after(position, sent, &channels, limit.min(SLICE)).await?;
        let last = self.recent.last().max(position);
        Ok(page.map(|page| {
            let Page { mut events, through, state } = page;
            events.truncate(events.partition_point(|event| event.position() <= last));
            let taken = events.iter().map(Event::size).sum::<usize>();
            // A single larger event keeps the whole permit.
            drop(room.as_mut().and_then(|room| room.split(SLICE_BYTES.saturating_sub(taken))));
            let end = through >= last.min(state.position);
            Slice { events, through: through.min(last), end, room }
        }))
    }
}
