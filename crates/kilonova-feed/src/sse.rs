//! Server-sent events: the wire of a session whose client only reads. Owns the framing and the
//! headers of the response; leaves its body to `stream`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body;
use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use crate::close::Close;
use crate::feed::Inner;
use crate::frame::{self, Framing};
use crate::negotiation::accepts;
use crate::session::Joined;
use crate::stream::Stream;
use crate::transport::Activity;
use crate::wire::Wire;
use crate::{Bounds, Error, Log, SessionOptions, StartAt};

/// The intervals between probes after a client has ended its half of the connection; the last
/// interval repeats. A client that has left answers with a reset; a client that still listens gets
/// a few bytes.
const PROBES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(500)];

/// True when a request asks for an event stream and not for a WebSocket.
pub(crate) fn is_wanted(request: &HttpRequest) -> bool {
    // Some clients offer other upgrades, such as `h2c`, which a server may ignore.
    let mut upgrades = request.headers().get_all(header::UPGRADE);
    let is_websocket = upgrades.any(|value| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("websocket"))
    });
    matches!(*request.method(), Method::GET | Method::HEAD)
        && !is_websocket
        && accepts(request.headers(), "text/event-stream")
}

/// Joins the channels, starts the session, and responds with an endless body.
pub(crate) async fn open<L: Log>(
    request: &HttpRequest,
    feed: &Arc<Inner<L>>,
    options: SessionOptions<L::Viewer>,
) -> Result<HttpResponse, Error> {
    feed.origins.admit(request)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // The end of the connection marks the end of the stream.
        .force_close()
        // Compression and proxies must not delay frames.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"));
    let place = feed.sockets.enter(request.peer_addr())?;
    if request.method() == Method::HEAD {
        // A stream has no length.
        return Ok(response.body(body::None::new()));
    }
    // Read before the session joins: an event that goes out from now on is after this position, so
    // a client that resumes from it misses nothing.
    let begins = (options.start == StartAt::Now).then(|| feed.status.borrow().sent);
    let joined = Joined::join(feed, options, place).await?;
    let (stream, body) = Stream::new();
    // Sent immediately, so that the client sees an open stream.
    stream.force(Bytes::from_static(b": welcome\n\n"));
    if let Some(position) = begins {
        // A browser reconnects with the last id that it saw, so it needs an id before the first
        // event.
        stream.force(EventStream::position(position));
    }
    let activity = request.conn_data::<Activity>().cloned();
    let input = activity
        .clone()
        .map(|activity| -> Input { Box::pin(async move { activity.discard_input().await }) });
    joined.run(EventStream { stream, activity, input, probe: None, probes: 0 });
    Ok(response.body(body))
}

type Input = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// One client's stream.
struct EventStream {
    stream: Stream,
    /// Cuts a stalled connection, and detects a client that has left; the body can do neither.
    /// `None` under a server other than [`Server`](crate::Server).
    activity: Option<Activity>,
    /// Drops the client's input after its request, until the client ends its half of the
    /// connection.
    input: Option<Input>,
    /// Runs until the next probe, once the client has ended its half.
    probe: Option<Pin<Box<Sleep>>>,
    probes: usize,
}

impl EventStream {
    /// Probes a client that has ended its half of the connection: writes fail if it has left.
    fn probe(&mut self, cx: &mut Context<'_>) {
        let Some(activity) = &self.activity else { return };
        if self.probe.is_none() && activity.poll_end(cx).is_pending() {
            return;
        }
        while let Some(interval) = PROBES.get(self.probes.min(PROBES.len() - 1)) {
            if let Some(timer) = &mut self.probe {
                if timer.as_mut().poll(cx).is_pending() {
                    return;
                }
                self.probes += 1;
            }
            self.probe = Some(Box::pin(tokio::time::sleep(*interval)));
            self.stream.force(EventStream::heartbeat());
        }
    }
}

impl Wire for EventStream {
    const FRAMING: Framing = Framing::Stream;

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

    /// Does nothing: the body takes the frames, and `poll` watches it.
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
        // HTTP may still be writing bytes that it took earlier, such as a large event over a slow
        // link.
        let written = self.activity.as_ref().map(Activity::written);
        self.stream.blocked().map(|since| written.map_or(since, |written| since.max(written)))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        if let Some(input) = &mut self.input
            && let Poll::Ready(ended) = input.as_mut().poll(cx)
        {
            self.input = None;
            match (ended, &self.activity) {
                (Ok(()), Some(activity)) => activity.end(),
                (Ok(()), None) => {}
                // The connection is broken, or the client has sent too much.
                (Err(_), _) => return Poll::Ready(Ok(())),
            }
        }
        self.probe(cx);
        self.stream.poll_gone(cx).map(Ok)
    }

    fn close(&mut self, close: Close) {
        if close.drops_backlog() {
            self.stream.abandon();
        }
        self.stream.finish();
    }

    fn is_closing(&self) -> bool {
        self.stream.is_finished()
    }

    fn cut(&mut self) {
        self.stream.finish();
        if let Some(activity) = &self.activity {
            activity.cut();
        }
    }
}
