//! The state of a connection, shared by the connection itself, its deadline, and the handlers of
//! its requests. Owns the decision that a connection's time is up.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::time::Instant;

use super::unread::{Budget, Unread};

/// The most bytes of unsent responses. Above it, the next request of the connection waits.
const UNFLUSHED: usize = 64 * 1024;

/// The most bytes that a client may send after the request of its event stream.
const BESIDE: usize = 1024 * 1024;

/// The approximate size of a response's head.
const HEAD: usize = 512;

/// The state of one connection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Activity(Rc<Inner>);

struct Inner {
    /// Requests whose handler or response is not finished.
    answering: Cell<u32>,
    /// Requests that have reached a handler.
    requests: Cell<u64>,
    /// The time of the first read since the last write; `None` if there was none.
    unanswered: Cell<Option<Instant>>,
    /// The time of the last write, or of the connection's start.
    written: Cell<Instant>,
    /// True if the client sends nothing more.
    ended: Cell<bool>,
    /// The waker of a session that waits for the client to end its half.
    listening: RefCell<Option<Waker>>,
    /// True if the next write that has to wait must fail.
    cut: Cell<bool>,
    /// The waker of a write that waits for the client.
    waiting: RefCell<Option<Waker>>,
    /// The part of the current request's body that HTTP gets.
    body: Cell<Wanted>,
    /// The waker of a read that waits: for the end of a response, or for a handler to want a body.
    reading: RefCell<Option<Waker>>,
    /// True if more of the current request's body is to come.
    in_body: Cell<bool>,
    /// True if no request follows, as the response or its request has announced.
    is_last: Cell<bool>,
    /// The bytes of responses since everything was last flushed.
    unflushed: Cell<usize>,
    /// The waker of the next request, which waits for a flush.
    flushing: RefCell<Option<Waker>>,
    /// The socket, for an event stream that takes over reading.
    socket: RefCell<Weak<TcpStream>>,
    /// The bytes of request heads that HTTP keeps.
    unread: RefCell<Unread>,
}

/// The time limits of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Deadlines {
    /// From the first byte of a request to its last, unless a handler reads it.
    pub(crate) request: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
}

/// The part of a request's body that HTTP gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing: no handler waits for it.
    Nothing,
    /// This many bytes.
    Bytes(usize),
    /// All of it: no handler will read it, and HTTP drops it.
    Dropped,
    /// Nothing more: the body is complete.
    Complete,
}

/// The bytes of a body that HTTP gets each time a handler waits for more. HTTP keeps each piece of
/// a body separately, so a body in tiny pieces takes much more memory than its length.
const AT_A_TIME: usize = 16 * 1024;

/// A request that is being answered; dropped with its response.
pub(crate) struct Answering(Activity);

impl Drop for Answering {
    fn drop(&mut self) {
        let inner = &self.0.0;
        inner.answering.set(inner.answering.get() - 1);
        self.0.wake_reader();
    }
}

impl Activity {
    pub(super) fn new(budget: Budget) -> Activity {
        Activity(Rc::new(Inner {
            answering: Cell::new(0),
            requests: Cell::new(0),
            unanswered: Cell::new(None),
            written: Cell::new(Instant::now()),
            ended: Cell::new(false),
            listening: RefCell::new(None),
            cut: Cell::new(false),
            waiting: RefCell::new(None),
            body: Cell::new(Wanted::Nothing),
            in_body: Cell::new(false),
            is_last: Cell::new(false),
            reading: RefCell::new(None),
            unflushed: Cell::new(0),
            flushing: RefCell::new(None),
            socket: RefCell::new(Weak::new()),
            unread: RefCell::new(Unread::new(budget)),
        }))
    }

    /// Records that a request has reached a handler.
    pub(crate) fn answer(&self) -> Answering {
        self.0.answering.set(self.0.answering.get() + 1);
        self.0.requests.set(self.0.requests.get() + 1);
        Answering(self.clone())
    }

    /// Marks the current request as the last: nothing is read after its response is complete.
    pub(crate) fn set_last(&self) {
        self.0.is_last.set(true);
    }

    /// True if the current request is the last.
    pub(crate) fn is_last(&self) -> bool {
        self.0.is_last.get()
    }

    /// True if the last response is complete.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_last.get() && !self.is_answering()
    }

    /// The part of the current request's body that HTTP gets.
    pub(super) fn wanted(&self) -> Wanted {
        self.0.body.get()
    }

    /// Records what is still wanted after a read.
    pub(super) fn still_wants(&self, wanted: Wanted) {
        self.0.body.set(wanted);
    }

    /// Records whether more of a body is to come.
    pub(super) fn set_in_body(&self, in_body: bool) {
        self.0.in_body.set(in_body);
    }

    /// True while the current request's body is not complete.
    pub(crate) fn is_in_body(&self) -> bool {
        self.0.in_body.get() && self.0.body.get() != Wanted::Complete
    }

    /// Records what the body's reader wants, and wakes the connection to read it.
    pub(super) fn want(&self, wanted: Wanted) {
        self.0.body.set(wanted);
        self.wake_reader();
    }

    /// Records that a handler waits for more of a body. If a part of the last share is missing, the
    /// connection already waits for it; waking it again would keep its worker busy until that part
    /// arrives.
    pub(super) fn awaits_body(&self) {
        let was = self.0.body.replace(Wanted::Bytes(AT_A_TIME));
        if !matches!(was, Wanted::Bytes(1..)) {
            self.wake_reader();
        }
    }

    /// Wakes this task when there may be something to read.
    pub(super) fn wait_to_read(&self, cx: &Context<'_>) {
        self.0.reading.replace(Some(cx.waker().clone()));
    }

    fn wake_reader(&self) {
        if let Some(reading) = self.0.reading.take() {
            reading.wake();
        }
    }

    /// Records a response of this size. A client that pipelines requests without reading then has a
    /// few responses in memory, not thousands.
    pub(crate) fn responded(&self, bytes: usize) {
        let unflushed = self.0.unflushed.get().saturating_add(bytes).saturating_add(HEAD);
        self.0.unflushed.set(unflushed);
    }

    /// Records that everything has gone out.
    pub(super) fn flushed(&self) {
        self.0.unflushed.set(0);
        if let Some(next) = self.0.flushing.take() {
            next.wake();
        }
    }

    /// `Ready` when most of the earlier responses have gone out.
    pub(crate) fn poll_flushed(&self, cx: &Context<'_>) -> Poll<()> {
        if self.0.unflushed.get() <= UNFLUSHED {
            return Poll::Ready(());
        }
        self.0.flushing.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Sets the connection's socket.
    pub(super) fn set_socket(&self, socket: Weak<TcpStream>) {
        self.0.socket.replace(socket);
    }

    /// Reads and drops the client's input, until the client ends its half of the connection. Fails
    /// if the connection is broken or the client sends more than 1 MiB. HTTP stops reading at some
    /// point and would notice neither.
    pub(crate) async fn discard_input(&self) -> io::Result<()> {
        let Some(socket) = self.0.socket.borrow().upgrade() else { return Ok(()) };
        let (mut dropped, mut left) = ([0; 1024], BESIDE);
        loop {
            socket.readable().await?;
            match socket.try_read(&mut dropped) {
                Ok(0) => return Ok(()),
                Ok(read) if read > left => return Err(io::ErrorKind::InvalidData.into()),
                Ok(read) => left -= read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The number of requests that have reached a handler. While a request is being answered, this
    /// is its number.
    pub(super) fn requests(&self) -> u64 {
        self.0.requests.get()
    }

    /// The number of bytes of a head that may be read now; `Pending` while the budget of all
    /// connections is used up.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<usize> {
        self.0.unread.borrow_mut().poll_room(cx)
    }

    /// Records that bytes of a request's head have arrived.
    pub(super) fn received(&self, bytes: usize) {
        self.0.unread.borrow_mut().add(bytes);
    }

    /// Records that the request has its response, or that its connection has left HTTP.
    pub(super) fn answered(&self) {
        self.0.unread.borrow_mut().clear();
    }

    /// Records that HTTP got bytes.
    pub(super) fn read(&self) {
        if self.0.unanswered.get().is_none() {
            self.0.unanswered.set(Some(Instant::now()));
        }
    }

    /// Records that the client sends nothing more: it has left, or it only listens.
    pub(crate) fn end(&self) {
        self.0.ended.set(true);
        if let Some(listening) = self.0.listening.take() {
            listening.wake();
        }
    }

    /// Records that bytes have gone out.
    pub(super) fn wrote(&self) {
        self.0.unanswered.set(None);
        self.0.written.set(Instant::now());
        self.0.waiting.take();
        // The write made progress after all.
        self.0.cut.set(false);
        if self.0.answering.get() == 0 {
            self.wake_reader();
        }
    }

    /// Records that a write waits for the client. Fails if the connection must end.
    pub(super) fn waits(&self, cx: &Context<'_>) -> Result<(), Cut> {
        if self.0.cut.get() {
            return Err(Cut);
        }
        self.0.waiting.replace(Some(cx.waker().clone()));
        Ok(())
    }

    /// Ends the connection if a write is waiting for the client.
    pub(crate) fn cut(&self) {
        if let Some(waiting) = self.0.waiting.take() {
            self.0.cut.set(true);
            waiting.wake();
        }
    }

    /// The time of the last write that the client made room for.
    pub(crate) fn written(&self) -> Instant {
        self.0.written.get()
    }

    /// True while a request's handler runs or its response is being sent.
    pub(super) fn is_answering(&self) -> bool {
        self.0.answering.get() > 0
    }

    /// `Ready` when the client sends nothing more.
    pub(crate) fn poll_end(&self, cx: &Context<'_>) -> Poll<()> {
        if self.0.ended.get() {
            return Poll::Ready(());
        }
        match &mut *self.0.listening.borrow_mut() {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Waits until the connection's time is up. The time of handlers and of responses does not
    /// count, because they have separate limits.
    pub(crate) async fn expired(&self, deadlines: Deadlines) {
        loop {
            let now = Instant::now();
            let due = match self.0.unanswered.get() {
                _ if self.0.answering.get() > 0 => now + deadlines.request,
                Some(since) => since + deadlines.request,
                None => self.0.written.get() + deadlines.idle,
            };
            if due <= now {
                return;
            }
            // A request may begin in the meantime.
            tokio::time::sleep_until(due.min(now + deadlines.request)).await;
        }
    }
}

/// The error of a write on a connection that must end.
pub(super) struct Cut;
