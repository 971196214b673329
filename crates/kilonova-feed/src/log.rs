//! The log: an append-only list of events with gap-free positions in commit order. Owns the trait;
//! leaves the checks of a log to `checked`.

use std::future::Future;
use std::sync::Arc;

use kilonova_pubsub::Channel;

use crate::Event;

/// A log of events: a table that the application appends to in its own transactions.
///
/// # Promises of a log
///
/// - Positions are 1, 2, 3 … without a gap, in commit order: once a reader has seen position N,
///   no transaction adds an event at or below N. A counter row that each transaction locks until
///   it commits satisfies this; a sequence does not.
/// - A committed event does not change, except that its payload may be redacted and that the
///   oldest events may be deleted.
/// - Each call reads one snapshot.
///
/// The feed checks these promises. If a log fails, takes longer than
/// [`Builder::log_timeout`](crate::Builder::log_timeout), goes backwards, has gaps or returns
/// events outside the request, the feed reports an error or ends
/// ([`Feed::ended`](crate::Feed::ended)); it sends no wrong event. No check can detect an event
/// that [`Log::after`] omits from a page of some channels.
pub trait Log: Send + Sync + 'static {
    /// The type of a subscriber's identity; `()` if everything is public.
    type Viewer: Clone + Send + Sync + Unpin + 'static;

    /// The error of a failed read.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Returns the log's id, its oldest and its last position.
    fn state(&self) -> impl Future<Output = Result<LogState, Self::Error>> + Send;

    /// Returns at most `limit` events after `position`, oldest first: those on one of `channels`,
    /// or all events if `channels` is `None`.
    ///
    /// It may return fewer events, to bound the bytes of a page, but at least one if there is
    /// one. [`Page::new`] determines which positions a page covers.
    fn after(
        &self,
        position: i64,
        channels: Option<&[Channel]>,
        limit: usize,
    ) -> impl Future<Output = Result<Page, Self::Error>> + Send;

    /// Decides which part of an event `viewer` may see, live and in replays. The feed calls it for
    /// each event and each subscriber, so it must not block.
    fn visibility(&self, viewer: &Self::Viewer, event: &Event) -> Visibility {
        let _ = (viewer, event);
        Visibility::Whole
    }
}

/// The identity and the range of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    /// The log's random id, created with its table. A log that is restored from a backup needs a
    /// new id.
    pub id: Arc<str>,
    /// The first position that the log still has; `position + 1` if it has none.
    pub oldest: i64,
    /// The last position that was assigned; 0 before the first event.
    pub position: i64,
}

/// Some events of a log, and the state of the log in the same snapshot.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The last position that the page covers: `events` has every requested event up to it.
    pub through: i64,
    /// The state of the log in the same snapshot.
    pub state: LogState,
}

impl Page {
    /// A page of these events. If `more` is true, the page ends early and covers nothing after its
    /// last event; the feed rejects such a page if it has no event. Otherwise the page covers
    /// everything up to `state.position`.
    pub fn new(state: LogState, events: Vec<Event>, more: bool) -> Page {
        let last = events.last().map_or(0, Event::position);
        Page { through: if more { last } else { state.position }, events, state }
    }
}

/// The part of an event that a viewer may see.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Visibility {
    /// The whole event.
    Whole,
    /// This event instead, at the same position: see [`Event::with_payload`].
    Reduced(Event),
    /// Nothing.
    Hidden,
}
