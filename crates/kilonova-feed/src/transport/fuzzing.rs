//! Fuzz targets below HTTP: requests in whatever pieces they come, and the budget of bytes that no
//! handler has taken.

use std::task::{Context, Poll, Waker};

use super::framing::{Framing, Stage};
use super::unread::{Budget, Unread};

/// What a client sends. The first byte is the length of a piece.
pub fn framing(bytes: &[u8]) {
    let Some((&size, sent)) = bytes.split_first() else { return };
    let whole = ends(sent, sent.len().max(1));
    assert_eq!(whole, ends(sent, usize::from(size).max(1)), "in pieces of {size}");
    let mut before = 0;
    for (stage, end) in whole {
        assert!(end > before || (stage == Stage::Done && end == before));
        // A head ends at an empty line.
        let part = &sent[before..end];
        if stage == Stage::Head && end < sent.len() {
            assert!(part.ends_with(b"\n\n") || part.ends_with(b"\n\r\n"), "a head goes on");
        }
        before = end;
    }
}

/// Where each part of what a client sends ends; a part that goes on ends with the last byte.
fn ends(sent: &[u8], size: usize) -> Vec<(Stage, usize)> {
    let (mut framing, mut at, mut ends) = (Framing::new(), 0, Vec::<(Stage, usize)>::new());
    while at < sent.len() {
        if framing.stage() == Stage::Done {
            ends.push((Stage::Done, at));
            framing.next();
        }
        let stage = framing.stage();
        let used = framing.advance(&sent[at..sent.len().min(at + size)]);
        assert!(used > 0, "no progress at {at}");
        at += used;
        match ends.last_mut() {
            Some((last, end)) if *last == stage => *end = at,
            _ => ends.push((stage, at)),
        }
    }
    ends
}

/// A client's bytes and how responses free them, two bytes for each step.
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
                    connection.add((usize::from(how_much) * 64).min(room));
                }
            }
        }
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
    fn requests_end_in_the_same_places_in_whatever_pieces_they_come() {
        let seeds: &[&[u8]] = &[
            b"\x05GET / HTTP/1.1\r\nHost: a\r\n\r\n\
              GET /feed HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x80",
            b"\x01GET / HTTP/1.1\nUpgrade: h2c\n\nGET / HTTP/1.1\r\n\r\n",
            b"\x40POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\n\n\n\nGET / HTTP/1.1\r\n\r\n",
            b"\x03POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\nGET",
            b"\r\nContent-Length: ",
            b"\r\n0\r\n\r\n",
            b"\r\n\r\n",
            b"\n",
            b"\r",
        ];
        drive("framing", framing, seeds);
    }

    #[test]
    fn shares_of_the_budget_come_back() {
        let seeds: &[&[u8]] =
            &[b"\x08\xff\x08\xff\x09\xff\x09\xff\x08\xff\x00\x40\x02\x00", b"\x08\xff", b"\x01\0"];
        drive("unread", unread, seeds);
    }
}
