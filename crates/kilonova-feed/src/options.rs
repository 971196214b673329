//! What a feed can be told: its limits, its rhythm, and what a session is opened for. Owns the
//! defaults.

use std::time::Duration;

use kilonova_pubsub::Channel;

use crate::frame::Shape;
use crate::start_at::StartAt;

/// How much may wait for one subscriber. A socket that lets more wait is a slow consumer: it is
/// closed with 1013 and can resume.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Frames.
    pub messages: usize,
    /// Bytes of frames. A frame that waits alone may be larger.
    pub bytes: usize,
}

/// When a socket is pinged, and when it is closed.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    /// Between two pings, and between two position frames; at least a millisecond.
    pub ping: Duration,
    /// A peer that is silent for this long is cut.
    pub silence: Duration,
    /// A reader that takes none of its waiting frames for this long is a slow consumer.
    pub stall: Duration,
    /// A socket that is told to close has this long to do so before it is cut.
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

/// What clients may take of a node. `usize::MAX`, and 0 where it is a rate, is no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open sockets and streams. More are refused with 503.
    pub sockets: usize,
    /// Those of one address, or IPv6 /64. Loopback is not counted. More are refused with 429.
    pub sockets_per_address: usize,
    /// New sockets and streams a second. More are refused with 503.
    pub handshakes: u32,
    /// Frames that a client may send in a second; then it is closed with 1008.
    pub client_frames: u32,
    /// What may wait for one reader.
    pub queue: Bounds,
}

impl Default for Limits {
    /// 20,000 sockets, 200 of one address, 10,000 new ones a second, 500 frames a second, and
    /// 1,024 frames or 4 MiB that wait.
    fn default() -> Limits {
        Limits {
            sockets: 20_000,
            sockets_per_address: 200,
            handshakes: 10_000,
            client_frames: 500,
            queue: Bounds { messages: 1024, bytes: 4 * 1024 * 1024 },
        }
    }
}

/// What a session is opened for.
#[derive(Clone, Debug)]
pub struct SessionOptions<V> {
    /// The channels of the log that it follows.
    pub(crate) channels: Vec<Channel>,
    /// The channels whose broadcasts it passes on.
    pub(crate) ephemeral: Vec<Channel>,
    pub(crate) viewer: V,
    pub(crate) start: StartAt,
    pub(crate) shape: Shape,
}

impl<V> SessionOptions<V> {
    /// Follows these channels of the log, for this viewer, from now on.
    pub fn new<C: Into<Channel>>(
        channels: impl IntoIterator<Item = C>,
        viewer: V,
    ) -> SessionOptions<V> {
        SessionOptions {
            channels: channels.into_iter().map(Into::into).collect(),
            ephemeral: Vec::new(),
            viewer,
            start: StartAt::Now,
            shape: Shape::default(),
        }
    }

    /// Passes on what is broadcast on these channels through the process groups as well. Such
    /// messages are in no log: they have no position, may be lost, and every viewer gets them.
    /// Messages with a position, such as another feed's events, are not passed on.
    #[must_use]
    pub fn ephemeral<C: Into<Channel>>(mut self, channels: impl IntoIterator<Item = C>) -> Self {
        self.ephemeral.extend(channels.into_iter().map(Into::into));
        self
    }

    /// Where it starts.
    #[must_use]
    pub fn start(self, start: StartAt) -> Self {
        SessionOptions { start, ..self }
    }

    /// What its frames look like.
    #[must_use]
    pub fn shape(self, shape: Shape) -> Self {
        SessionOptions { shape, ..self }
    }
}
