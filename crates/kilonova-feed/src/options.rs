//! The options of a feed and of a session: limits, intervals and timeouts, channels. Owns the
//! defaults.

use std::time::Duration;

use kilonova_pubsub::Channel;

use crate::frame::Shape;
use crate::grants::Grant;
use crate::limits::unless_zero;
use crate::presence::{Listener, Presence};
use crate::start_at::StartAt;

/// The largest backlog of one socket. A client with a larger one is a slow consumer: the feed
/// closes its socket with 1013, and the client can resume. 0 means no limit.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The number of frames.
    pub messages: usize,
    /// The bytes of all frames. A single frame may be larger.
    pub bytes: usize,
}

/// The intervals and timeouts of a socket.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    /// The interval between two pings, and between two position frames; at least a millisecond.
    pub ping: Duration,
    /// The feed cuts a WebSocket whose client is silent for this long.
    pub silence: Duration,
    /// A client that reads none of its backlog for this long is a slow consumer.
    pub stall: Duration,
    /// A closing socket has this long to finish before the feed cuts it.
    pub grace: Duration,
}

impl Default for Heartbeat {
    fn default() -> Heartbeat {
        Heartbeat {
            ping: Duration::from_secs(25),
            silence: Duration::from_secs(60),
            stall: Duration::from_secs(10),
            grace: Duration::from_secs(5),
        }
    }
}

/// The limits of clients on a node. In each field, 0 means no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open sockets and streams. Above it, new ones get 503.
    pub sockets: usize,
    /// Sockets and streams of one IPv4 address or IPv6 /64; loopback does not count. Above it, new
    /// ones get 429.
    pub sockets_per_address: usize,
    /// New sockets and streams per second. Above it, they get 503.
    pub handshakes: u32,
    /// Frames per second from one client. A client above it is closed with 1008.
    pub client_frames: u32,
    /// The largest backlog of one socket.
    pub queue: Bounds,
    /// The bytes of events that all replays together have read from the log and not yet sent; at
    /// least two mebibytes. Beyond it, replays wait. Half of it is reserved for clients that have
    /// read their last slice in time, so that stalled clients cannot use it up.
    pub replay_bytes: usize,
}

impl Default for Limits {
    /// 20,000 sockets, 200 per address, 10,000 new sockets per second, 500 frames per second, a
    /// backlog of 1,024 frames or 4 MiB, and 32 MiB for replays.
    fn default() -> Limits {
        Limits {
            sockets: 20_000,
            sockets_per_address: 200,
            handshakes: 10_000,
            client_frames: 500,
            queue: Bounds { messages: 1024, bytes: 4 * 1024 * 1024 },
            replay_bytes: 32 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Replaces 0 with the largest number, so that comparisons need no exception. Rates handle 0
    /// themselves.
    pub(crate) fn unless_zero(self) -> Limits {
        Limits {
            sockets: unless_zero(self.sockets),
            sockets_per_address: unless_zero(self.sockets_per_address),
            queue: Bounds {
                messages: unless_zero(self.queue.messages),
                bytes: unless_zero(self.queue.bytes),
            },
            replay_bytes: unless_zero(self.replay_bytes),
            ..self
        }
    }
}

/// The options of a session: channels, viewer, start and shape.
#[derive(Clone, Debug)]
pub struct SessionOptions<V> {
    /// The channels of the log that the session follows.
    pub(crate) channels: Vec<Channel>,
    /// The channels whose broadcasts the session forwards.
    pub(crate) ephemeral: Vec<Channel>,
    pub(crate) presence: Option<Presence>,
    pub(crate) viewer: V,
    pub(crate) grant: Option<Grant>,
    pub(crate) start: StartAt,
    pub(crate) shape: Shape,
}

impl<V> SessionOptions<V> {
    /// Follows these channels of the log for this viewer, from the next event on.
    pub fn new<C: Into<Channel>>(
        channels: impl IntoIterator<Item = C>,
        viewer: V,
    ) -> SessionOptions<V> {
        SessionOptions {
            channels: channels.into_iter().map(Into::into).collect(),
            ephemeral: Vec::new(),
            presence: None,
            viewer,
            grant: None,
            start: StartAt::Now,
            shape: Shape::default(),
        }
    }

    /// Also forwards broadcasts on these channels of the process groups. Such messages are outside
    /// the log: they have no position, may be lost, and go to every viewer. Messages with a
    /// position, such as another feed's events, are not forwarded.
    #[must_use]
    pub fn ephemeral<C: Into<Channel>>(mut self, channels: impl IntoIterator<Item = C>) -> Self {
        self.ephemeral.extend(channels.into_iter().map(Into::into));
        self
    }

    /// Also makes the session present on a channel of the process groups, as [`Presence`]
    /// describes. A session is present on one channel; the last call wins.
    #[must_use]
    pub fn present(self, presence: Presence) -> Self {
        SessionOptions { presence: Some(presence), ..self }
    }

    /// The listener that gets the client's texts.
    pub(crate) fn listener(&self) -> Option<Listener> {
        self.presence.as_ref()?.listener.clone()
    }

    /// Opens the session under this grant, for example a sign-in. The session lasts until
    /// [`Feed::revoke`](crate::Feed::revoke) revokes the grant.
    ///
    /// `as_of` is the number of the last revocation that the check of the request took into
    /// account. Read the number first, then check the request: a revocation in between closes the
    /// session.
    #[must_use]
    pub fn grant(self, id: i64, as_of: i64) -> Self {
        SessionOptions { grant: Some(Grant { id, as_of }), ..self }
    }

    /// Sets the start position; [`StartAt::Now`] by default.
    #[must_use]
    pub fn start(self, start: StartAt) -> Self {
        SessionOptions { start, ..self }
    }

    /// Sets the format of the frames.
    #[must_use]
    pub fn shape(self, shape: Shape) -> Self {
        SessionOptions { shape, ..self }
    }
}
