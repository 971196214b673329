//! Server-sent events: the wire of a session whose client only listens. Owns the framing and the
//! response's body, which takes the frames as fast as the connection does.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use tokio::time::Instant;

use super::close::Close;
use super::frame::{self, Shape};
use super::outbox::{Bounds, Outbox};
use super::session::Joined;
use super::wire::Wire;
use super::{Live, Subscription};
use crate::error::AppResult;
use crate::pubsub::Envelope;
use crate::transport::Stall;

/// Answers with an endless body and starts the session, which has joined its channels by then.
pub async fn open(
    request: &HttpRequest,
    live: &Arc<Live>,
    subscription: Subscription,
) -> AppResult<HttpResponse> {
    let place = live.sockets.enter(request.peer_addr())?;
    let joined = Joined::join(live, subscription, place).await?;
    let shared = Rc::new(RefCell::new(Shared::default()));
    // Sent at once, so that the client sees the stream open.
    shared.borrow_mut().outbox.force(Bytes::from_static(b": welcome\n\n"));
    let stall = request.conn_data::<Stall>().cloned().unwrap_or_default();
    joined.run(EventStream { shared: Rc::clone(&shared), stall });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Neither compression nor a proxy may hold frames back.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .body(Body { shared }))
}

/// What the session and the response's body share.
#[derive(Default)]
struct Shared {
    outbox: Outbox,
    /// When the body took a frame, or there was none to take.
    moved: Option<Instant>,
    /// The session adds no more.
    finished: bool,
    /// The body is gone, and with it the client.
    gone: bool,
    session: Option<Waker>,
    body: Option<Waker>,
}

/// One client's stream.
struct EventStream {
    shared: Rc<RefCell<Shared>>,
    /// Ends the connection when it takes nothing, which the body cannot notice.
    stall: Stall,
}

impl EventStream {
    /// Changes what is shared, and has the body look at it.
    fn change<T>(&self, change: impl FnOnce(&mut Shared) -> T) -> T {
        let mut shared = self.shared.borrow_mut();
        if shared.outbox.is_empty() {
            shared.moved = Some(Instant::now());
        }
        let changed = change(&mut shared);
        if let Some(body) = shared.body.take() {
            body.wake();
        }
        changed
    }
}

impl Wire for EventStream {
    fn event(envelope: &Envelope, shape: Shape) -> Bytes {
        frame::encode_sse(envelope, shape)
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
        self.change(|shared| shared.outbox.push(frame, bounds))
    }

    fn force(&mut self, frame: Bytes) {
        self.change(|shared| shared.outbox.force(frame));
    }

    /// The body takes the frames, not this.
    fn relieve(&mut self) {}

    fn is_drained(&self) -> bool {
        self.shared.borrow().outbox.is_empty()
    }

    fn heard(&self) -> Option<Instant> {
        None
    }

    fn blocked(&self) -> Option<Instant> {
        let shared = self.shared.borrow();
        shared.moved.filter(|_| !shared.outbox.is_empty())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        let mut shared = self.shared.borrow_mut();
        if shared.gone {
            return Poll::Ready(Ok(()));
        }
        match &mut shared.session {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn close(&mut self, close: Close) {
        self.change(|shared| {
            if close == Close::SlowConsumer {
                shared.outbox.abandon();
            }
            shared.finished = true;
        });
    }

    fn is_closing(&self) -> bool {
        self.shared.borrow().finished
    }

    fn cut(&mut self) {
        self.change(|shared| shared.finished = true);
        self.stall.cut();
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.change(|shared| shared.finished = true);
    }
}

/// The response's body: frames as they come, until the session ends.
struct Body {
    shared: Rc<RefCell<Shared>>,
}

impl MessageBody for Body {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let mut shared = self.shared.borrow_mut();
        let frame = shared.outbox.pop();
        shared.moved = Some(Instant::now());
        if shared.outbox.is_empty()
            && let Some(session) = shared.session.take()
        {
            session.wake();
        }
        match frame {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None if shared.finished => Poll::Ready(None),
            None => {
                shared.body = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let mut shared = self.shared.borrow_mut();
        shared.gone = true;
        if let Some(session) = shared.session.take() {
            session.wake();
        }
    }
}
