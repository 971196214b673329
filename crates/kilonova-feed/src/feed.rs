//! The feed: connects its parts. Owns start and stop; leaves the order of events to the relay, each
//! subscriber's frames to the sessions, and the limit of sockets to `sockets`.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{AsyncContext, Context};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use kilonova_pubsub::{Channel, Envelope, PubSub, supervise};
use tokio::sync::watch;

use crate::announcer::Announcer;
use crate::checked::{Checked, LogError};
use crate::frame::{Shape, Shapes};
use crate::pace::Pace;
use crate::recent::Recent;
use crate::relay::{self, Channels, Parts, Relay, Status};
use crate::replay::Replay;
use crate::sockets::Sockets;
use crate::{
    Error, Event, Heartbeat, Limits, Log, SessionOptions, StartAt, Subscription, sse, websocket,
};

/// The default of [`Builder::log_timeout`].
const LOG_TIMEOUT: Duration = Duration::from_secs(20);

/// The shortest interval between two pings.
const SHORTEST_PING: Duration = Duration::from_millis(1);

/// Longer times count as this one: the clock cannot add them.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A live feed of a log: cheap to clone, usable from every thread.
///
/// All clones are the same feed. It stops when [`Feed::stop`] is called, or when the last clone and
/// the last session are dropped.
pub struct Feed<L: Log> {
    inner: Arc<Inner<L>>,
}

/// The parts that a feed shares with its sessions.
pub(crate) struct Inner<L: Log> {
    /// Distinguishes this feed's events from those of other feeds.
    pub(crate) number: u64,
    log: Checked<L>,
    pub(crate) pubsub: PubSub,
    pub(crate) channels: Channels,
    pub(crate) replay: Replay<L>,
    pub(crate) sockets: Sockets,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) limits: Limits,
    pub(crate) shapes: Shapes,
    pub(crate) pace: Pace,
    pub(crate) status: watch::Receiver<Status>,
    announcer: Arc<Announcer<L>>,
    stopping: watch::Sender<bool>,
}

impl<L: Log> Inner<L> {
    pub(crate) fn log(&self) -> &L {
        self.log.log()
    }

    /// A receiver that turns true when the feed stops.
    pub(crate) fn stops(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}

impl<L: Log> Clone for Feed<L> {
    fn clone(&self) -> Feed<L> {
        Feed { inner: Arc::clone(&self.inner) }
    }
}

impl<L: Log> fmt::Debug for Feed<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("log", &self.log_id()).finish_non_exhaustive()
    }
}

/// The options of a feed before it starts: see [`Feed::builder`].
#[must_use = "nothing is started yet"]
pub struct Builder<L> {
    pubsub: PubSub,
    log: L,
    limits: Limits,
    heartbeat: Heartbeat,
    log_timeout: Duration,
    shapes: Shapes,
}

impl<L: Log> Builder<L> {
    /// Sets the limits of clients on this node.
    pub fn limits(self, limits: Limits) -> Builder<L> {
        Builder { limits, ..self }
    }

    /// Sets the intervals and timeouts of sockets.
    pub fn heartbeat(self, heartbeat: Heartbeat) -> Builder<L> {
        Builder { heartbeat, ..self }
    }

    /// Sets the timeout of a read of the log; 20 seconds by default.
    pub fn log_timeout(self, log_timeout: Duration) -> Builder<L> {
        Builder { log_timeout, ..self }
    }

    /// Adds a shape for frames: `encode` returns the text of an envelope. All sockets that get an
    /// event share one call; for a broadcast, each socket makes its own. It must not block.
    pub fn shape(&mut self, encode: impl Fn(&Envelope) -> String + Send + Sync + 'static) -> Shape {
        self.shapes.add(Box::new(encode))
    }

    /// Reads the state of the log and starts the relay on the current arbiter.
    ///
    /// # Panics
    ///
    /// Outside of an actix `System`, as starting any actor does.
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
        let Builder { pubsub, log, limits, mut heartbeat, log_timeout, shapes } = self;
        // With an interval of zero a session would only ping.
        heartbeat.ping = heartbeat.ping.max(SHORTEST_PING);
        let Heartbeat { ping, silence, stall, grace } = &mut heartbeat;
        for time in [ping, silence, stall, grace] {
            *time = (*time).min(LONGEST);
        }
        let (log, state) = Checked::open(Arc::new(log), log_timeout).await?;
        let recent = Recent::after_position(state.position);
        let status = Status { sent: state.position, reachable: true, ended: None };
        let (status, told) = watch::channel(status);
        let number = FEEDS.fetch_add(1, Ordering::Relaxed) + 1;
        let channels = Channels::of(log.id(), number);
        let announcer = Arc::new(Announcer::new(
            recent.clone(),
            pubsub.clone(),
            channels.committed.clone(),
            Arc::clone(log.id()),
        ));
        let (stopping, stops) = watch::channel(false);
        let inner = Arc::new(Inner {
            number,
            replay: Replay::new(log.clone(), recent.clone()),
            log: log.clone(),
            pubsub: pubsub.clone(),
            channels: channels.clone(),
            sockets: Sockets::new(&limits),
            heartbeat,
            limits,
            shapes,
            pace: Pace::default(),
            status: told,
            announcer: Arc::clone(&announcer),
            stopping,
        });
        let parts = Parts {
            log,
            pubsub,
            recent,
            pace: inner.pace.clone(),
            sockets: inner.sockets.clone(),
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

impl<L: Log> Feed<L> {
    /// Starts a feed with the default limits on the current arbiter.
    ///
    /// # Panics
    ///
    /// Outside of an actix `System`, as starting any actor does.
    pub async fn start(pubsub: PubSub, log: L) -> Result<Feed<L>, LogError<L::Error>> {
        Feed::builder(pubsub, log).start().await
    }

    /// The options for a feed of `log` over these process groups.
    ///
    /// Each event goes to the members of its channel as an [`Envelope`] with a position, so that
    /// actors can receive it too. Other messages on these channels do not reach the feed's
    /// subscribers.
    pub fn builder(pubsub: PubSub, log: L) -> Builder<L> {
        Builder {
            pubsub,
            log,
            limits: Limits::default(),
            heartbeat: Heartbeat::default(),
            log_timeout: LOG_TIMEOUT,
            shapes: Shapes::default(),
        }
    }

    /// Announces committed events to the feed. Call it after COMMIT has returned and before you
    /// answer the client. Never blocks; any thread may call it.
    ///
    /// It is a hint. If it is lost, the events go out about 0.1 s later, and a replay in that time
    /// may still contain a row whose deletion was acknowledged. Pass only events that are
    /// committed: the feed sends them without reading the log.
    pub fn committed(&self, events: impl IntoIterator<Item = Event>) {
        self.inner.announcer.committed(events.into_iter().collect());
    }

    /// Announces that the log is committed up to this position, for callers that do not have the
    /// events. A hint, like [`Feed::committed`].
    pub fn committed_through(&self, position: i64) {
        self.inner.announcer.committed_through(position);
    }

    /// Opens a WebSocket, or an event stream if the request accepts one, that follows `channels`
    /// from the request's position ([`StartAt::from_request`]).
    pub async fn serve<C: Into<Channel>>(
        &self,
        request: &HttpRequest,
        body: Payload,
        channels: impl IntoIterator<Item = C>,
        viewer: L::Viewer,
    ) -> Result<HttpResponse, Error> {
        let options = SessionOptions::new(channels, viewer);
        self.open(request, body, options.start(StartAt::from_request(request)?)).await
    }

    /// Opens a WebSocket, or an event stream if the request accepts one.
    pub async fn open(
        &self,
        request: &HttpRequest,
        body: Payload,
        options: SessionOptions<L::Viewer>,
    ) -> Result<HttpResponse, Error> {
        match sse::is_wanted(request) {
            true => self.sse(request, options).await,
            false => self.websocket(request, body, options).await,
        }
    }

    /// Opens a WebSocket. The client gets the replay that it asks for, then every event of its
    /// channels that is committed after its 101.
    ///
    /// Under [`Server`](crate::Server) the session owns the socket. Under actix-web's own server
    /// the socket keeps HTTP's buffers, which costs more memory per socket.
    pub async fn websocket(
        &self,
        request: &HttpRequest,
        body: Payload,
        options: SessionOptions<L::Viewer>,
    ) -> Result<HttpResponse, Error> {
        websocket::open(request, body, &self.inner, options).await
    }

    /// Opens a stream of server-sent events.
    pub async fn sse(
        &self,
        request: &HttpRequest,
        options: SessionOptions<L::Viewer>,
    ) -> Result<HttpResponse, Error> {
        sse::open(request, &self.inner, options).await
    }

    /// Subscribes to the events of these channels from `start` on, as a `Stream`: for code other
    /// than browsers, inside or outside actors and on any tokio runtime.
    pub async fn subscribe<C: Into<Channel>>(
        &self,
        channels: impl IntoIterator<Item = C>,
        start: StartAt,
        viewer: L::Viewer,
    ) -> Result<Subscription<L>, Error> {
        let channels = channels.into_iter().map(Into::into).collect();
        Subscription::open(&self.inner, channels, start, viewer).await
    }

    /// The id of the log.
    pub fn log_id(&self) -> &str {
        self.inner.log.id()
    }

    /// The log that the feed reads.
    pub fn log(&self) -> &L {
        self.inner.log()
    }

    /// The process groups.
    pub fn pubsub(&self) -> &PubSub {
        &self.inner.pubsub
    }

    /// The open sockets and streams.
    pub fn sockets(&self) -> &Sockets {
        &self.inner.sockets
    }

    /// The position up to which every event has gone out to this node's subscribers.
    pub fn sent(&self) -> i64 {
        self.inner.status.borrow().sent
    }

    /// Waits until the log's reachability differs from `was` and returns it: false once the log
    /// could not be read for a second. `None` when the feed has stopped.
    pub async fn reachable_changed(&self, was: bool) -> Option<bool> {
        let mut status = self.inner.status.clone();
        let changed = status.wait_for(|status| status.reachable != was).await.ok()?;
        Some(changed.reachable)
    }

    /// Waits until the feed ends because of a fault and returns the reason: the log was replaced
    /// or restored to an earlier state, so that subscribers have seen another history. The feed
    /// closes its sockets with 1001 and opens no new ones. Restart the application.
    ///
    /// Never returns after [`Feed::stop`].
    pub async fn ended(&self) -> Arc<str> {
        let mut status = self.inner.status.clone();
        let ended = status.wait_for(|status| status.ended.is_some()).await;
        if let Ok(Some(reason)) = ended.map(|status| status.ended.clone()) {
            return reason;
        }
        std::future::pending().await
    }

    /// Closes all sockets with 1001, opens no new ones, and stops the relay. Returns when the last
    /// socket is closed; the feed cuts sockets that do not close within [`Heartbeat::grace`].
    pub async fn stop(&self) {
        self.inner.sockets.close_all();
        self.inner.sockets.all_closed().await;
        self.inner.stopping.send_replace(true);
    }
}
