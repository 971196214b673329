//! Starts a feed. Owns its options and the connections between its parts.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{AsyncContext, Context};
use kilonova_pubsub::{Envelope, PubSub, supervise};
use tokio::sync::watch;

use super::{Feed, Inner};
use crate::announcer::Announcer;
use crate::checked::{Checked, LogError};
use crate::frame::{Shape, Shapes};
use crate::grants::Revocations;
use crate::pace::Pace;
use crate::recent::Recent;
use crate::relay::{self, Channels, Parts, Relay, Status};
use crate::replay::Replay;
use crate::sockets::Sockets;
use crate::stats::Tally;
use crate::{Heartbeat, Limits, Log, Origins};

/// The default of [`Builder::log_timeout`].
const LOG_TIMEOUT: Duration = Duration::from_secs(20);

/// The shortest interval between two pings.
const SHORTEST_PING: Duration = Duration::from_millis(1);

/// Longer times are cut to this one, because adding them to the current time would overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The options of a feed before it starts: see [`Feed::builder`].
#[must_use = "nothing is started yet"]
pub struct Builder<L> {
    pubsub: PubSub,
    log: L,
    limits: Limits,
    heartbeat: Heartbeat,
    origins: Origins,
    log_timeout: Duration,
    shapes: Shapes,
}

impl<L: Log> Builder<L> {
    pub(super) fn new(pubsub: PubSub, log: L) -> Builder<L> {
        Builder {
            pubsub,
            log,
            limits: Limits::default(),
            heartbeat: Heartbeat::default(),
            origins: Origins::default(),
            log_timeout: LOG_TIMEOUT,
            shapes: Shapes::default(),
        }
    }

    /// Sets the limits of clients on this node.
    pub fn limits(self, limits: Limits) -> Builder<L> {
        Builder { limits: limits.unless_zero(), ..self }
    }

    /// Sets the intervals and timeouts of sockets.
    pub fn heartbeat(self, heartbeat: Heartbeat) -> Builder<L> {
        Builder { heartbeat, ..self }
    }

    /// Sets the origins whose pages may open sockets and streams; by default only the feed's own.
    pub fn origins(self, origins: Origins) -> Builder<L> {
        Builder { origins, ..self }
    }

    /// Sets the timeout of a read of the log; 20 seconds by default.
    pub fn log_timeout(self, log_timeout: Duration) -> Builder<L> {
        Builder { log_timeout, ..self }
    }

    /// Adds a shape for frames. `encode` returns the text of an envelope and must not block.
    ///
    /// For the first five shapes, all sockets that get an event share one call. For further shapes,
    /// and for a broadcast, each socket makes its own call.
    pub fn shape(&mut self, encode: impl Fn(&Envelope) -> String + Send + Sync + 'static) -> Shape {
        self.shapes.add(Box::new(encode))
    }

    /// Adds a shape whose text takes time to produce, such as HTML. The feed encodes an event once
    /// for all sockets, on tokio's blocking pool, before the event goes out, and only while a
    /// session on this node uses the shape. Every event of the feed waits for that, so `encode`
    /// must return within milliseconds. It also encodes broadcasts, on a thread that serves
    /// sockets; their texts must be quick to produce.
    ///
    /// A client of such a shape that missed more than 200 events gets a resync instead of a replay,
    /// or instead of the rest of a replay that has begun.
    pub fn slow_shape(
        &mut self,
        encode: impl Fn(&Envelope) -> String + Send + Sync + 'static,
    ) -> Shape {
        self.shapes.add_slow(Box::new(encode))
    }

    /// Reads the state of the log and starts the relay on the current arbiter.
    ///
    /// # Panics
    ///
    /// Panics outside an actix `System`, like starting any actor.
    pub async fn start(self) -> Result<Feed<L>, LogError<L::Error>> {
        self.start_in(&actix::Arbiter::current()).await
    }

    /// Reads the state of the log and starts the relay on `arbiter`. The arbiter of the process
    /// groups is a good choice.
    pub async fn start_in(
        self,
        arbiter: &actix::ArbiterHandle,
    ) -> Result<Feed<L>, LogError<L::Error>> {
        static FEEDS: AtomicU64 = AtomicU64::new(0);
        let Builder { pubsub, log, limits, mut heartbeat, origins, log_timeout, shapes } = self;
        let shapes = Arc::new(shapes);
        // With an interval of zero, a session would do nothing but ping.
        heartbeat.ping = heartbeat.ping.max(SHORTEST_PING);
        let Heartbeat { ping, silence, stall, grace } = &mut heartbeat;
        for time in [ping, silence, stall, grace] {
            *time = (*time).min(LONGEST);
        }
        let (log, state) = Checked::open(Arc::new(log), log_timeout).await?;
        let recent = Recent::after_position(state.position);
        let tally = Arc::<Tally>::default();
        tally.sent(state.position);
        let status = Status { sent: state.position, reachable: true, ended: None };
        let (status, told) = watch::channel(status);
        let number = FEEDS.fetch_add(1, Ordering::Relaxed) + 1;
        let channels = Channels::of(log.id(), number);
        let announcer = Arc::new(Announcer::new(
            recent.clone(),
            pubsub.clone(),
            channels.committed.clone(),
            Arc::clone(log.id()),
            Arc::clone(&tally),
        ));
        let (stopping, stops) = watch::channel(false);
        let pace = Pace::default();
        let inner = Arc::new(Inner {
            number,
            replay: Replay::new(log.clone(), recent.clone(), limits.replay_bytes),
            log: log.clone(),
            pubsub: pubsub.clone(),
            channels: channels.clone(),
            sockets: Sockets::new(&limits, pace.threads.clone()),
            revocations: Revocations::default(),
            heartbeat,
            limits,
            origins,
            shapes: Arc::clone(&shapes),
            threads: pace.threads.clone(),
            tally: Arc::clone(&tally),
            status: told,
            announcer: Arc::clone(&announcer),
            stopping,
        });
        let parts = Parts {
            log,
            pubsub,
            recent,
            pace,
            shapes,
            sockets: inner.sockets.clone(),
            tally,
            channels,
            tick: heartbeat.ping,
            feed: number,
            status: Arc::new(status),
            stops: stops.clone(),
        };
        let sockets = inner.sockets.clone();
        let mut ends = inner.status.clone();
        arbiter.spawn_fn(move || {
            actix::spawn(supervise::keep("the relay", stops, move || {
                let mut ctx = Context::<Relay<L>>::new();
                ctx.set_mailbox_capacity(relay::MAILBOX);
                announcer.tell(ctx.address());
                Ok::<_, Infallible>((Relay::new(parts.clone()), ctx))
            }));
            actix::spawn(async move {
                if ends.wait_for(|status| status.ended.is_some()).await.is_ok() {
                    sockets.close_all();
                }
            });
        });
        Ok(Feed { inner })
    }
}
