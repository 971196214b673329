//! The input of a WebSocket: bytes in, messages out. Owns the limits of both; leaves answers to the
//! two kinds of socket. Pure.

use std::time::Instant;

use actix_codec::Decoder;
use actix_http::ws::{CloseReason, Codec, Frame, Item, ProtocolError};
use bytes::{Buf, Bytes, BytesMut};

use crate::close::Close;
use crate::limits::Rate;
use crate::pieces::{Pieces, Whole};

/// The largest client message in bytes, in one frame or in fragments.
pub(crate) const MAX_MESSAGE: usize = 64 * 1024;

/// A message that needs an answer or goes to a listener. Other messages are read and dropped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A ping; the answer is a pong with its payload.
    Ping(Bytes),
    /// The text `ping`; the answer is the text `pong`.
    TextPing,
    /// A short text, if there is a listener.
    Text(String),
    /// A close frame, the last frame that a client sends.
    Close(Option<CloseReason>),
}

/// The longest frame that the codec gets whole. It would buffer a longer one until it is complete.
const WHOLE: u64 = 1024;

/// The parser of one client's input. It buffers no message that is neither answered nor passed to a
/// listener.
pub(super) struct Inbox {
    /// An incomplete frame; most of the time empty and without an allocation.
    bytes: BytesMut,
    codec: Codec,
    /// An incomplete message.
    pieces: Option<Box<Pieces>>,
    /// An incomplete long frame of that message.
    long: Option<Long>,
    rate: Rate,
    /// True if there is a listener for short texts.
    is_heard: bool,
    /// True if a frame has ended since the last call of `ended`.
    ended: bool,
    /// True if input is dropped unread.
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
            long: None,
            rate: Rate::new(frames_per_second, now),
            is_heard: false,
            ended: false,
            deaf: false,
        }
    }

    /// Sets whether there is a listener for short texts.
    pub(super) fn heard(self, is_heard: bool) -> Inbox {
        Inbox { is_heard, ..self }
    }

    /// The buffer for the next bytes.
    pub(super) fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// True if a frame has ended since the last call. Only complete frames are a sign of life: a
    /// client that sends a byte now and then is silent.
    pub(super) fn ended(&mut self) -> bool {
        std::mem::take(&mut self.ended)
    }

    /// Drops all later input.
    pub(super) fn deafen(&mut self) {
        self.deaf = true;
    }

    /// The next message that needs an answer or goes to a listener; `None` if more bytes are
    /// needed. An error ends the connection.
    pub(super) fn next(&mut self, now: Instant) -> Result<Option<Said>, Close> {
        if self.bytes.capacity() == 0 {
            return Ok(None);
        }
        while !self.bytes.is_empty() && !self.deaf {
            if self.long.is_some() {
                if let Some(said) = self.go_on()? {
                    return Ok(Some(said));
                }
                continue;
            }
            if announced(&self.bytes).is_some_and(|length| length > MAX_MESSAGE as u64) {
                return Err(Close::TooLarge);
            }
            if !is_shortest(&self.bytes) {
                return Err(Close::Protocol);
            }
            let decoded = match self.begin() {
                Some(mut empty) => decode(&mut self.codec, &mut empty),
                None => decode(&mut self.codec, &mut self.bytes),
            };
            let Some(frame) = decoded? else { return Ok(None) };
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

    /// Begins a long frame of a message, once its header is complete. Returns an empty fragment
    /// with the same opcode and mask, in which the codec can detect an invalid header.
    fn begin(&mut self) -> Option<BytesMut> {
        let (&first, &second) = (self.bytes.first()?, self.bytes.get(1)?);
        let length = announced(&self.bytes).filter(|length| *length > WHOLE)?;
        let head = if second & LENGTH == LONGEST { 10 } else { 4 };
        let mask = *self.bytes.get(head..)?.first_chunk::<4>()?;
        // The codec refuses control frames of this length.
        if first & OPCODE > LAST_OF_MESSAGES {
            return None;
        }
        let long = Long { mask, left: usize::try_from(length).ok()?, is_last: first & FIN != 0 };
        self.bytes.advance(head + mask.len());
        self.long = Some(long);
        Some(BytesMut::from_iter([first & !FIN, second & MASKED].into_iter().chain(mask)))
    }

    /// Takes the available bytes of a long frame.
    fn go_on(&mut self) -> Result<Option<Said>, Close> {
        let (Some(long), Some(pieces)) = (&mut self.long, &mut self.pieces) else {
            return Err(Close::Protocol);
        };
        let mut piece = self.bytes.split_to(self.bytes.len().min(long.left));
        for (byte, mask) in piece.iter_mut().zip(long.mask.into_iter().cycle()) {
            *byte ^= mask;
        }
        let turned = piece.len() % long.mask.len();
        long.mask.rotate_left(turned);
        long.left -= piece.len();
        pieces.add(&piece, MAX_MESSAGE)?;
        let is_last = match self.long.take_if(|long| long.left == 0) {
            Some(long) => long.is_last,
            None => false,
        };
        if !is_last {
            return Ok(None);
        }
        // An empty last fragment tells the codec that the message is complete.
        let mut empty = BytesMut::from(&[FIN, MASKED, 0, 0, 0, 0][..]);
        match decode(&mut self.codec, &mut empty)? {
            Some(frame) => self.take(frame),
            None => Ok(None),
        }
    }

    fn take(&mut self, frame: Frame) -> Result<Option<Said>, Close> {
        self.ended = true;
        match frame {
            Frame::Text(text) => {
                let mut message = Pieces::of_text(self.is_heard);
                message.add(&text, MAX_MESSAGE)?;
                said(message)
            }
            Frame::Ping(payload) => Ok(Some(Said::Ping(payload))),
            Frame::Continuation(item) => self.piece(item),
            Frame::Binary(_) | Frame::Pong(_) => Ok(None),
            Frame::Close(reason) => Ok(Some(Said::Close(reason))),
        }
    }

    fn piece(&mut self, item: Item) -> Result<Option<Said>, Close> {
        let (piece, last) = match item {
            Item::FirstText(piece) => {
                self.pieces = Some(Box::new(Pieces::of_text(self.is_heard)));
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
        pieces.add(&piece, MAX_MESSAGE)?;
        match self.pieces.take_if(|_| last) {
            Some(pieces) => said(*pieces),
            None => Ok(None),
        }
    }
}

fn said(message: Pieces) -> Result<Option<Said>, Close> {
    Ok(match message.end()? {
        Whole::Ping => Some(Said::TextPing),
        Whole::Text(text) => Some(Said::Text(text)),
        Whole::Ignored => None,
    })
}

fn decode(codec: &mut Codec, bytes: &mut BytesMut) -> Result<Option<Frame>, Close> {
    codec.decode(bytes).map_err(|error| match error {
        ProtocolError::Overflow => Close::TooLarge,
        error => {
            log::debug!("a client broke the protocol: {error}");
            Close::Protocol
        }
    })
}

/// The rest of a long frame.
struct Long {
    mask: [u8; 4],
    left: usize,
    is_last: bool,
}

// RFC 6455, section 5.2: the bits of a frame's first two bytes.
const FIN: u8 = 0x80;
const OPCODE: u8 = 0x0f;
/// The highest opcode of messages: continuation, text, binary.
const LAST_OF_MESSAGES: u8 = 2;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// The value that means that the length follows in eight bytes.
const LONGEST: u8 = 127;

/// The length in the header of the frame at the start of `bytes`; `None` if the header is
/// incomplete. The codec itself would buffer a frame of any size before it rejects it.
fn announced(bytes: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = bytes else { return None };
    match second & 0x7f {
        126 => rest.first_chunk().map(|length| u16::from_be_bytes(*length).into()),
        127 => rest.first_chunk().map(|length| u64::from_be_bytes(*length)),
        short => Some(short.into()),
    }
}

/// True if the frame's header encodes the length in the fewest bytes, as RFC 6455 (5.2) requires.
/// The codec accepts any encoding.
fn is_shortest(bytes: &[u8]) -> bool {
    let fewest = match bytes.get(1).map(|second| second & 0x7f) {
        Some(126) => 126,
        Some(127) => 1 << 16,
        _ => 0,
    };
    announced(bytes).is_none_or(|length| length >= fewest)
}

#[cfg(test)]
mod tests;
