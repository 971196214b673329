//! The feed: connects its parts. Owns start and stop; leaves the order of events to the relay, each
//! subscriber's frames to the sessions, and the limit of sockets to `sockets`.

mod builder;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use kilonova_pubsub::{Channel, Payload as Json, PubSub};
use tokio::sync::watch;

pub use self::builder::Builder;
use crate::announcer::Announcer;
use crate::checked::{Checked, LogError};
use crate::frame::Shapes;
use crate::grants::Revocations;
use crate::origin::Origins;
use crate::presence;
use crate::relay::{Channels, Status};
use crate::replay::Replay;
use crate::sockets::Sockets;
use crate::stats::{Rest, Tally};
use crate::threads::Threads;
use crate::{
    Error, Event, Heartbeat, Limits, Log, SessionOptions, StartAt, Stats, Subscription, sse,
    websocket,
};

/// A live feed of a log. Cheap to clone, and usable from any thread.
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
    pub(crate) revocations: Revocations,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) limits: Limits,
    pub(crate) origins: Origins,
    pub(crate) shapes: Arc<Shapes>,
    pub(crate) threads: Threads,
    pub(crate) tally: Arc<Tally>,
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

impl<L: Log> Feed<L> {
    /// Starts a feed with the default limits on the current arbiter.
    ///
    /// # Panics
    ///
    /// Panics outside an actix `System`, like starting any actor.
    pub async fn start(pubsub: PubSub, log: L) -> Result<Feed<L>, LogError<L::Error>> {
        Feed::builder(pubsub, log).start().await
    }

    /// Returns the options for a feed of `log` over these process groups.
    ///
    /// Each event goes to the members of its channel as an [`Envelope`](kilonova_pubsub::Envelope)
    /// with a position, so actors can receive it too. Other messages on these channels do not reach
    /// the feed's subscribers.
    pub fn builder(pubsub: PubSub, log: L) -> Builder<L> {
        Builder::new(pubsub, log)
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
    /// channels that is committed after its 101 response.
    ///
    /// Under [`Server`](crate::Server) the session owns the socket. Under actix-web's own server
    /// the socket keeps HTTP's buffers, which costs more memory per socket.
    pub async fn websocket(
        &self,
        request: &HttpRequest,
        body: Payload,
        options: SessionOptions<L::Viewer>,
    ) -> Result<HttpResponse, Error> {
        self.counted(websocket::open(request, body, &self.inner, options).await)
    }

    /// Opens a stream of server-sent events.
    pub async fn sse(
        &self,
        request: &HttpRequest,
        options: SessionOptions<L::Viewer>,
    ) -> Result<HttpResponse, Error> {
        self.counted(sse::open(request, &self.inner, options).await)
    }

    /// Counts a refusal.
    fn counted(&self, opened: Result<HttpResponse, Error>) -> Result<HttpResponse, Error> {
        opened.inspect_err(|error| self.inner.tally.refused(error))
    }

    /// Subscribes to the events of these channels from `start` on, as a `Stream`. It is for code
    /// other than browsers, inside or outside actors, on any tokio runtime.
    pub async fn subscribe<C: Into<Channel>>(
        &self,
        channels: impl IntoIterator<Item = C>,
        start: StartAt,
        viewer: L::Viewer,
    ) -> Result<Subscription<L>, Error> {
        let channels = channels.into_iter().map(Into::into).collect();
        Subscription::open(&self.inner, channels, start, viewer).await
    }

    /// Sends a message outside the log to the sessions on this node that are present on `channel`
    /// ([`SessionOptions::present`]). Each version of the message lists views; a session gets every
    /// version that lists its view ([`Presence::view`](crate::Presence::view)).
    ///
    /// The feed encodes a version once per shape, custom shapes included. Returns when the messages
    /// are on their way to the sessions. Fails with [`Error::Stopping`] when the process groups
    /// have stopped.
    pub async fn tell(
        &self,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        versions: impl IntoIterator<Item = (Vec<u8>, Json)>,
    ) -> Result<(), Error> {
        let (channel, topic) = (channel.into(), topic.into());
        let message = |(views, payload)| {
            presence::message(
                channel.clone(),
                Arc::clone(&topic),
                payload,
                self.inner.number,
                views,
            )
        };
        let messages = versions.into_iter().map(message).collect();
        self.inner.pubsub.publish_all(messages).await.map_err(|_| Error::Stopping)
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

    /// Returns counts for metrics. Any thread may call it; it does not block threads that serve
    /// sockets.
    pub fn stats(&self) -> Stats {
        let Inner { threads, replay, status, tally, .. } = &*self.inner;
        tally.stats(Rest {
            frames: threads.frames(),
            waiting_bytes: threads.waiting(),
            waiting_replays: replay.waiting(),
            reachable: status.borrow().reachable,
        })
    }

    /// Returns how long this node has known of the oldest event that has not gone out to its
    /// subscribers; zero when every event has gone out.
    pub fn lag(&self) -> Duration {
        self.inner.tally.behind()
    }

    /// Revokes grants: closes the sockets and streams that were opened under one of them
    /// ([`SessionOptions::grant`]) with 1008, and drops their backlogs.
    ///
    /// Each item is a grant's id and the number of its revocation. Numbers increase: the feed
    /// ignores a revocation whose number is not higher than all before it. Any thread may call it;
    /// it does not block. A node closes only its own sockets, so call this on every node.
    pub fn revoke(&self, revocations: impl IntoIterator<Item = (i64, i64)>) {
        if self.inner.revocations.add(revocations) {
            self.inner.threads.rouse();
        }
    }

    /// Revokes every grant whose `as_of` is below this number, for a node that cannot know which
    /// grants were revoked up to it.
    pub fn revoke_all(&self, number: i64) {
        if self.inner.revocations.add_all(number) {
            self.inner.threads.rouse();
        }
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

    /// Waits until the feed ends because of a fault, and returns the reason: the log was replaced
    /// or restored to an earlier state, so subscribers have seen a different history. The feed
    /// closes its sockets with 1001 and opens no new ones. Restart the application.
    ///
    /// Never returns if the feed stops without a fault.
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
