//! A client's TCP connection, as HTTP sees it: one request at a time, and only as much of a body as
//! a handler wants.
//!
//! While HTTP writes a response, it only waits for the socket: it cannot detect that the client has
//! stopped reading, and it cannot be interrupted. So the connection itself watches its writes, and
//! how long it takes to close.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use actix_web::rt::net::TcpStream;
use bytes::{Buf, BufMut, Bytes};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::time::{Instant, Sleep};

use super::activity::{Activity, Wanted};
use super::framing::{Framing, Stage};
use super::{Budget, Held, refusal};

/// The bytes of a chunked body that HTTP gets at a time: HTTP keeps each chunk separately, and a
/// client may send chunks of one byte.
const OF_CHUNKS: usize = 4 * 1024;

/// The bytes of an unread body that HTTP drops before other connections run.
const DROPPED_AT_A_TIME: usize = 16 * 1024;

/// The bytes that are read ahead while a request is being answered, to detect that its client has
/// left.
const AHEAD: usize = 4 * 1024;

/// The interval between checks whether a client that waits for room has left.
const LOOK: Duration = Duration::from_secs(1);

/// The most bytes that are read and dropped after the last response.
const LINGER: usize = 16 * 1024 * 1024;

/// How long the client may take to end its half after the last response.
const LINGERING: Duration = Duration::from_secs(1);

/// A client's connection.
pub(crate) struct Connection {
    stream: Rc<TcpStream>,
    held: Held,
    patience: Option<Duration>,
    /// Runs while a write waits for the client.
    timer: Option<Pin<Box<Sleep>>>,
    activity: Activity,
    /// The value of `Activity::requests` when everything was last written.
    flushed: u64,
    /// The rest of a refusal that is being written.
    refusal: Option<Bytes>,
    framing: Framing,
    /// The number of heads that HTTP got.
    given: u64,
    /// True if something was written since the last head.
    wrote: bool,
    /// The bytes of a body that HTTP got to drop since other connections last ran.
    dropped: usize,
    /// Runs while a read waits for room.
    look: Option<Pin<Box<Sleep>>>,
    /// True if the client has ended its half.
    ended: bool,
    /// After the end of our half: the bytes that may still be read and dropped, and the timeout.
    lingers: Option<(usize, Pin<Box<Sleep>>)>,
    /// Bytes that HTTP does not get yet, such as those that follow the request being answered.
    behind: Bytes,
}

impl Connection {
    /// Writes fail when the client reads nothing for `patience`; `None` means no timeout. The bytes
    /// of heads count against the budget `unread`.
    pub(crate) fn new(
        stream: TcpStream,
        held: Held,
        patience: Option<Duration>,
        unread: Budget,
    ) -> Connection {
        let activity = Activity::new(unread);
        let stream = Rc::new(stream);
        activity.set_socket(Rc::downgrade(&stream));
        Connection {
            stream,
            held,
            patience,
            timer: None,
            activity,
            flushed: 0,
            refusal: None,
            framing: Framing::new(),
            given: 0,
            wrote: false,
            dropped: 0,
            look: None,
            ended: false,
            lingers: None,
            behind: Bytes::new(),
        }
    }

    /// The shared state of the connection.
    pub(crate) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// The socket, its place among the connections, and the bytes that HTTP did not get. `None`
    /// while an event stream uses the socket.
    pub(crate) fn into_parts(self) -> Option<(TcpStream, Held, Bytes)> {
        self.activity.answered();
        Some((Rc::into_inner(self.stream)?, self.held, self.behind))
    }

    /// True if HTTP may get another request: the last one has its response, or was refused without
    /// a handler.
    fn is_answered(&self) -> bool {
        !self.activity.is_answering() && (self.activity.requests() >= self.given || self.wrote)
    }

    /// Reads a little of the following input, once, to detect its end.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.behind.is_empty() && !self.ended {
            let mut ahead = [0; AHEAD];
            match ready!(self.read(&mut &mut ahead[..], cx))? {
                0 => self.end(),
                read => self.behind = Bytes::copy_from_slice(ahead.get(..read).unwrap_or_default()),
            }
        }
        self.activity.wait_to_read(cx);
        Poll::Pending
    }

    fn end(&mut self) {
        self.ended = true;
        self.activity.end();
    }

    /// The number of bytes that HTTP may get now. Fails if the client left while it waited.
    fn poll_allowed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.framing.stage() == Stage::Head {
            return self.poll_room(cx);
        }
        let most = if self.framing.is_chunked() { OF_CHUNKS } else { usize::MAX };
        match self.activity.wanted() {
            Wanted::Bytes(bytes @ 1..) => Poll::Ready(Ok(bytes.min(most))),
            Wanted::Dropped if self.dropped < DROPPED_AT_A_TIME => {
                Poll::Ready(Ok(DROPPED_AT_A_TIME - self.dropped))
            }
            Wanted::Dropped => {
                self.dropped = 0;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Wanted::Nothing | Wanted::Bytes(_) | Wanted::Complete => {
                self.activity.wait_to_read(cx);
                Poll::Pending
            }
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(room) = self.activity.poll_room(cx) {
            self.look = None;
            return Poll::Ready(Ok(room));
        }
        loop {
            if self.has_left() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let look = self.look.get_or_insert_with(|| Box::pin(tokio::time::sleep(LOOK)));
            ready!(look.as_mut().poll(cx));
            look.as_mut().reset(Instant::now() + LOOK);
        }
    }

    /// True if the client has ended its half, even if earlier input is still unread.
    fn has_left(&self) -> bool {
        let ready = pin!(self.stream.ready(Interest::READABLE));
        match ready.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(ready)) => ready.is_read_closed(),
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }

    /// Accounts for these bytes, and returns how many of them HTTP gets.
    fn admit(&mut self, bytes: &[u8]) -> usize {
        self.activity.read();
        let (stage, data) = (self.framing.stage(), self.framing.data());
        let admitted = self.framing.advance(bytes);
        match (stage, self.activity.wanted()) {
            (Stage::Head, _) => self.activity.received(admitted),
            (_, Wanted::Bytes(wanted)) => {
                let left = match self.framing.is_chunked() {
                    // Bytes around chunks wake no handler, so no handler would ask for more.
                    true if self.framing.data() == data => wanted,
                    // The rest of a share is not worth another read.
                    true => 0,
                    false => wanted - admitted.min(wanted),
                };
                self.activity.still_wants(Wanted::Bytes(left));
            }
            _ => self.dropped += admitted,
        }
        if stage == Stage::Head && self.framing.stage() != Stage::Head {
            self.given += 1;
            (self.wrote, self.dropped) = (false, 0);
            self.activity.still_wants(Wanted::Nothing);
        }
        self.activity.set_in_body(self.framing.stage() == Stage::Body);
        admitted
    }

    fn write(&self, bytes: &[u8], cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.write_with(|stream| stream.try_write(bytes), cx)
    }

    fn write_with(
        &self,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match write(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn read(&self, buffer: &mut impl BufMut, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }

    /// Returns the result of a write; while it waits, runs the timer and checks for a cut.
    fn watch<T>(
        &mut self,
        write: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.timer = None;
            self.wrote = true;
            self.activity.wrote();
            return write;
        }
        if self.activity.waits(cx).is_err() {
            return Poll::Ready(Err(self.reset()));
        }
        let Some(patience) = self.patience else { return Poll::Pending };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + patience)));
        if timer.as_mut().poll(cx).is_ready() {
            log::debug!("a client read nothing for {patience:?}; cutting it");
            return Poll::Ready(Err(self.reset()));
        }
        Poll::Pending
    }

    /// Writes the rest of a refusal.
    fn write_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(refusal) = &mut self.refusal {
            if refusal.is_empty() {
                self.refusal = None;
                break;
            }
            let rest = refusal.clone();
            let write = self.write(&rest, cx);
            if let (Poll::Ready(Ok(written)), Some(refusal)) = (&write, &mut self.refusal) {
                refusal.advance(*written);
            }
            ready!(self.watch(write, cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Drops the kernel's send buffer at close: the kernel would keep it long after the close.
    fn reset(&self) -> io::Error {
        if let Err(error) = SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO)) {
            log::debug!("a connection cannot be reset: {error}");
        }
        io::ErrorKind::TimedOut.into()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.activity.is_over() {
            // Without this, HTTP would wait for the rest of a chunked body, only to drop it.
            this.activity.end();
            return Poll::Ready(Ok(()));
        }
        if this.framing.stage() == Stage::Body && this.activity.wanted() == Wanted::Complete {
            this.framing.end();
        }
        if this.framing.stage() == Stage::Done {
            if !this.is_answered() {
                return this.poll_ahead(cx);
            }
            this.activity.answered();
            this.framing.next();
        }
        if this.framing.is_wasteful() || this.framing.is_malformed() {
            log::debug!("a client's chunks are tiny or its trailers are malformed; not reading on");
            this.activity.set_last();
            // To HTTP, the body has ended early: the handler gets an error and responds.
            return Poll::Ready(Ok(()));
        }
        let allowed = ready!(this.poll_allowed(cx))?.min(buffer.remaining());
        if !this.behind.is_empty() {
            let next = this.behind.slice(..this.behind.len().min(allowed));
            let admitted = this.admit(&next);
            buffer.put_slice(&this.behind.split_to(admitted));
            return Poll::Ready(Ok(()));
        }
        if this.framing.stage() == Stage::Body {
            // The response may be complete before the body.
            this.activity.wait_to_read(cx);
        }
        let before = buffer.filled().len();
        if ready!(this.read(&mut (&mut *buffer).limit(allowed), cx))? == 0 {
            this.end();
            return Poll::Ready(Ok(()));
        }
        let admitted = before + this.admit(&buffer.filled()[before..]);
        this.behind = Bytes::copy_from_slice(&buffer.filled()[admitted..]);
        buffer.set_filled(admitted);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // No handler wrote these bytes, so they come from the parser.
        if self.refusal.is_none() && self.activity.requests() == self.flushed {
            self.refusal = refusal::reworded(bytes, self.framing.has_long_target());
        }
        if self.refusal.is_some() {
            ready!(self.write_refusal(cx))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        let write = self.write(bytes, cx);
        self.watch(write, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = self.write_with(|stream| stream.try_write_vectored(slices), cx);
        self.watch(write, cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.activity.is_answering() {
            self.flushed = self.activity.requests();
            if self.framing.stage() == Stage::Done {
                self.activity.answered();
            }
        }
        // HTTP has written everything by now, and a socket has no user-space buffer to flush.
        self.activity.flushed();
        Poll::Ready(Ok(()))
    }

    /// Ends this half, then reads and drops input for up to a second, until the client ends the
    /// other half. Closing with unread input resets the connection, and the reset may overtake the
    /// response.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (mut left, mut timer) = match this.lingers.take() {
            Some(lingers) => lingers,
            None => {
                SockRef::from(&*this.stream).shutdown(Shutdown::Write)?;
                (LINGER, Box::pin(tokio::time::sleep(LINGERING)))
            }
        };
        let mut dropped = [0; 4096];
        while left > 0 {
            match this.read(&mut &mut dropped[..], cx) {
                Poll::Ready(Ok(0) | Err(_)) => break,
                Poll::Ready(Ok(count)) => left = left.saturating_sub(count),
                Poll::Pending if timer.as_mut().poll(cx).is_ready() => break,
                Poll::Pending => {
                    this.lingers = Some((left, timer));
                    return Poll::Pending;
                }
            }
        }
        this.lingers = Some((0, timer));
        Poll::Ready(Ok(()))
    }
}
