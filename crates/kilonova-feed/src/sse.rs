//! Server-sent events: the wire of a session whose client only listens. Owns the framing and the
//! response's body, which takes the frames as fast as the connection does.

use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use kilonova_pubsub::Envelope;
use tokio::time::Instant;

use crate::close::Close;
use crate::feed::Inner;
use crate::frame::{self, Shape, Shapes};
use crate::session::Joined;
use crate::stream::Stream;
use crate::transport::Stall;
use crate::wire::Wire;
use crate::{Bounds, Error, Log, SessionOptions, StartAt};

/// Whether a request asks for an event stream, and not for a WebSocket.
pub(crate) fn is_wanted(request: &HttpRequest) -> bool {
    let has = |name: header::HeaderName, word: &str| {
        let mut values = request.headers().get_all(name);
        values.any(|value| value.to_str().is_ok_and(|value| value.to_lowercase().contains(word)))
    };
    // A HEAD has no body to stream events in. Another upgrade that is offered, as some clients offer `h2c`, need not be taken.
    request.method() == Method::GET
        && has(header::ACCEPT, "text/event-stream")
        && !has(header::UPGRADE, "websocket")
}

/// Answers with an endless body and starts the session, which has joined its channels by then.
pub(crate) async fn open<L: Log>(
    request: &HttpRequest,
    feed: &Arc<Inner<L>>,
    options: SessionOptions<L::Viewer>,
) -> Result<HttpResponse, Error> {
    let place = feed.sockets.enter(request.peer_addr())?;
    // Before it joins: whatever goes out from here on is after this position, or reaches it live.
    let begins = matches!(options.start, StartAt::Now).then(|| feed.status.borrow().sent);
    let joined = Joined::join(feed, options, place).await?;
    let (stream, body) = Stream::new();
    // Sent at once, so that the client sees the stream open.
    stream.force(Bytes::from_static(b": welcome\n\n"));
    if let Some(position) = begins {
        // A browser reconnects with the last id that it saw: one that has heard nothing needs one.
        stream.force(EventStream::position(position));
    }
    let stall = request.conn_data::<Stall>().cloned().unwrap_or_default();
    joined.run(EventStream { stream, stall });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Neither compression nor a proxy may hold frames back.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .body(body))
}

/// One client's stream.
struct EventStream {
    stream: Stream,
    /// Ends the connection when it takes nothing, which the body cannot notice.
    stall: Stall,
}

impl Wire for EventStream {
    fn event(shapes: &Shapes, envelope: &Envelope, shape: Shape) -> Bytes {
        shapes.sse(envelope, shape)
    }

    fn resync(position: i64) -> Bytes {
        let data = frame::control("resync", position);
        frame::sse(Some(position), "resync", data.as_bytes())
    }

    fn position(position: i64) -> Bytes {
        Bytes::from(format!("id: {position}\n\n"))
    }

    fn heartbeat() -> Bytes {
        Bytes::from_static(b":\n\n")
    }

    fn push(&mut self, frame: &Bytes, bounds: &Bounds) -> bool {
        self.stream.push(frame, bounds)
    }

    fn force(&mut self, frame: Bytes) {
        self.stream.force(frame);
    }

    /// The body takes the frames, not this.
    fn relieve(&mut self) {}

    fn is_drained(&self) -> bool {
        self.stream.is_drained()
    }

    fn heard(&self) -> Option<Instant> {
        None
    }

    fn blocked(&self) -> Option<Instant> {
        self.stream.blocked()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        self.stream.poll_gone(cx).map(Ok)
    }

    fn close(&mut self, close: Close) {
        if close == Close::SlowConsumer {
            self.stream.abandon();
        }
        self.stream.finish();
    }

    fn is_closing(&self) -> bool {
        self.stream.is_finished()
    }

    fn cut(&mut self) {
        self.stream.finish();
        self.stall.cut();
    }
}
