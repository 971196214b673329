//! Fuzz targets below HTTP: heads of requests in whatever pieces they come, and the budget of bytes
//! that no handler has taken.

use std::task::{Context, Poll, Waker};

use super::unread::{Budget, Unread};
use super::upgrade_head::{Heads, UpgradeHead};

/// Heads of requests, of which some ask for an upgrade. The first byte is the length of a piece.
pub fn heads(bytes: &[u8]) {
    let Some((&size, sent)) = bytes.split_first() else { return };
    let expected = Ends::of(sent);
    for size in [usize::from(size).max(1), sent.len().max(1)] {
        assert_eq!(upgrades(sent, size), expected.upgrades, "upgrades in pieces of {size}");
        let all = u64::MAX;
        assert_eq!(head(sent, size, all), None, "too many heads in pieces of {size}");
        for (index, end) in expected.heads.iter().enumerate().take(8) {
            let found = head(sent, size, index as u64 + 1);
            assert_eq!(found, Some(*end), "head {index} in pieces of {size}");
        }
        assert_eq!(head(sent, size, expected.heads.len() as u64 + 1), None);
    }
}

fn upgrades(sent: &[u8], size: usize) -> Vec<usize> {
    let (mut upgrade, mut at, mut found) = (UpgradeHead::default(), 0, Vec::new());
    while at < sent.len() {
        let piece = &sent[at..sent.len().min(at + size)];
        match upgrade.find(piece) {
            Some(end) => {
                at += end;
                found.push(at);
            }
            None => at += piece.len(),
        }
    }
    found
}

fn head(sent: &[u8], size: usize, most: u64) -> Option<usize> {
    let mut heads = Heads::default();
    let mut pieces = sent.chunks(size).enumerate();
    pieces.find_map(|(piece, bytes)| heads.find(bytes, most).map(|end| piece * size + end))
}

/// Where heads end, read line by line.
#[derive(Default)]
struct Ends {
    heads: Vec<usize>,
    upgrades: Vec<usize>,
}

impl Ends {
    fn of(sent: &[u8]) -> Ends {
        let (mut ends, mut at) = (Ends::default(), 0);
        let (mut is_behind_a_line, mut has_begun, mut is_upgrade) = (false, false, false);
        for line in sent.split_inclusive(|byte| *byte == b'\n') {
            at += line.len();
            let is_empty = matches!(line, b"\n" | b"\r\n");
            let name = line.get(..8).unwrap_or_default();
            if is_behind_a_line && is_empty {
                ends.heads.push(at);
            }
            is_behind_a_line = line.ends_with(b"\n") && !(is_behind_a_line && is_empty);
            if is_upgrade && is_empty {
                ends.upgrades.push(at);
                (has_begun, is_upgrade) = (false, false);
            } else {
                is_upgrade |= has_begun && name.eq_ignore_ascii_case(b"upgrade:");
                has_begun = true;
            }
        }
        ends
    }
}

/// A client's bytes and how handlers take them, two bytes for each step.
pub fn unread(bytes: &[u8]) {
    const SHARES: usize = 4;
    const BLOCK: [u8; 16 * 1024] = [b'x'; 16 * 1024];
    let budget = Budget::new(SHARES * BLOCK.len());
    let mut unread = [Unread::new(budget.clone()), Unread::new(budget.clone())];
    for (index, step) in bytes.chunks(2).enumerate() {
        let &[what, how_much] = step else { break };
        let connection = &mut unread[usize::from(what & 1)];
        let amount = usize::from(how_much) * 64;
        match what >> 1 {
            0 => connection.take(amount),
            1 => connection.answered(),
            2 => connection.clear(),
            3 => {
                if let Some(room) = room(connection) {
                    let sent = &bytes[index * 2..];
                    connection.add(&sent[..sent.len().min(room)]);
                }
            }
            _ => {
                if let Some(room) = room(connection) {
                    connection.add(&BLOCK[..amount.min(room).min(BLOCK.len())]);
                }
            }
        }
        let held: usize = unread.iter().map(Unread::check).sum();
        assert!(held <= SHARES, "{held} shares of {SHARES}");
    }
    drop(unread);
    let mut last = Unread::new(budget);
    for _ in 0..=SHARES {
        let room = room(&mut last);
        assert_eq!(room, Some(BLOCK.len()), "a share is lost");
        last.add(&BLOCK);
    }
    assert_eq!(room(&mut last), None, "a share is made");
}

fn room(unread: &mut Unread) -> Option<usize> {
    match unread.poll_room(&Context::from_waker(Waker::noop())) {
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
    fn heads_end_at_their_empty_lines_in_whatever_pieces_they_come() {
        let seeds: &[&[u8]] = &[
            b"\x05GET / HTTP/1.1\r\nHost: a\r\n\r\n\
              GET /feed HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x80",
            b"\x01GET / HTTP/1.1\nUpgrade: h2c\n\nGET / HTTP/1.1\r\n\r\n",
            b"\x40POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\n\n\n\nGET / HTTP/1.1\r\n\r\n",
            b"\r\nupgrade: ",
            b"\r\n\r\n",
            b"\n",
            b"\r",
        ];
        drive("heads", heads, seeds);
    }

    #[test]
    fn shares_of_the_budget_come_back() {
        let seeds: &[&[u8]] = &[
            b"\x08\xff\x08\xff\x09\xff\x09\xff\x08\xff\x00\x40\x02\x00",
            b"\x06\x00GET / HTTP/1.1\r\n\r\n\x08\xff\x02\x00\x08\xff\x04\x00",
            b"\x08\xff",
            b"\x09\xff",
            b"\n\n",
        ];
        drive("unread", unread, seeds);
    }
}
