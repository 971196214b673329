//! The input of a WebSocket: bytes in, messages out. Owns the limits of both; leaves answers to the
//! two kinds of socket. Pure.

use std::time::Instant;

use actix_codec::Decoder;
use actix_http::ws::{CloseReason, Codec, Frame, Item, ProtocolError};
use bytes::{Bytes, BytesMut};

use crate::close::Close;
use crate::limits::Rate;
use crate::pieces::Pieces;

/// The largest message of a client in bytes, as one frame or in fragments.
pub(crate) const MAX_MESSAGE: usize = 64 * 1024;

/// A message that needs an answer. Other messages are read and dropped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A ping; the answer is a pong with its payload.
    Ping(Bytes),
    /// The text `ping`; the answer is the text `pong`.
    TextPing,
    /// A close frame, the last frame that a client sends.
    Close(Option<CloseReason>),
}

/// The parser of one client's input.
pub(super) struct Inbox {
    /// An incomplete frame; most of the time empty and without an allocation.
    bytes: BytesMut,
    codec: Codec,
    /// A message of which some fragments are missing.
    pieces: Option<Box<Pieces>>,
    rate: Rate,
    /// Input is dropped unread.
    deaf: bool,
}

impl Inbox {
    /// Starts with bytes that were read with the request.
    pub(super) fn new(read: &[u8], frames_per_second: u32, now: Instant) -> Inbox {
        Inbox {
            // A copy, since the request's own buffer is large.
            bytes: BytesMut::from(read),
            codec: Codec::new().max_size(MAX_MESSAGE),
            pieces: None,
            rate: Rate::new(frames_per_second, now),
            deaf: false,
        }
    }

    /// The buffer for the next bytes.
    pub(super) fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Drops all later input.
    pub(super) fn deafen(&mut self) {
        self.deaf = true;
    }

    /// The next message that needs an answer; `None` if more bytes are needed. `now` is the time of
    /// the last bytes. An error ends the connection.
    pub(super) fn next(&mut self, now: Instant) -> Result<Option<Said>, Close> {
        if self.bytes.capacity() == 0 {
            return Ok(None);
        }
        while !self.bytes.is_empty() && !self.deaf {
            if announced(&self.bytes).is_some_and(|length| length > MAX_MESSAGE as u64) {
                return Err(Close::TooLarge);
            }
            let frame = match self.codec.decode(&mut self.bytes) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(None),
                Err(ProtocolError::Overflow) => return Err(Close::TooLarge),
                Err(error) => {
                    log::debug!("a client broke the protocol: {error}");
                    return Err(Close::Protocol);
                }
            };
            if !self.rate.admits(now) {
                return Err(Close::TooMany);
            }
            if let Some(said) = self.take(frame)? {
                return Ok(Some(said));
            }
        }
        self.bytes = BytesMut::new();
        Ok(None)
    }

    fn take(&mut self, frame: Frame) -> Result<Option<Said>, Close> {
        match frame {
            Frame::Text(text) => said(&text),
            Frame::Ping(payload) => Ok(Some(Said::Ping(payload))),
            Frame::Continuation(item) => self.piece(item),
            Frame::Binary(_) | Frame::Pong(_) => Ok(None),
            Frame::Close(reason) => Ok(Some(Said::Close(reason))),
        }
    }

    fn piece(&mut self, item: Item) -> Result<Option<Said>, Close> {
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
            return said(&text);
        }
        Ok(None)
    }
}

fn said(text: &[u8]) -> Result<Option<Said>, Close> {
    if std::str::from_utf8(text).is_err() {
        return Err(Close::NotText);
    }
    Ok((text == b"ping").then_some(Said::TextPing))
}

/// The length in the head of the frame at the start of `bytes`; `None` if the head is incomplete.
/// The codec itself would buffer a frame of any size before it rejects it.
fn announced(bytes: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = bytes else { return None };
    match second & 0x7f {
        126 => rest.first_chunk().map(|length| u16::from_be_bytes(*length).into()),
        127 => rest.first_chunk().map(|length| u64::from_be_bytes(*length)),
        short => Some(short.into()),
    }
}

#[cfg(test)]
mod tests;
