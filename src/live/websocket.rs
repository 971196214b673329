//! The WebSocket: the bytes of one upgraded connection, read and written by the session's actor itself.
//!
//! actix-web's own way for sockets goes through the connection's request buffers, which cost 16 KB
//! for each, and runs the actor only when the socket takes bytes, so that a blocked one can be
//! neither noticed nor closed. Here the actor owns the socket: `server` hands it over after the 101.
//!
//! The only file that knows `actix-web-actors`, for the handshake.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_codec::Decoder;
use actix_http::ws::{Codec, Frame, Item, OpCode, Parser, ProtocolError};
use actix_web::rt::net::TcpStream;
use actix_web::{HttpRequest, HttpResponse};
use actix_web_actors::ws::{CloseReason, HandshakeError, handshake};
use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::time::Instant;

use super::close::Close;
use super::frame::{self, Shape};
use super::outbox::{BATCH, Bounds, Outbox};
use super::pieces::Pieces;
use super::session::Joined;
use super::wire::Wire;
use super::{Live, Subscription};
use crate::error::{AppError, AppResult};
use crate::limits::Rate;
use crate::pubsub::Envelope;
use crate::transport::{Held, Upgradable, Upgrade};

/// The largest message that a client may send, in bytes, as one frame or in pieces.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;

/// What is read of a socket at a time, in bytes; clients send little.
const READ: usize = 2048;

/// Reads in a row before other sockets get their turn.
const READS: usize = 16;

/// What the kernel may hold for one socket's reader, in bytes. It takes twice that for its own
/// bookkeeping, and without a cap megabytes for a reader that does not read.
const SEND_BUFFER: usize = 64 * 1024;

/// Answers a request with 101 and prepares the session, which has joined its channels by then:
/// whatever is committed after the client has its 101 arrives.
pub async fn open(
    request: &HttpRequest,
    live: &Arc<Live>,
    subscription: Subscription,
) -> AppResult<HttpResponse> {
    let mut response = handshake(request).map_err(|error| match error {
        HandshakeError::NoWebsocketUpgrade
        | HandshakeError::NoConnectionUpgrade
        | HandshakeError::GetMethodRequired => AppError::UpgradeRequired,
        other => AppError::BadRequest(format!("bad handshake: {other}")),
    })?;
    if !Upgradable::is(request) {
        return Err(AppError::BadRequest("bad handshake: a body, or an odd Upgrade".to_owned()));
    }
    let place = live.sockets.enter(request.peer_addr())?;
    let joined = Joined::join(live, subscription, place).await?;
    let frames_per_second = live.max_client_frames;
    let mut response = response.finish();
    response.extensions_mut().insert(Upgrade::new(move |stream, held, read| {
        joined.run(WebSocket::new(stream, held, read, frames_per_second));
    }));
    Ok(response)
}

/// One client's WebSocket.
pub(super) struct WebSocket {
    stream: TcpStream,
    /// A client's frame that is not all here yet; empty most of the time, without a buffer.
    inbox: BytesMut,
    codec: Codec,
    /// A message that comes in pieces.
    pieces: Option<Box<Pieces>>,
    rate: Rate,
    outbox: Outbox,
    /// The newest answer that found no room.
    owed: Option<Bytes>,
    heard: Instant,
    blocked: Option<Instant>,
    /// The last frame is in the outbox, or gone.
    closing: bool,
    /// What the client sends is read only so that a reset does not overtake the last frame.
    deaf: bool,
    /// The last frame is out, and the client has been told that nothing follows.
    finished: bool,
    _held: Held,
}

impl WebSocket {
    /// Takes over an upgraded connection, and what has been read of it already.
    fn new(stream: TcpStream, held: Held, read: BytesMut, frames_per_second: u32) -> WebSocket {
        if let Err(error) = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER) {
            log::debug!("a socket's buffer cannot be capped: {error}");
        }
        let now = Instant::now();
        WebSocket {
            stream,
            // Not the request's own buffer, which is large.
            inbox: BytesMut::from(&read[..]),
            codec: Codec::new().max_size(MAX_MESSAGE),
            pieces: None,
            rate: Rate::new(frames_per_second, now.into_std()),
            outbox: Outbox::default(),
            owed: None,
            heard: now,
            blocked: None,
            closing: false,
            deaf: false,
            finished: false,
            _held: held,
        }
    }

    /// Reads what has come and answers it.
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
            self.inbox.reserve(READ);
            match self.stream.try_read_buf(&mut self.inbox) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(_) => self.heard = Instant::now(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return over(&error),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Handles the whole frames that are here; true when the client has closed.
    fn take_in(&mut self) -> Result<bool, Close> {
        if self.inbox.capacity() == 0 {
            return Ok(false);
        }
        while !self.inbox.is_empty() {
            if self.deaf {
                self.inbox.clear();
                break;
            }
            if announced(&self.inbox).is_some_and(|length| length > MAX_MESSAGE as u64) {
                return Err(Close::TooLarge);
            }
            let frame = match self.codec.decode(&mut self.inbox) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(false),
                Err(ProtocolError::Overflow) => return Err(Close::TooLarge),
                Err(error) => {
                    log::debug!("a client breaks the protocol: {error}");
                    return Err(Close::Protocol);
                }
            };
            if !self.rate.admits(self.heard.into_std()) {
                return Err(Close::TooMany);
            }
            if self.handle(frame)? {
                return Ok(true);
            }
        }
        self.inbox = BytesMut::new();
        Ok(false)
    }

    /// Handles a frame; true when the connection is over with it.
    fn handle(&mut self, frame: Frame) -> Result<bool, Close> {
        match frame {
            Frame::Text(text) => self.text(&text)?,
            Frame::Ping(payload) => self.answer(OpCode::Pong, &payload),
            Frame::Continuation(item) => self.piece(item)?,
            Frame::Binary(_) | Frame::Pong(_) => {}
            // The answer to a close of ours.
            Frame::Close(_) if self.closing => return Ok(true),
            Frame::Close(reason) => {
                self.closing = true;
                // Nothing may follow it.
                self.deaf = true;
                self.outbox.force(close_frame(
                    reason.map(|reason| CloseReason { code: reason.code, description: None }),
                ));
            }
        }
        Ok(false)
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Close> {
        if std::str::from_utf8(text).is_err() {
            return Err(Close::NotText);
        }
        if text == b"ping" {
            self.answer(OpCode::Text, b"pong");
        }
        Ok(())
    }

    fn piece(&mut self, item: Item) -> Result<(), Close> {
        let (piece, last) = match item {
            Item::FirstText(piece) => {
                self.pieces = Some(Box::new(Pieces::of_text()));
                (piece, false)
            }
            Item::FirstBinary(piece) => {
                self.pieces = Some(Box::new(Pieces::of_binary()));
                (piece, false)
            }
            Item::Continue(piece) => (piece, false),
            Item::Last(piece) => (piece, true),
        };
        let Some(pieces) = &mut self.pieces else { return Err(Close::Protocol) };
        if !pieces.add(&piece, MAX_MESSAGE) {
            return Err(Close::TooLarge);
        }
        if last && let Some(text) = self.pieces.take().and_then(|pieces| pieces.into_text()) {
            self.text(&text)?;
        }
        Ok(())
    }

    /// Answers a client's frame, at once or, when too much waits for that, as soon as all of it is
    /// out: then only the newest answer, as many would pile up.
    fn answer(&mut self, opcode: OpCode, payload: &[u8]) {
        const ANSWERS: Bounds = Bounds { messages: 64, bytes: MAX_MESSAGE };
        let answer = frame::message(opcode, payload);
        if self.closing || self.outbox.push(&answer, &ANSWERS) {
            return;
        }
        self.relieve();
        if !self.outbox.push(&answer, &ANSWERS) {
            self.owed = Some(answer);
        }
    }

    /// Writes what waits, several frames at a time; how far that goes without waiting. False when
    /// the socket takes no more.
    fn try_write(&mut self) -> io::Result<bool> {
        loop {
            if self.outbox.is_empty() {
                match self.owed.take().filter(|_| !self.closing) {
                    Some(owed) => self.outbox.force(owed),
                    None => return Ok(true),
                }
            }
            let mut slices = [IoSlice::new(&[]); BATCH];
            let filled = self.outbox.slices(&mut slices);
            let socket = SockRef::from(&self.stream);
            // Straight to the socket's own calls: a file's cost a tenth more.
            let write = || match &slices[..filled] {
                [one] => socket.send(one),
                several => socket.send_vectored(several),
            };
            match self.stream.try_io(Interest::WRITABLE, write) {
                Ok(written) => {
                    self.outbox.advance(written);
                    self.blocked = None;
                    if !self.outbox.is_empty() {
                        // It works through a backlog, in which a ping may be still to come.
                        self.heard = Instant::now();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes what waits.
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

impl Wire for WebSocket {
    fn event(envelope: &Envelope, shape: Shape) -> Bytes {
        frame::encode(envelope, shape)
    }

    fn resync(position: i64) -> Bytes {
        frame::text(frame::control("resync", position).as_bytes())
    }

    fn position(position: i64) -> Bytes {
        frame::text(frame::control("position", position).as_bytes())
    }

    fn heartbeat() -> Bytes {
        Bytes::from_static(&[0x89, 0])
    }

    fn push(&mut self, frame: &Bytes, bounds: &Bounds) -> bool {
        self.closing || self.outbox.push(frame, bounds)
    }

    fn force(&mut self, frame: Bytes) {
        if !self.closing {
            self.outbox.force(frame);
        }
    }

    fn relieve(&mut self) {
        if let Err(error) = self.try_write() {
            // The next poll finds it as well, and ends.
            log::debug!("a socket takes nothing: {error}");
        }
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
                // Waits for the client's end, so that it reads the last frame.
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
        if close == Close::SlowConsumer {
            self.outbox.abandon();
        }
        self.deaf = close.is_fault();
        let reason =
            CloseReason { code: close.code(), description: Some(close.reason().to_owned()) };
        self.outbox.force(close_frame(Some(reason)));
    }

    fn is_closing(&self) -> bool {
        self.closing
    }

    fn cut(&mut self) {
        // What the kernel still holds for the client goes as well.
        if let Err(error) = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)) {
            log::debug!("a socket is not reset: {error}");
        }
    }
}

/// The connection has failed, which is one way to end it.
fn over(error: &io::Error) -> Poll<Result<(), Close>> {
    log::debug!("a socket ended: {error}");
    Poll::Ready(Ok(()))
}

fn close_frame(reason: Option<CloseReason>) -> Bytes {
    let mut frame = BytesMut::new();
    Parser::write_close(&mut frame, reason, false);
    frame.freeze()
}

/// The length that the frame at the start of `bytes` says it has, once its head is there. The codec
/// takes a frame in whole before it refuses it, however large it says that it is.
fn announced(bytes: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = bytes else { return None };
    match second & 0x7f {
        126 => rest.first_chunk().map(|length| u16::from_be_bytes(*length).into()),
        127 => rest.first_chunk().map(|length| u64::from_be_bytes(*length)),
        short => Some(short.into()),
    }
}
