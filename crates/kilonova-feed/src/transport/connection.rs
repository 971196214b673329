//! A client's TCP connection, with a timeout of its writes.
//!
//! While HTTP writes a response, it only waits for the socket: it cannot detect that the client has
//! stopped reading, and it cannot be interrupted. So the connection itself watches its writes.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use actix_web::rt::net::TcpStream;
use bytes::{Buf, BufMut, Bytes};
use socket2::SockRef;
use tokio::time::{Instant, Sleep};

use super::activity::Activity;
use super::upgrade_head::{Heads, UpgradeHead};
use super::{Budget, Held, refusal};

/// The requests of one connection that HTTP gets before the first of them has reached a handler. Each
/// takes several kilobytes there, and forty bytes here.
const PIPELINED: u64 = 4;

/// Bytes that are read and dropped after the last response.
const LINGER: usize = 16 * 1024 * 1024;

/// A connection whose writes have a timeout.
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
    upgrade: UpgradeHead,
    heads: Heads,
    /// The bytes that are still taken after the end of our half.
    lingers: Option<usize>,
    /// What HTTP does not get yet: further requests of a client that pipelines many, and what came
    /// behind the head of an upgrade request. HTTP would read that as another request if the upgrade
    /// has to wait for an earlier response.
    behind: Bytes,
}

impl Connection {
    /// Writes fail when the client takes nothing for `patience`; `None` means no timeout. Reads take
    /// from `unread`.
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
            upgrade: UpgradeHead::default(),
            heads: Heads::default(),
            lingers: None,
            behind: Bytes::new(),
        }
    }

    /// What happens on the connection.
    pub(crate) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// The socket, its place among the connections, and the bytes that HTTP has not got. `None` when
    /// an event stream has the socket.
    pub(crate) fn into_parts(self) -> Option<(TcpStream, Held, Bytes)> {
        self.activity.taken();
        Some((Rc::into_inner(self.stream)?, self.held, self.behind))
    }

    /// How much of these bytes, which follow those of the calls before, HTTP gets now.
    fn admit(&mut self, bytes: &[u8]) -> usize {
        let (mut admitted, requests) = (bytes.len(), self.activity.requests());
        let before = self.heads;
        if self.activity.is_body() {
            self.heads.set(requests);
        } else if let Some(end) = self.heads.find(bytes, requests + PIPELINED) {
            admitted = end;
            self.activity.hold_until(requests + PIPELINED / 2);
        }
        if let Some(head) = self.upgrade.find(&bytes[..admitted]) {
            admitted = head;
            self.activity.hold();
            // The rest is looked at again.
            self.heads = before;
            self.heads.find(&bytes[..admitted], u64::MAX);
        }
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
            log::debug!("a client took nothing for {patience:?}; cutting it");
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
        if self.activity.poll_released(cx).is_pending() {
            return Poll::Pending;
        }
        if !self.behind.is_empty() {
            let next = self.behind.slice(..self.behind.len().min(buffer.remaining()));
            let admitted = self.admit(&next);
            self.activity.read();
            buffer.put_slice(&self.behind.split_to(admitted));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let room = ready!(self.activity.poll_room(cx));
        match ready!(self.read(&mut (&mut *buffer).limit(room), cx))? {
            0 => self.activity.end(),
            _ => self.activity.received(&buffer.filled()[before..]),
        }
        let admitted = before + self.admit(&buffer.filled()[before..]);
        self.behind = Bytes::copy_from_slice(&buffer.filled()[admitted..]);
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
        // Written without a handler, so it is the parser's.
        if self.refusal.is_none() && self.activity.requests() == self.flushed {
            self.refusal = refusal::reworded(bytes);
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
            if self.flushed != self.activity.requests() {
                self.activity.answered();
            }
            self.flushed = self.activity.requests();
            // Nothing that HTTP has got is left: what has looked like more heads was not.
            let requests = self.flushed;
            self.heads.set(requests);
            self.activity.relax();
            if self.activity.take_had_body() {
                self.heads.forget();
            } else if self.heads.has_begun() {
                // It came with the head of a request that has its response by now.
                self.activity.read();
            }
        }
        // HTTP has written everything by then, and a socket has no buffer of its own.
        self.activity.flushed();
        Poll::Ready(Ok(()))
    }

    /// Ends this half, and takes what the client still sends until it ends the other: closing with
    /// unread input resets the connection, and the reset may overtake the response. HTTP gives it a
    /// second.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingers.is_none() {
            SockRef::from(&*self.stream).shutdown(Shutdown::Write)?;
        }
        let mut left = self.lingers.unwrap_or(LINGER);
        let mut dropped = [0; 4096];
        while left > 0 {
            self.lingers = Some(left);
            let read = self.read(&mut &mut dropped[..], cx);
            match ready!(read) {
                Ok(0) | Err(_) => break,
                Ok(count) => left = left.saturating_sub(count),
            }
        }
        Poll::Ready(Ok(()))
    }
}
