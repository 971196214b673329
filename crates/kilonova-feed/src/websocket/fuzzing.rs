//! Fuzz targets for the input from a WebSocket's client: its handshake, and its frames split into
//! pieces.

use std::time::Instant;

use actix_web::http::header;

use super::inbox::{Inbox, MAX_MESSAGE, Said};
use super::{answer_to_close, checked};
use crate::close::Close;
use crate::fuzzing::request;
use crate::presence::TEXT_MAX;

/// The longest header of a client's frame, in bytes.
const LONGEST_HEAD: usize = 14;

/// A client's frames. The first byte is the length of a piece.
pub fn frames(bytes: &[u8]) {
    let Some((&size, sent)) = bytes.split_first() else { return };
    let (whole, end) = read(sent, sent.len().max(1));
    let (in_pieces, end_in_pieces) = read(sent, usize::from(size).max(1));
    assert_eq!(whole, in_pieces, "pieces of {size}");
    match (end, end_in_pieces) {
        // If a header has two faults, a piece may show only the second.
        (Some(Close::TooLarge), Some(Close::Protocol)) => {}
        _ => assert_eq!(end, end_in_pieces, "pieces of {size}"),
    }
}

/// The messages that a session gets until the client's close, and the reason to end it.
fn read(sent: &[u8], size: usize) -> (Vec<Said>, Option<Close>) {
    let now = Instant::now();
    let (mut inbox, mut all) = (Inbox::new(&[], 0, now).heard(true), Vec::new());
    for piece in sent.chunks(size) {
        inbox.bytes().extend_from_slice(piece);
        loop {
            match inbox.next(now) {
                Ok(Some(said)) => {
                    check(&said);
                    if matches!(said, Said::Close(_)) {
                        inbox.deafen();
                    }
                    all.push(said);
                }
                Ok(None) => break,
                Err(close) => return (all, Some(close)),
            }
        }
        assert!(inbox.bytes().len() < MAX_MESSAGE + LONGEST_HEAD, "too much is kept");
    }
    (all, None)
}

fn check(said: &Said) {
    match said {
        Said::Ping(payload) => assert!(payload.len() <= 125, "a long ping"),
        Said::TextPing => {}
        Said::Text(text) => assert!(text.len() <= TEXT_MAX, "a long text is kept"),
        Said::Close(reason) => {
            let answer = answer_to_close(reason.clone());
            let length = if reason.is_some() { 2 } else { 0 };
            assert_eq!(answer[..2], [0x88, length], "a wrong answer to {reason:?}");
            assert_eq!(answer.len(), 2 + usize::from(length));
        }
    }
}

/// A client's handshake: the target on the first line, then the headers.
pub fn handshake(bytes: &[u8]) {
    let request = request(bytes);
    let upgrade = |value: &header::HeaderValue| {
        value.to_str().is_ok_and(|text| text.to_lowercase().contains("websocket"))
    };
    if checked(&request).is_ok() {
        let headers = request.headers();
        assert!(headers.get_all(header::UPGRADE).any(upgrade), "no upgrade was asked for");
        assert_eq!(headers.get_all(header::SEC_WEBSOCKET_KEY).count(), 1);
        assert!(!headers.contains_key(header::TRANSFER_ENCODING));
    }
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn frames_mean_the_same_however_they_are_split() {
        let seeds: &[&[u8]] = &[
            // The text `ping` in two pieces, a ping, a close with its code.
            b"\x01\x01\x82\x01\x02\x03\x04\x71\x6b\x80\x82\0\0\0\0ng\x89\x81\0\0\0\0x",
            b"\x03\x81\x84\0\0\0\0ping\x88\x82\0\0\0\0\x03\xe8\x89\x80\0\0\0\0",
            b"\x07\x82\xfe\x00\x80\0\0\0\0",
            b"\x02\x81\xff\0\0\0\0\0\x01\0\x01\0\0\0\0",
            b"\x40\x81\xfe\x01\x00\0\0\0\0",
            b"\x88\x80\0\0\0\0",
            b"\x80\x81\0\0\0\0g",
            b"\x01\x80\0\0\0\0",
            b"\x8a\x80\0\0\0\0",
        ];
        drive("frames", frames, seeds);
    }

    #[test]
    fn a_handshake_follows_the_rfc_or_is_refused() {
        let seeds: &[&[u8]] = &[
            b"/feed\nUpgrade: websocket\nConnection: keep-alive, Upgrade\n\
              Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            b"\nContent-Length: 0",
            b"\nTransfer-Encoding: chunked",
            b"\nSec-WebSocket-Version: 8",
            b"\nSec-WebSocket-Key: ",
        ];
        drive("handshake", handshake, seeds);
    }
}
