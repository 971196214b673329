//! What the feed needs of a log: an append-only list of events with gap-free positions in commit
//! order. Owns the trait; `checked` holds a log to it.

use std::future::Future;
use std::sync::Arc;

use kilonova_pubsub::Channel;

use crate::Event;

/// A log of events: a table that the application appends to in its own transactions.
///
/// # What a log promises
///
/// - Positions are 1, 2, 3 … without a gap, in commit order: once a reader has seen position N,
///   no transaction adds one at or below N. Taking positions from a counter row that the
///   transaction locks until it commits does that; a sequence does not.
/// - What was committed stays as it is, except that an event's payload may be redacted, and that
///   the oldest events may be deleted.
/// - Each call reads one snapshot.
///
/// The feed checks what it can. A log that fails, takes longer than
/// [`Builder::log_timeout`](crate::Builder::log_timeout), goes backwards, has gaps or returns what
/// it was not asked for makes the feed report an error, or end
/// ([`Feed::ended`](crate::Feed::ended)); no subscriber is sent a wrong event because of it. One
/// thing no check can find: an event that [`Log::after`] leaves out of a page of some channels.
pub trait Log: Send + Sync + 'static {
    /// Who subscribes; `()` where everything is public.
    type Viewer: Clone + Send + Sync + Unpin + 'static;

    /// Why the log cannot be read.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Which log this is and how far it goes.
    fn state(&self) -> impl Future<Output = Result<LogState, Self::Error>> + Send;

    /// The events after `position`, oldest first, at most `limit` of them: those on one of
    /// `channels`, or all when there is no list.
    ///
    /// Fewer may be returned, to bound the bytes of a page, but at least one if there is one.
    /// [`Page::new`] says which positions a page covers.
    fn after(
        &self,
        position: i64,
        channels: Option<&[Channel]>,
        limit: usize,
    ) -> impl Future<Output = Result<Page, Self::Error>> + Send;

    /// What `viewer` sees of an event. The only place that decides it, live and in replay; called
    /// for each event and each subscriber, so it must not block.
    fn visibility(&self, viewer: &Self::Viewer, event: &Event) -> Visibility {
        let _ = (viewer, event);
        Visibility::Whole
    }
}

/// Which log, and how far it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    /// What tells this log from any other: random, made with the table. A log that was restored
    /// from a backup is another one.
    pub id: Arc<str>,
    /// The first position that is still there; `position + 1` when none is.
    pub oldest: i64,
    /// The last position given; 0 before the first.
    pub position: i64,
}

/// Some events of a log, and the state of the log in the same snapshot.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Every event up to this position that was asked for is in `events`, or came before.
    pub through: i64,
    /// The log in the same snapshot.
    pub state: LogState,
}

impl Page {
    /// A page of these events. `more` says that it ends early, so that it covers nothing after its
    /// last event, or nothing at all without one, which the feed takes for a fault; otherwise the
    /// page covers everything up to `state.position`.
    pub fn new(state: LogState, events: Vec<Event>, more: bool) -> Page {
        let last = events.last().map_or(0, Event::position);
        Page { through: if more { last } else { state.position }, events, state }
    }
}

/// What a viewer sees of an event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Visibility {
    /// All of it.
    Whole,
    /// This in its place, at the same position: see [`Event::with_payload`].
    Reduced(Event),
    /// Nothing.
    Hidden,
}
