//! The feed: what holds its parts together. Owns how it is started and stopped; leaves order to the
//! relay, what each subscriber gets to the sessions, and how many there are to `sockets`.

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

/// How long a read of the log may take unless [`Builder::log_timeout`] says otherwise.
const LOG_TIMEOUT: Duration = Duration::from_secs(20);

/// The least time between two pings.
const SHORTEST_PING: Duration = Duration::from_millis(1);

/// A live feed of a log: cheap to clone, usable from every thread.
///
/// All clones are the same feed. It stops when [`Feed::stop`] is called, or when the last clone and
/// the last session are gone.
pub struct Feed<L: Log> {
    inner: Arc<Inner<L>>,
}

/// What the sessions of a feed work with.
pub(crate) struct Inner<L: Log> {
    /// Tells this feed's events from another one's.
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

    /// Says true when the feed stops.
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

/// A feed about to be started: see [`Feed::builder`].
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
    /// What clients may take of this node.
    pub fn limits(self, limits: Limits) -> Builder<L> {
        Builder { limits, ..self }
    }

    /// When sockets are pinged and closed.
    pub fn heartbeat(self, heartbeat: Heartbeat) -> Builder<L> {
        Builder { heartbeat, ..self }
    }

    /// How long a read of the log may take before it counts as failed; 20 seconds by default.
    pub fn log_timeout(self, log_timeout: Duration) -> Builder<L> {
        Builder { log_timeout, ..self }
    }

    /// Adds a shape for frames: `encode` makes the text of an envelope, once for all sockets that
    /// are sent it. It must not block.
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

    /// Reads the state of the log and starts the relay on `arbiter`: that of the process groups is
    /// a good one.
    pub async fn start_in(
        self,
        arbiter: &actix::ArbiterHandle,
    ) -> Result<Feed<L>, LogError<L::Error>> {
        static FEEDS: AtomicU64 = AtomicU64::new(0);
        let Builder { pubsub, log, limits, mut heartbeat, log_timeout, shapes } = self;
        // Without a pause a session would do nothing but ping.
        heartbeat.ping = heartbeat.ping.max(SHORTEST_PING);
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

    /// A feed of `log` over these process groups, to be started with options.
    ///
    /// Each event goes to the members of its channel as an [`Envelope`] with a position, so that
    /// an actor can hear it too. Messages that others broadcast on these channels do not reach
    /// the feed's subscribers.
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

    /// Tells the feed of events that were committed: to be called after COMMIT has returned, before
    /// the client is answered. Never blocks, and may be called from any thread.
    ///
    /// It is a hint. When it is lost the events go out 0.1 s later, and a replay in that time may
    /// still tell of a row whose deletion was acknowledged. The events must really be committed:
    /// they go out as they are.
    pub fn committed(&self, events: impl IntoIterator<Item = Event>) {
        self.inner.announcer.committed(events.into_iter().collect());
    }

    /// Tells the feed that the log goes to this position, for those who do not have the events at
    /// hand. A hint, as [`Feed::committed`] is.
    pub fn committed_through(&self, position: i64) {
        self.inner.announcer.committed_through(position);
    }

    /// Opens a WebSocket, or an event stream where the request accepts one, that follows `channels`
    /// and resumes where the request says ([`StartAt::from_request`]).
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

    /// Opens a WebSocket, or an event stream where the request accepts one.
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

    /// Opens a WebSocket. The client receives every event of its channels that is committed after
    /// its 101, and before that what it asks for.
    ///
    /// Under [`Server`](crate::Server) the session owns the socket; under actix-web's own server it
    /// goes on through HTTP's buffers, which costs more memory for each socket.
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

    /// The events of these channels from `start` on, as a `Stream`: for code that is not a browser,
    /// inside or outside actors and on any runtime of tokio's.
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

    /// The log itself.
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

    /// Everything up to this position has gone out to this node's subscribers.
    pub fn sent(&self) -> i64 {
        self.inner.status.borrow().sent
    }

    /// Whether the log can be read: false after a second in which it could not. Waits for the next
    /// change; `None` when the feed has stopped.
    pub async fn reachable_changed(&self, was: bool) -> Option<bool> {
        let mut status = self.inner.status.clone();
        let changed = status.wait_for(|status| status.reachable != was).await.ok()?;
        Some(changed.reachable)
    }

    /// Returns when the feed has ended by itself, with the reason: the log was replaced or put back
    /// to an earlier state, so that what subscribers have seen is of another history. Its sockets
    /// are closed with 1001 and no new ones are opened. Start the application again.
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
    /// socket is closed; those that do not close themselves are cut within
    /// [`Heartbeat::grace`].
    pub async fn stop(&self) {
        self.inner.sockets.close_all();
        self.inner.sockets.all_closed().await;
        self.inner.stopping.send_replace(true);
    }
}
