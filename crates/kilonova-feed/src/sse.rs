//! Server-sent events: the wire of a session whose client only reads. Owns the framing and the
//! headers of the response; leaves its body to `stream`.

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

/// True when a request asks for an event stream and not for a WebSocket.
pub(crate) fn is_wanted(request: &HttpRequest) -> bool {
    let has = |name: header::HeaderName, word: &str| {
        let mut values = request.headers().get_all(name);
        values.any(|value| value.to_str().is_ok_and(|value| value.to_lowercase().contains(word)))
    };
    // A response to HEAD has no body for events. Some clients offer other upgrades, such as `h2c`,
    // which a server may ignore.
    request.method() == Method::GET
        && has(header::ACCEPT, "text/event-stream")
        && !has(header::UPGRADE, "websocket")
}

/// Joins the channels, starts the session, and responds with an endless body.
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
    // Sent at once, so that the client sees an open stream.
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
        // Compression and proxies must not delay frames.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .body(body))
}

/// One client's stream.
struct EventStream {
    stream: Stream,
    /// Ends a connection that takes nothing, which the body cannot detect.
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

    /// The body takes the frames, and `poll` watches it.
    fn relieve(&mut self) -> bool {
        false
    }

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
