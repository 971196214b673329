//! A WebSocket whose socket was handed over: the session's actor reads and writes it without HTTP.
//!
//! actix-web's own WebSockets keep the connection's HTTP buffers, which cost 16 KB per socket. They
//! run the actor only when the socket takes bytes, so a blocked socket can be neither detected nor
//! closed.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::OpCode;
use actix_web::rt::net::TcpStream;
use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::time::Instant;

use super::inbox::{Inbox, MAX_MESSAGE, Said};
use super::{answer_to_close, close_frame, frames};
use crate::Bounds;
use crate::close::Close;
use crate::frame::{self, Framing};
use crate::outbox::{BATCH, Outbox};
use crate::presence::Listener;
use crate::transport::Held;
use crate::wire::Wire;

/// The size of one read, in bytes; clients send little.
const READ: usize = 2048;

/// The most reads in a row before other sockets run.
const READS: usize = 16;

/// The kernel's send buffer per socket, in bytes. The kernel doubles it. Without a cap, it holds
/// megabytes for a client that does not read.
const SEND_BUFFER: usize = 64 * 1024;

/// One client's WebSocket, whose socket the session owns.
pub(super) struct Owned {
    stream: TcpStream,
    inbox: Inbox,
    listener: Option<Listener>,
    outbox: Outbox,
    /// The newest answer, if the outbox had no room for it.
    owed: Option<Box<Bytes>>,
    heard: Instant,
    blocked: Option<Instant>,
    /// True if the close frame is in the outbox or was sent.
    closing: bool,
    /// True if the close frame was sent and the write side is shut down.
    finished: bool,
    _held: Held,
}

impl Owned {
    /// Takes over an upgraded connection, with the bytes that were read after its request.
    pub(super) fn new(
        stream: TcpStream,
        held: Held,
        read: BytesMut,
        frames_per_second: u32,
        listener: Option<Listener>,
    ) -> Owned {
        if let Err(error) = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER) {
            log::debug!("a socket's send buffer cannot be capped: {error}");
        }
        let now = Instant::now();
        Owned {
            stream,
            inbox: Inbox::new(&read, frames_per_second, now.into_std()).heard(listener.is_some()),
            listener,
            outbox: Outbox::default(),
            owed: None,
            heard: now,
            blocked: None,
            closing: false,
            finished: false,
            _held: held,
        }
    }

    /// Reads input and answers it; `Ready` when the connection is over.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        for _ in 0..READS {
            if self.take_in()? {
                return Poll::Ready(Ok(()));
            }
            match self.stream.poll_read_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return over(&error),
            }
            self.inbox.bytes().reserve(READ);
            match self.stream.try_read_buf(self.inbox.bytes()) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return over(&error),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Handles the buffered input; true when the client has answered a close.
    fn take_in(&mut self) -> Result<bool, Close> {
        let now = Instant::now();
        loop {
            let said = self.inbox.next(now.into_std())?;
            if self.inbox.ended() {
                self.heard = now;
            }
            let Some(said) = said else { return Ok(false) };
            match said {
                Said::Ping(payload) => self.answer(OpCode::Pong, &payload),
                Said::TextPing => self.answer(OpCode::Text, b"pong"),
                Said::Text(text) => {
                    if let Some(listener) = &self.listener {
                        listener.hear(&text);
                    }
                }
                // The client's answer to our close frame.
                Said::Close(_) if self.closing => return Ok(true),
                Said::Close(reason) => {
                    self.closing = true;
                    // Nothing may follow a close frame.
                    self.inbox.deafen();
                    self.outbox.force(answer_to_close(reason));
                }
            }
        }
    }

    /// Queues an answer to a client's frame. If the outbox is full, keeps only the newest answer
    /// until the outbox is empty, so that answers do not pile up.
    fn answer(&mut self, opcode: OpCode, payload: &[u8]) {
        const ANSWERS: Bounds = Bounds { messages: 64, bytes: MAX_MESSAGE };
        let answer = frame::message(opcode, payload);
        if self.closing || self.outbox.push(&answer, &ANSWERS) {
            return;
        }
        self.relieve();
        if !self.outbox.push(&answer, &ANSWERS) {
            self.owed = Some(Box::new(answer));
        }
    }

    /// Writes the backlog without waiting, several frames per call. False if the socket takes no
    /// more.
    fn try_write(&mut self) -> io::Result<bool> {
        loop {
            if self.outbox.is_empty() {
                match self.owed.take().filter(|_| !self.closing) {
                    Some(owed) => self.outbox.force(*owed),
                    None => return Ok(true),
                }
            }
            let mut slices = [IoSlice::new(&[]); BATCH];
            let filled = self.outbox.slices(&mut slices);
            let socket = SockRef::from(&self.stream);
            // Calls `send` directly, because `write` costs a tenth more.
            let write = || match &slices[..filled] {
                [one] => socket.send(one),
                several => socket.send_vectored(several),
            };
            match self.stream.try_io(Interest::WRITABLE, write) {
                Ok(written) => {
                    self.outbox.advance(written);
                    self.blocked = None;
                    if !self.outbox.is_empty() {
                        // The client reads its backlog, so it may not have reached a ping yet.
                        self.heard = Instant::now();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes the backlog.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.try_write()? {
            if self.stream.poll_write_ready(cx)?.is_pending() {
                self.blocked.get_or_insert_with(Instant::now);
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Wire for Owned {
    frames!();

    fn push(&mut self, frame: &Bytes, bounds: &Bounds) -> bool {
        self.closing || self.outbox.push(frame, bounds)
    }

    fn force(&mut self, frame: Bytes) {
        if !self.closing {
            self.outbox.force(frame);
        }
    }

    fn relieve(&mut self) -> bool {
        self.try_write().unwrap_or_else(|error| {
            // The next poll gets the same error and ends the session.
            log::debug!("a socket cannot be written: {error}");
            false
        })
    }

    fn is_drained(&self) -> bool {
        self.outbox.is_empty()
    }

    fn heard(&self) -> Option<Instant> {
        Some(self.heard)
    }

    fn blocked(&self) -> Option<Instant> {
        self.blocked
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        if let Poll::Ready(end) = self.read(cx) {
            return Poll::Ready(end);
        }
        match self.write(cx) {
            Poll::Ready(Err(error)) => return over(&error),
            Poll::Ready(Ok(())) if self.closing && !self.finished => {
                self.finished = true;
                // Only the write side: the client must be able to read the close frame.
                if let Err(error) = SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write)
                {
                    return over(&error);
                }
            }
            _ => {}
        }
        Poll::Pending
    }

    fn close(&mut self, close: Close) {
        if std::mem::replace(&mut self.closing, true) {
            return;
        }
        if close.drops_backlog() {
            self.outbox.abandon();
        }
        if close.is_fault() {
            // Input is still read: unread input causes a reset, which can overtake the close frame.
            self.inbox.deafen();
        }
        self.outbox.force(close_frame(close));
    }

    fn is_closing(&self) -> bool {
        self.closing
    }

    fn cut(&mut self) {
        // Drops the kernel's send buffer too.
        if let Err(error) = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)) {
            log::debug!("a socket cannot be reset: {error}");
        }
    }
}

/// Ends the session of a failed connection.
fn over(error: &io::Error) -> Poll<Result<(), Close>> {
    log::debug!("a socket ended: {error}");
    Poll::Ready(Ok(()))
}
