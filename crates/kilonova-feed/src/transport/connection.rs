//! A client's TCP connection, which ends when the client takes nothing for too long.
//!
//! What writes an answer waits for the socket and does nothing else meanwhile: it neither notices
//! that a client has stopped reading nor can be told. So the connection itself watches its writes.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use tokio::time::{Instant, Sleep};

use super::Held;

/// A connection whose writes must get on.
pub(crate) struct Connection {
    stream: TcpStream,
    held: Held,
    patience: Option<Duration>,
    /// Runs while the client takes nothing.
    timer: Option<Pin<Box<Sleep>>>,
    stall: Stall,
}

/// Lets a handler end its connection, which it cannot reach itself. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Stall(Rc<Inner>);

#[derive(Default)]
struct Inner {
    cut: Cell<bool>,
    /// Who waits for the client to take something.
    waiting: RefCell<Option<Waker>>,
}

impl Stall {
    /// Ends the connection if the client takes nothing at the moment.
    pub(crate) fn cut(&self) {
        if let Some(waiting) = self.0.waiting.take() {
            self.0.cut.set(true);
            waiting.wake();
        }
    }
}

impl Connection {
    /// Ends with an error when the client takes nothing for as long as `patience`.
    pub(crate) fn new(stream: TcpStream, held: Held, patience: Option<Duration>) -> Connection {
        Connection { stream, held, patience, timer: None, stall: Stall::default() }
    }

    /// What ends it from outside.
    pub(crate) fn stall(&self) -> Stall {
        self.stall.clone()
    }

    /// The socket itself, and its place, which it keeps.
    pub(crate) fn into_parts(self) -> (TcpStream, Held) {
        (self.stream, self.held)
    }

    /// Lets a write through when it got on, and watches the time while it does not.
    fn watch<T>(
        &mut self,
        write: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.timer = None;
            self.stall.0.waiting.take();
            // It got on after all.
            self.stall.0.cut.set(false);
            return write;
        }
        if self.stall.0.cut.get() {
            return Poll::Ready(Err(self.reset()));
        }
        self.stall.0.waiting.replace(Some(cx.waker().clone()));
        let Some(patience) = self.patience else { return Poll::Pending };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + patience)));
        if timer.as_mut().poll(cx).is_ready() {
            log::debug!("a client took nothing for {patience:?}: cut");
            return Poll::Ready(Err(self.reset()));
        }
        Poll::Pending
    }

    /// Gives up what the kernel still holds for the client: it would keep it long after the end.
    fn reset(&self) -> io::Error {
        if let Err(error) = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)) {
            log::debug!("a connection is not reset: {error}");
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
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(write, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(write, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
