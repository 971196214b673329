//! Counts for metrics. Owns the result of [`Feed::stats`](crate::Feed::stats) and the counters
//! behind it; each part of the feed counts its own work. Leaves histograms to `histogram` and the
//! lag behind the log to `lag`.

mod histogram;
mod lag;
mod slow;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use self::histogram::{Distribution, Histogram};
use self::lag::Lag;
pub use self::slow::SlowReader;
use self::slow::SlowReaders;
use crate::Error;
use crate::close::Close;
use crate::frame::Framing;

/// The counts of a feed since its start, and its current state.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// WebSockets.
    pub websockets: Opened,
    /// Streams of server-sent events.
    pub event_streams: Opened,
    /// Refused sockets and streams: each reason with its count.
    pub refused: Vec<(&'static str, u64)>,
    /// Ended sockets and streams by reason.
    pub closed: Vec<Closed>,
    /// The last sockets that were closed because their clients read too slowly, oldest first.
    pub slow_readers: Vec<SlowReader>,
    /// Event frames that were queued for sockets as the events went out.
    pub live_frames: u64,
    /// Event frames that were queued for sockets in a replay.
    pub replayed_frames: u64,
    /// The time from the announcement of an event's commit on this node until all members had it.
    pub broadcasts: Distribution,
    /// The last position of the log that this node knows of.
    pub position: i64,
    /// The last position whose event has gone out to this node's subscribers.
    pub sent: i64,
    /// How long this node has known of the oldest event that has not gone out; zero when every
    /// event has.
    pub lag: Duration,
    /// False once the log could not be read for a second.
    pub reachable: bool,
    /// The events that wait in the relay for an earlier event or for the next batch.
    pub waiting_events: usize,
    /// The bytes of messages that wait for the threads that serve sockets.
    pub waiting_bytes: usize,
    /// Replays.
    pub replays: Replays,
}

/// Sockets of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The number of open sockets.
    pub open: usize,
    /// The number of sockets opened since the feed started.
    pub total: u64,
}

/// The sockets that ended for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The code of the close frame that a WebSocket gets; `None` if the feed sends none.
    pub code: Option<u16>,
    /// The name of the reason, such as `slow_consumer`.
    pub reason: &'static str,
    /// The number of sockets.
    pub count: u64,
}

/// The replays of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replays {
    /// Sockets that are in a replay.
    pub running: usize,
    /// Replays that wait for memory or to read the log.
    pub waiting: usize,
    /// Replays that have begun.
    pub begun: u64,
    /// Sockets whose clients had to load everything again.
    pub resyncs: u64,
}

/// The reasons for refusing sockets, in the order of [`refusal`].
const REFUSALS: [&str; 10] = [
    "upgrade_required",
    "bad_handshake",
    "bad_parameter",
    "too_many_of_address",
    "too_many",
    "too_fast",
    "too_many_channels",
    "stopping",
    "log_unreadable",
    "foreign_origin",
];

fn refusal(error: &Error) -> usize {
    match error {
        Error::UpgradeRequired => 0,
        Error::BadHandshake(_) => 1,
        Error::BadParameter(_) => 2,
        Error::TooManyOfAddress { .. } => 3,
        Error::TooMany { .. } => 4,
        Error::TooFast { .. } => 5,
        Error::TooManyChannels => 6,
        Error::Stopping => 7,
        Error::Log(_) => 8,
        Error::ForeignOrigin => 9,
    }
}

/// The reasons why sockets end that the feed does not close.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// The client closed the socket, or its connection ended.
    Client,
    /// The client sent nothing for too long.
    Silent,
}

/// The counters that a feed's parts share.
#[derive(Default)]
pub(crate) struct Tally {
    open: [AtomicUsize; 2],
    opened: [AtomicU64; 2],
    refused: [AtomicU64; REFUSALS.len()],
    closed: [AtomicU64; Close::ALL.len()],
    left: [AtomicU64; 2],
    pub(crate) slow: SlowReaders,
    pub(crate) broadcasts: Histogram,
    lag: Mutex<Lag>,
    pub(crate) waiting_events: AtomicUsize,
    replaying: AtomicUsize,
    replays: AtomicU64,
    resyncs: AtomicU64,
}

impl Tally {
    pub(crate) fn refused(&self, error: &Error) {
        if let Some(count) = self.refused.get(refusal(error)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn closed(&self, close: Close) {
        if let Some(count) = self.closed.get(close as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn left(&self, left: Left) {
        if let Some(count) = self.left.get(left as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn resynced(&self) {
        self.resyncs.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that the log has this position.
    pub(crate) fn reached(&self, position: i64) {
        self.lag(|lag| lag.reached(position, Instant::now()));
    }

    /// Records that every event up to this position has gone out.
    pub(crate) fn sent(&self, position: i64) {
        self.lag(|lag| lag.sent(position));
    }

    /// How long the oldest event that has not gone out has been known; zero when every event has.
    pub(crate) fn behind(&self) -> Duration {
        self.lag(|lag| lag.now(Instant::now()).2)
    }

    fn lag<T>(&self, with: impl FnOnce(&mut Lag) -> T) -> T {
        with(&mut self.lag.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The counts of this module, completed with those of the feed's other parts.
    pub(crate) fn stats(&self, rest: Rest) -> Stats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let opened = |framing: Framing| Opened {
            open: self.open[framing as usize].load(Ordering::Relaxed),
            total: load(&self.opened[framing as usize]),
        };
        let closed = Close::ALL.iter().zip(&self.closed).map(|(close, count)| Closed {
            code: Some(close.code().into()),
            reason: close.name(),
            count: load(count),
        });
        let left = ["client", "silent"].into_iter().zip(&self.left);
        let left = left.map(|(reason, count)| Closed { code: None, reason, count: load(count) });
        let (position, sent, lag) = self.lag(|lag| lag.now(Instant::now()));
        Stats {
            websockets: opened(Framing::Text),
            event_streams: opened(Framing::Stream),
            refused: REFUSALS.into_iter().zip(self.refused.iter().map(load)).collect(),
            closed: closed.chain(left).collect(),
            slow_readers: self.slow.list(),
            live_frames: rest.frames.0,
            replayed_frames: rest.frames.1,
            broadcasts: self.broadcasts.distribution(),
            position,
            sent,
            lag,
            reachable: rest.reachable,
            waiting_events: self.waiting_events.load(Ordering::Relaxed),
            waiting_bytes: rest.waiting_bytes,
            replays: Replays {
                running: self.replaying.load(Ordering::Relaxed),
                waiting: rest.waiting_replays,
                begun: load(&self.replays),
                resyncs: load(&self.resyncs),
            },
        }
    }
}

/// The counts of a feed's other parts.
pub(crate) struct Rest {
    /// Live and replayed.
    pub(crate) frames: (u64, u64),
    pub(crate) waiting_bytes: usize,
    pub(crate) waiting_replays: usize,
    pub(crate) reachable: bool,
}

/// An open socket, until it is dropped.
pub(crate) struct Open(Arc<Tally>, Framing);

impl Open {
    pub(crate) fn new(tally: &Arc<Tally>, framing: Framing) -> Open {
        tally.open[framing as usize].fetch_add(1, Ordering::Relaxed);
        tally.opened[framing as usize].fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(tally), framing)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open[self.1 as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket in a replay, until it is dropped.
pub(crate) struct Replaying(Arc<Tally>);

impl Replaying {
    pub(crate) fn new(tally: &Arc<Tally>) -> Replaying {
        tally.replaying.fetch_add(1, Ordering::Relaxed);
        tally.replays.fetch_add(1, Ordering::Relaxed);
        Replaying(Arc::clone(tally))
    }
}

impl Drop for Replaying {
    fn drop(&mut self) {
        self.0.replaying.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The frames that one thread has queued for its sockets. No two threads write to one cache line.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Frames {
    live: AtomicU64,
    replayed: AtomicU64,
}

impl Frames {
    /// Counts a live frame. Only the thread that owns these counts may call it.
    pub(crate) fn add_live(&self) {
        add_one(&self.live);
    }

    /// Counts a replayed frame. Only the thread that owns these counts may call it.
    pub(crate) fn add_replayed(&self) {
        add_one(&self.replayed);
    }

    /// Live and replayed.
    pub(crate) fn count(&self) -> (u64, u64) {
        (self.live.load(Ordering::Relaxed), self.replayed.load(Ordering::Relaxed))
    }
}

/// Only one thread adds, so it needs no locked instruction.
fn add_one(count: &AtomicU64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}
