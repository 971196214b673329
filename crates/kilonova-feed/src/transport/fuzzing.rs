//! Fuzz targets below HTTP: requests split into pieces, and the budget for the bytes that HTTP
//! keeps of them.

use std::task::{Context, Poll, Waker};

use actix_codec::Decoder;
use actix_http::ServiceConfig;
use actix_http::h1::{Codec, Message, MessageType};
use bytes::BytesMut;

use super::framing::{Framing, Stage};
use super::unread::{Budget, Unread};

thread_local! {
    /// Its constructor starts a task for the date, so it needs a runtime.
    static CONFIG: Option<ServiceConfig> = actix_web::rt::Runtime::new()
        .map(|runtime| runtime.block_on(async { ServiceConfig::default() }))
        .ok();
}

/// Requests on one connection: they must end where HTTP's parser ends them. The first byte is the
/// length of a piece.
pub fn framing(bytes: &[u8]) {
    let Some((&size, sent)) = bytes.split_first() else { return };
    let parts = parts(sent, sent.len().max(1));
    assert_eq!(self::parts(sent, usize::from(size).max(1)), parts, "pieces of {size}");
    let mut codec = Codec::new(CONFIG.with(|config| config.clone().unwrap_or_default()));
    let mut at = 0;
    for (index, (stage, length)) in parts.iter().enumerate() {
        let part = &sent[at..at + length];
        at += length;
        // The last part may be incomplete.
        let is_whole = index + 1 < parts.len();
        match follow(&mut codec, *stage, part, is_whole) {
            Some(is_complete) if is_whole => {
                let has_body = parts[index + 1].0 == Stage::Body;
                assert!(is_complete || has_body, "a body is taken for a request");
                if is_complete && has_body {
                    return;
                }
            }
            _ => return,
        }
    }
}

/// The parts of requests and their lengths.
fn parts(sent: &[u8], size: usize) -> Vec<(Stage, usize)> {
    let (mut framing, mut parts) = (Framing::new(), Vec::<(Stage, usize)>::new());
    let mut is_new = true;
    for piece in sent.chunks(size) {
        let mut rest = piece;
        while !rest.is_empty() {
            if framing.stage() == Stage::Done {
                framing.next();
                is_new = true;
            }
            let stage = framing.stage();
            let used = framing.advance(rest);
            assert!(used > 0, "nothing is taken: {framing:?}");
            match parts.last_mut().filter(|(last, _)| *last == stage && !is_new) {
                Some((_, length)) => *length += used,
                None => parts.push((stage, used)),
            }
            if framing.is_malformed() {
                // HTTP gets nothing after it.
                return parts;
            }
            is_new = false;
            rest = &rest[used..];
        }
    }
    parts
}

/// Runs HTTP's parser on a part: true if the request is complete; `None` if the parser refuses it
/// or no request follows.
fn follow(codec: &mut Codec, stage: Stage, part: &[u8], is_whole: bool) -> Option<bool> {
    let mut rest = BytesMut::from(part);
    loop {
        match codec.decode(&mut rest).ok()? {
            Some(Message::Item(_)) => {
                assert_eq!(stage, Stage::Head, "a body has another request in it");
                assert!(rest.is_empty(), "HTTP gets what follows a head");
                match codec.message_type() {
                    MessageType::None => return Some(true),
                    MessageType::Payload => return Some(false),
                    MessageType::Stream => return None,
                }
            }
            Some(Message::Chunk(Some(_))) => {}
            Some(Message::Chunk(None)) => {
                assert!(rest.is_empty(), "HTTP gets what follows a body");
                return Some(true);
            }
            None => {
                assert!(!is_whole, "a part ends early");
                return None;
            }
        }
    }
}

/// The heads of two connections. Each step takes two bytes.
pub fn unread(bytes: &[u8]) {
    const SHARES: usize = 4;
    const SHARE: usize = 16 * 1024;
    let budget = Budget::new(SHARES * SHARE);
    let mut unread = [Unread::new(budget.clone()), Unread::new(budget.clone())];
    for step in bytes.chunks(2) {
        let &[what, how_much] = step else { break };
        let connection = &mut unread[usize::from(what & 1)];
        match what >> 1 {
            0 => connection.clear(),
            _ => {
                if let Some(room) = room(connection) {
                    connection.add(room.min(usize::from(how_much) * 256));
                }
            }
        }
        let held: usize = unread.iter().map(Unread::check).sum();
        assert!(held <= SHARES, "{held} shares of {SHARES}");
    }
    drop(unread);
    let mut last = Unread::new(budget);
    for _ in 0..=SHARES {
        assert_eq!(room(&mut last), Some(SHARE), "a share is lost");
        last.add(SHARE);
    }
    assert_eq!(room(&mut last), None, "a share is made");
}

fn room(unread: &mut Unread) -> Option<usize> {
    match unread.poll_room(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(room) => {
            assert!(room > 0, "a read of nothing looks like the client's end");
            Some(room)
        }
        Poll::Pending => None,
    }
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn requests_end_where_http_ends_them_however_they_are_split() {
        let seeds: &[&[u8]] = &[
            b"\x05GET / HTTP/1.1\r\nHost: a\r\n\r\n\
              GET /feed HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n\x81\x80",
            b"\x01GET / HTTP/1.1\nHost: a\nUpgrade: h2c\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\x40POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\n\n\n\n\
              GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\x03POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
              4;x=\"y\"\r\n\r\n\r\n\r\nA\r\n0123456789\r\n0\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
            b"\x03POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
              0\r\nT: t\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\r\nContent-Length: 3",
            b"\r\nTransfer-Encoding: identity, chunked",
            b"\r\n\r\n",
            b"\n",
            b"\r",
            b"0\r\n\r\n",
            b"\r\nA\r\n0123456789",
            b" ",
            b"\t",
        ];
        drive("framing", framing, seeds);
    }

    #[test]
    fn shares_of_the_budget_come_back() {
        let seeds: &[&[u8]] = &[
            b"\x02\xff\x02\xff\x03\xff\x03\xff\x02\xff\x00\x00",
            b"\x02\x40\x03\xff\x01\x00\x03\xff",
            b"\x02\xff",
            b"\x03\xff",
            b"\x00\x00",
        ];
        drive("unread", unread, seeds);
    }
}
