//! A client's TCP connection, with a timeout of its writes.
//!
//! While HTTP writes a response, it only waits for the socket: it cannot detect that the client has
//! stopped reading, and it cannot be interrupted. So the connection itself watches its writes.

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

/// A connection whose writes have a timeout.
pub(crate) struct Connection {
    stream: TcpStream,
    held: Held,
    patience: Option<Duration>,
    /// Runs while a write waits for the client.
    timer: Option<Pin<Box<Sleep>>>,
    stall: Stall,
}

/// Lets a handler end its connection, which it cannot access directly. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Stall(Rc<Inner>);

#[derive(Default)]
struct Inner {
    cut: Cell<bool>,
    /// The waker of a write that waits for the client.
    waiting: RefCell<Option<Waker>>,
}

impl Stall {
    /// Ends the connection if a write is waiting for the client.
    pub(crate) fn cut(&self) {
        if let Some(waiting) = self.0.waiting.take() {
            self.0.cut.set(true);
            waiting.wake();
        }
    }
}

impl Connection {
    /// Writes fail when the client takes nothing for `patience`; `None` means no timeout.
    pub(crate) fn new(stream: TcpStream, held: Held, patience: Option<Duration>) -> Connection {
        Connection { stream, held, patience, timer: None, stall: Stall::default() }
    }

    /// The handle that ends the connection from outside.
    pub(crate) fn stall(&self) -> Stall {
        self.stall.clone()
    }

    /// The socket, and its place among the connections.
    pub(crate) fn into_parts(self) -> (TcpStream, Held) {
        (self.stream, self.held)
    }

    /// Returns the result of a write; while it waits, runs the timer and checks for a cut.
    fn watch<T>(
        &mut self,
        write: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.timer = None;
            self.stall.0.waiting.take();
            // The write made progress after all.
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
            log::debug!("a client took nothing for {patience:?}; cutting it");
            return Poll::Ready(Err(self.reset()));
        }
        Poll::Pending
    }

    /// Drops the kernel's send buffer at close: the kernel would keep it long after the close.
    fn reset(&self) -> io::Error {
        if let Err(error) = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)) {
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
