//! What a session writes to: the one difference between a WebSocket and a stream of server-sent
//! events.

use std::task::{Context, Poll};

use bytes::Bytes;
use kilonova_pubsub::Envelope;
use tokio::time::Instant;

use crate::Bounds;
use crate::close::Close;
use crate::frame::{Shape, Shapes};

/// One client's connection, as the session's actor sees it. Nothing here blocks.
pub(crate) trait Wire: Unpin + 'static {
    /// An event as it goes over this wire.
    fn event(shapes: &Shapes, envelope: &Envelope, shape: Shape) -> Bytes;

    /// The word that the client must load anew, and where the log stands.
    fn resync(position: i64) -> Bytes;

    /// The word that everything up to a position has come.
    fn position(position: i64) -> Bytes;

    /// What keeps a quiet connection known to both ends.
    fn heartbeat() -> Bytes;

    /// Takes a frame in, unless more would wait than may.
    #[must_use = "a frame that finds no room is lost, and so must be its reader"]
    fn push(&mut self, frame: &Bytes, bounds: &Bounds) -> bool;

    /// Takes in a frame of a replay, whose slices are bounded by themselves.
    fn force(&mut self, frame: Bytes);

    /// Writes what can be written at once, to make room.
    fn relieve(&mut self);

    /// True when nothing waits to be written.
    fn is_drained(&self) -> bool;

    /// When the client last gave a sign of life: a frame, or a backlog that it took something of.
    /// `None` where it has nothing to say.
    fn heard(&self) -> Option<Instant>;

    /// Since when the client has taken nothing although something waits.
    fn blocked(&self) -> Option<Instant>;

    /// Reads and writes what can be; `Ready` when the connection is over. A reason for this side
    /// to close it comes as an error.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>>;

    /// Begins to end the connection and to say why, where the client still listens. What waits for
    /// a slow consumer is dropped; for others it goes out first.
    fn close(&mut self, close: Close);

    /// True once the last frame is on its way, whoever began to close.
    fn is_closing(&self) -> bool;

    /// Ends the connection whatever is under way. A stream of events that gets on ends by itself.
    fn cut(&mut self);
}
