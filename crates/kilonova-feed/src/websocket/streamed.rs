//! A WebSocket under a server that does not hand sockets over: reads the request's body and writes
//! the response's body.
//!
//! The socket keeps HTTP's buffers. If a client reads nothing, its session ends but cannot end the
//! connection: the server or the kernel must.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::ws::OpCode;
use actix_web::web::Payload;
use bytes::Bytes;
use futures_core::Stream as _;
use tokio::time::Instant;

use super::inbox::{Inbox, MAX_MESSAGE, Said};
use super::{answer_to_close, close_frame, frames};
use crate::Bounds;
use crate::close::Close;
use crate::frame::{self, Framing};
use crate::presence::Listener;
use crate::stream::{Body, Stream};
use crate::wire::Wire;

/// The most chunks read in a row before other sockets run.
const READS: usize = 16;

/// One client's WebSocket as two streams.
pub(super) struct Streamed {
    payload: Payload,
    inbox: Inbox,
    listener: Option<Listener>,
    stream: Stream,
    /// The newest answer, if the stream had no room for it.
    owed: Option<Bytes>,
    heard: Instant,
}

impl Streamed {
    /// A socket and the body of its response.
    pub(super) fn new(
        payload: Payload,
        frames_per_second: u32,
        listener: Option<Listener>,
    ) -> (Streamed, Body) {
        let heard = Instant::now();
        let inbox = Inbox::new(&[], frames_per_second, heard.into_std());
        let inbox = inbox.heard(listener.is_some());
        let (stream, body) = Stream::new();
        (Streamed { payload, inbox, listener, stream, owed: None, heard }, body)
    }

    /// Reads input and answers it; `Ready` when the connection is over.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        for _ in 0..READS {
            match Pin::new(&mut self.payload).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Err(error))) => {
                    log::debug!("a socket ended: {error}");
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Some(Ok(chunk))) => self.inbox.bytes().extend_from_slice(&chunk),
            }
            let now = Instant::now();
            loop {
                let said = self.inbox.next(now.into_std())?;
                if self.inbox.ended() {
                    self.heard = now;
                }
                let Some(said) = said else { break };
                match said {
                    Said::Ping(payload) => self.answer(OpCode::Pong, &payload),
                    Said::TextPing => self.answer(OpCode::Text, b"pong"),
                    Said::Text(text) => {
                        if let Some(listener) = &self.listener {
                            listener.hear(&text);
                        }
                    }
                    // The client's answer to our close frame.
                    Said::Close(_) if self.stream.is_finished() => return Poll::Ready(Ok(())),
                    Said::Close(reason) => {
                        // Nothing may follow a close frame.
                        self.inbox.deafen();
                        self.stream.force(answer_to_close(reason));
                        self.stream.finish();
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Queues an answer to a client's frame. If the stream is full, keeps only the newest answer
    /// until the stream is empty, so that answers do not pile up.
    fn answer(&mut self, opcode: OpCode, payload: &[u8]) {
        const ANSWERS: Bounds = Bounds { messages: 64, bytes: MAX_MESSAGE };
        let answer = frame::message(opcode, payload);
        if !self.stream.is_finished() && !self.stream.push(&answer, &ANSWERS) {
            self.owed = Some(answer);
        }
    }
}

impl Wire for Streamed {
    frames!();

    fn push(&mut self, frame: &Bytes, bounds: &Bounds) -> bool {
        self.stream.is_finished() || self.stream.push(frame, bounds)
    }

    fn force(&mut self, frame: Bytes) {
        if !self.stream.is_finished() {
            self.stream.force(frame);
        }
    }

    /// Does nothing: the body takes the frames, and `poll` watches it.
    fn relieve(&mut self) -> bool {
        false
    }

    fn is_drained(&self) -> bool {
        self.stream.is_drained()
    }

    fn heard(&self) -> Option<Instant> {
        Some(self.heard)
    }

    fn blocked(&self) -> Option<Instant> {
        self.stream.blocked()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        if self.stream.is_drained()
            && let Some(owed) = self.owed.take()
        {
            self.force(owed);
        }
        if self.stream.poll_gone(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.read(cx)
    }

    fn close(&mut self, close: Close) {
        if self.stream.is_finished() {
            return;
        }
        if close.drops_backlog() {
            self.stream.abandon();
        }
        if close.is_fault() {
            self.inbox.deafen();
        }
        self.stream.force(close_frame(close));
        self.stream.finish();
    }

    fn is_closing(&self) -> bool {
        self.stream.is_finished()
    }

    fn cut(&mut self) {
        self.stream.abandon();
        self.stream.finish();
    }
}
