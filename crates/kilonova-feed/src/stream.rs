//! The queue between a session and the body of an HTTP response: waiting frames and wakers. The
//! body takes frames as fast as its connection does. Serves event streams, and WebSockets under a
//! server that does not hand sockets over.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use tokio::time::Instant;

use crate::Bounds;
use crate::outbox::Outbox;

/// The most bytes that HTTP takes at once. HTTP copies them, so without this limit the session
/// would believe that a large frame had gone out.
const PART: usize = 16 * 1024;

#[derive(Default)]
struct Shared {
    outbox: Outbox,
    /// The last time at which the body took a frame or the queue was empty.
    moved: Option<Instant>,
    /// True if the session adds no more frames.
    finished: bool,
    /// True if the body was dropped: the client has left.
    gone: bool,
    session: Option<Waker>,
    body: Option<Waker>,
}

/// The session's side; dropping it ends the body.
pub(crate) struct Stream {
    shared: Rc<RefCell<Shared>>,
}

impl Stream {
    /// A stream and its body.
    pub(crate) fn new() -> (Stream, Body) {
        let shared = Rc::new(RefCell::new(Shared::default()));
        (Stream { shared: Rc::clone(&shared) }, Body { shared })
    }

    /// Changes the shared state and wakes the body.
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

    #[must_use = "a frame without room is lost; close its reader"]
    pub(crate) fn push(&self, frame: &Bytes, bounds: &Bounds) -> bool {
        self.change(|shared| shared.outbox.push(frame, bounds))
    }

    pub(crate) fn force(&self, frame: Bytes) {
        self.change(|shared| shared.outbox.force(frame));
    }

    /// Drops the waiting frames.
    pub(crate) fn abandon(&self) {
        self.change(|shared| shared.outbox.abandon());
    }

    /// Ends the body after it has taken all waiting frames.
    pub(crate) fn finish(&self) {
        self.change(|shared| shared.finished = true);
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.shared.borrow().finished
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.shared.borrow().outbox.is_empty()
    }

    /// The time since which the body has taken none of the waiting frames.
    pub(crate) fn blocked(&self) -> Option<Instant> {
        let shared = self.shared.borrow();
        shared.moved.filter(|_| !shared.outbox.is_empty())
    }

    /// `Ready` when the body was dropped. Otherwise registers the session to be woken when it is
    /// dropped, or has taken all frames.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut shared = self.shared.borrow_mut();
        if shared.gone {
            return Poll::Ready(());
        }
        match &mut shared.session {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The response's body: yields frames, large ones in parts, until the session ends.
pub(crate) struct Body {
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
        let part = shared.outbox.take(PART);
        shared.moved = Some(Instant::now());
        if shared.outbox.is_empty()
            && let Some(session) = shared.session.take()
        {
            session.wake();
        }
        match part {
            Some(part) => Poll::Ready(Some(Ok(part))),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    const BOUNDS: Bounds = Bounds { messages: 2, bytes: 100 };

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Woken>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn take(&self) -> bool {
            self.0.swap(0, Ordering::Relaxed) > 0
        }
    }

    fn next(body: &mut Body, woken: &Arc<Woken>) -> Poll<Option<Bytes>> {
        let waker = Waker::from(Arc::clone(woken));
        let next = Pin::new(body).poll_next(&mut Context::from_waker(&waker));
        next.map(|frame| frame.map(|frame| frame.expect("it cannot fail")))
    }

    fn gone(stream: &Stream, woken: &Arc<Woken>) -> bool {
        let waker = Waker::from(Arc::clone(woken));
        stream.poll_gone(&mut Context::from_waker(&waker)).is_ready()
    }

    fn frame(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn frames_come_out_in_order_and_the_body_ends_after_the_last() {
        let (stream, mut body) = Stream::new();
        let woken = Arc::default();
        assert_eq!(next(&mut body, &woken), Poll::Pending);
        assert!(stream.push(&frame("one"), &BOUNDS));
        assert!(woken.take(), "the body has something to take");
        stream.force(frame("two"));
        stream.finish();
        assert_eq!(next(&mut body, &woken), Poll::Ready(Some(frame("one"))));
        assert_eq!(next(&mut body, &woken), Poll::Ready(Some(frame("two"))));
        assert_eq!(next(&mut body, &woken), Poll::Ready(None));
    }

    #[test]
    fn a_large_frame_comes_out_in_parts_and_waits_until_the_last() {
        let (stream, mut body) = Stream::new();
        let woken = Arc::default();
        let large = Bytes::from(vec![b'x'; 2 * PART + 1]);
        stream.force(large.clone());
        stream.force(frame("next"));
        let mut taken = Vec::new();
        for length in [PART, PART, 1] {
            assert!(!stream.is_drained());
            let Poll::Ready(Some(part)) = next(&mut body, &woken) else { panic!("no part") };
            assert_eq!(part.len(), length);
            taken.extend(part);
            // A frame that has begun goes out whole, even if the rest is dropped.
            stream.abandon();
        }
        assert_eq!(taken, large);
        assert_eq!(next(&mut body, &woken), Poll::Pending);
    }

    #[test]
    fn the_queue_is_bounded_and_taking_makes_room() {
        let (stream, mut body) = Stream::new();
        let woken = Arc::default();
        assert!(stream.push(&frame("one"), &BOUNDS) && stream.push(&frame("two"), &BOUNDS));
        assert!(!stream.push(&frame("three"), &BOUNDS));
        assert_eq!(next(&mut body, &woken), Poll::Ready(Some(frame("one"))));
        assert!(stream.push(&frame("three"), &BOUNDS));
        stream.abandon();
        assert_eq!(next(&mut body, &woken), Poll::Pending);
    }

    #[test]
    fn a_body_is_blocked_while_it_takes_no_waiting_frame() {
        let (stream, mut body) = Stream::new();
        let woken = Arc::default();
        assert_eq!(stream.blocked(), None);
        let before = Instant::now();
        stream.force(frame("one"));
        let since = stream.blocked().expect("something waits");
        assert!(since >= before);
        stream.force(frame("two"));
        assert_eq!(stream.blocked(), Some(since), "it has taken nothing since");
        assert!(next(&mut body, &woken).is_ready());
        assert!(stream.blocked().expect("something waits") >= since);
        assert!(next(&mut body, &woken).is_ready());
        assert_eq!(stream.blocked(), None);
        assert!(stream.is_drained());
    }

    #[test]
    fn the_session_is_woken_when_all_is_taken_and_when_the_body_is_gone() {
        let (stream, mut body) = Stream::new();
        let (woken, session) = (Arc::default(), Arc::default());
        stream.force(frame("one"));
        stream.force(frame("two"));
        assert!(!gone(&stream, &session));
        assert!(next(&mut body, &woken).is_ready());
        assert!(!session.take(), "something waits");
        assert!(next(&mut body, &woken).is_ready());
        assert!(session.take());
        assert!(!gone(&stream, &session));
        drop(body);
        assert!(session.take());
        assert!(gone(&stream, &session));
    }

    #[test]
    fn a_session_that_is_dropped_ends_the_body() {
        let (stream, mut body) = Stream::new();
        let woken = Arc::default();
        stream.force(frame("one"));
        drop(stream);
        assert_eq!(next(&mut body, &woken), Poll::Ready(Some(frame("one"))));
        assert_eq!(next(&mut body, &woken), Poll::Ready(None));
    }
}
