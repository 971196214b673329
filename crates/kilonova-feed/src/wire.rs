//! A session's connection: the one difference between a WebSocket and a stream of server-sent
//! events.

use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::time::Instant;

use crate::Bounds;
use crate::close::Close;
use crate::frame::Framing;

/// One client's connection, as the session's actor uses it. No method blocks.
pub(crate) trait Wire: Unpin + 'static {
    /// The encoding of its frames.
    const FRAMING: Framing;

    /// The frame of a resync: the client must load everything again and continue from this
    /// position.
    fn resync(position: i64) -> Bytes;

    /// The frame that says that every event up to a position was sent.
    fn position(position: i64) -> Bytes;

    /// The frame that keeps a quiet connection alive.
    fn heartbeat() -> Bytes;

    /// Adds a frame; false if the backlog would exceed `bounds`.
    #[must_use = "a frame without room is lost; close its reader"]
    fn push(&mut self, frame: &Bytes, bounds: &Bounds) -> bool;

    /// Adds a frame without a bound: one of a replay, whose slices are bounded, or a heartbeat.
    fn force(&mut self, frame: Bytes);

    /// Writes as much as possible without waiting. True if nothing is left that `poll` must do.
    fn relieve(&mut self) -> bool;

    /// True when nothing waits to be written.
    fn is_drained(&self) -> bool;

    /// The time of the client's last sign of life: it sent a whole frame, or read some of its
    /// backlog. `None` if clients of this wire send nothing.
    fn heard(&self) -> Option<Instant>;

    /// The time since which the client has read none of its backlog.
    fn blocked(&self) -> Option<Instant>;

    /// Reads and writes as much as possible; `Ready(Ok)` when the connection is over. An error is
    /// the reason to close it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>>;

    /// Starts to close the connection, with the reason if the wire can carry one. The backlog of a
    /// slow consumer is dropped; other backlogs go out first.
    fn close(&mut self, close: Close);

    /// True once the last frame is queued, no matter which side started to close.
    fn is_closing(&self) -> bool;

    /// Ends the connection at once. An event stream that still makes progress ends after its
    /// backlog is written.
    fn cut(&mut self);
}
