//! Tests of fragmented, too large, too many and invalid messages.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CONTINUED: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const LAST: u8 = 0x80;

/// A client's frame: `first` is the opcode, with `LAST` if no fragment follows.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(first, payload.len() as u64);
    let mask = [7, 0, 3, 9];
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The header of a frame of this length, up to its mask.
fn head(first: u8, length: u64) -> Vec<u8> {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..126), _) => vec![first, 0x80 | length],
        (_, Ok(length)) => [&[first, 0xfe][..], &length.to_be_bytes()].concat(),
        _ => [&[first, 0xff][..], &length.to_be_bytes()].concat(),
    }
}

/// The messages that an inbox reads from these bytes at once, and its error.
fn said(bytes: &[u8]) -> (Vec<Said>, Option<Close>) {
    let now = Instant::now();
    let mut inbox = Inbox::new(bytes, 0, now);
    drain(&mut inbox, now)
}

fn drain(inbox: &mut Inbox, now: Instant) -> (Vec<Said>, Option<Close>) {
    let mut said = Vec::new();
    loop {
        match inbox.next(now) {
            Ok(Some(next)) => said.push(next),
            Ok(None) => return (said, None),
            Err(close) => return (said, Some(close)),
        }
    }
}

fn ping(payload: &'static str) -> Said {
    Said::Ping(Bytes::from_static(payload.as_bytes()))
}

#[test]
fn a_message_in_pieces_is_one_message() {
    for pieces in [vec!["ping"], vec!["p", "ing"], vec!["", "pi", "", "ng", ""]] {
        let last = pieces.len() - 1;
        let bytes: Vec<u8> = pieces
            .iter()
            .enumerate()
            .flat_map(|(n, piece)| {
                let opcode = if n == 0 { TEXT } else { CONTINUED };
                frame(opcode | if n == last { LAST } else { 0 }, piece.as_bytes())
            })
            .collect();
        assert_eq!(said(&bytes), (vec![Said::TextPing], None), "{pieces:?}");
    }
    let binary = [frame(BINARY, b"p"), frame(CONTINUED | LAST, b"ing")].concat();
    assert_eq!(said(&binary), (vec![], None), "binary messages are ignored");
}

#[test]
fn control_frames_come_between_pieces() {
    let bytes = [
        frame(TEXT, b"pi"),
        frame(PING | LAST, b"one"),
        frame(CONTINUED, b"n"),
        frame(PONG | LAST, b"two"),
        frame(CONTINUED | LAST, b"g"),
        frame(CLOSE | LAST, &[]),
    ]
    .concat();
    assert_eq!(said(&bytes), (vec![ping("one"), Said::TextPing, Said::Close(None)], None));
}

#[test]
fn pieces_out_of_order_break_the_protocol() {
    for bytes in [
        frame(CONTINUED | LAST, b"x"),
        frame(CONTINUED, b"x"),
        [frame(TEXT, b"x"), frame(TEXT, b"y")].concat(),
        [frame(TEXT, b"x"), frame(TEXT | LAST, b"y")].concat(),
        [frame(TEXT, b"x"), frame(BINARY | LAST, b"y")].concat(),
        [frame(TEXT, b"x"), frame(CONTINUED | LAST, b"y"), frame(CONTINUED | LAST, b"z")].concat(),
        // Control frames must be short and not fragmented.
        frame(PING, b"x"),
        frame(PING | LAST, &[0; 126]),
        frame(CLOSE | LAST, &[3]),
        // An unknown opcode; a frame without a mask.
        frame(3 | LAST, b"x"),
        vec![TEXT | LAST, 1, b'x'],
    ] {
        assert_eq!(said(&bytes), (vec![], Some(Close::Protocol)), "{bytes:?}");
    }
}

#[test]
fn a_message_is_too_large_as_soon_as_it_is_announced() {
    let most = vec![b'x'; MAX_MESSAGE];
    assert_eq!(said(&frame(TEXT | LAST, &most)), (vec![], None));
    for length in [MAX_MESSAGE as u64 + 1, u64::from(u32::MAX), i64::MAX as u64, u64::MAX] {
        for opcode in [TEXT, BINARY | LAST, CONTINUED] {
            assert_eq!(said(&head(opcode, length)), (vec![], Some(Close::TooLarge)), "{length}");
        }
    }
    let half = vec![b'x'; MAX_MESSAGE / 2];
    let pieces = [frame(TEXT, &half), frame(CONTINUED, &half), frame(CONTINUED, &[])].concat();
    assert_eq!(said(&pieces), (vec![], None));
    let pieces = [pieces, frame(CONTINUED | LAST, b"x")].concat();
    assert_eq!(said(&pieces), (vec![], Some(Close::TooLarge)));
}

#[test]
fn a_text_that_is_not_utf_8_is_refused_when_it_is_whole() {
    assert_eq!(said(&frame(TEXT | LAST, &[0xff])), (vec![], Some(Close::NotText)));
    let euro = "€".as_bytes();
    let pieces = [frame(TEXT, &euro[..1]), frame(CONTINUED | LAST, &euro[1..])].concat();
    assert_eq!(said(&pieces), (vec![], None), "a character may be cut");
    let pieces = [frame(TEXT, &euro[..1]), frame(CONTINUED | LAST, b"x")].concat();
    assert_eq!(said(&pieces), (vec![], Some(Close::NotText)));
    assert_eq!(said(&frame(BINARY | LAST, &[0xff])), (vec![], None));
}

#[test]
fn long_frames_work_like_others_and_are_not_buffered() {
    let long = vec![b'x'; 3000];
    let said_of = |frames: &[Vec<u8>]| said(&frames.concat());
    let ping_after = |frames: &[Vec<u8>]| said_of(&[frames.concat(), frame(TEXT | LAST, b"ping")]);
    let one = (vec![Said::TextPing], None);
    assert_eq!(ping_after(&[frame(TEXT | LAST, &long)]), one);
    assert_eq!(ping_after(&[frame(BINARY | LAST, &[0xff; 3000])]), one);
    assert_eq!(ping_after(&[frame(TEXT, &long), frame(CONTINUED | LAST, &long)]), one);
    assert_eq!(ping_after(&[frame(TEXT, b"p"), frame(CONTINUED | LAST, &long)]), one);
    // They break the protocol in the same ways.
    let protocol = (vec![], Some(Close::Protocol));
    let mut unmasked = frame(TEXT | LAST, &long);
    unmasked[1] &= 0x7f;
    for frames in [
        [frame(CONTINUED | LAST, &long), vec![]],
        [frame(TEXT, b"x"), frame(TEXT | LAST, &long)],
        [frame(TEXT, &long), frame(BINARY, &long)],
        [frame(PING | LAST, &long), vec![]],
        [frame(3 | LAST, &long), vec![]],
        [frame(0x40 | TEXT | LAST, &long), vec![]],
        [unmasked, vec![]],
    ] {
        assert_eq!(said_of(&frames), protocol);
    }
    let not_text = [&long[..], &[0xff], &long].concat();
    assert_eq!(said(&frame(TEXT | LAST, &not_text)), (vec![], Some(Close::NotText)));
    // While the frame is incomplete, little of it is in memory.
    let frame = frame(TEXT | LAST, &vec![b'x'; MAX_MESSAGE]);
    let now = Instant::now();
    let mut inbox = Inbox::new(&[], 1, now);
    for part in frame[..frame.len() - 1].chunks(1000) {
        inbox.bytes().extend_from_slice(part);
        assert_eq!(drain(&mut inbox, now), (vec![], None));
        assert!(inbox.bytes().capacity() < 2048, "{}", inbox.bytes().capacity());
    }
    inbox.bytes().extend_from_slice(&frame[frame.len() - 1..]);
    assert_eq!(drain(&mut inbox, now), (vec![], None));
}

#[test]
fn each_frame_counts_against_the_rate() {
    let now = Instant::now();
    let ping = frame(PING | LAST, b"");
    let piece = frame(CONTINUED, b"");
    let bytes = [ping.repeat(4), frame(TEXT, b""), piece.repeat(5)].concat();
    let mut inbox = Inbox::new(&bytes, 10, now);
    let (said, end) = drain(&mut inbox, now);
    assert_eq!((said.len(), end), (4, None));
    inbox.bytes().extend_from_slice(&ping);
    assert_eq!(drain(&mut inbox, now), (vec![], Some(Close::TooMany)));
    let mut inbox = Inbox::new(&bytes, 10, now);
    assert_eq!(drain(&mut inbox, now).1, None);
    inbox.bytes().extend_from_slice(&ping);
    let later = now + Duration::from_millis(100);
    assert_eq!(drain(&mut inbox, later).1, None, "a tenth of a second later there is room for one");
}

#[test]
fn a_deaf_inbox_hears_nothing_and_keeps_nothing() {
    let mut inbox = Inbox::new(&frame(TEXT | LAST, b"ping"), 0, Instant::now());
    inbox.deafen();
    for bytes in [frame(TEXT | LAST, b"ping"), head(TEXT, u64::MAX), vec![0; 100]] {
        assert_eq!(drain(&mut inbox, Instant::now()), (vec![], None));
        assert!(inbox.bytes().is_empty());
        inbox.bytes().extend_from_slice(&bytes);
    }
}

proptest! {
    /// The network may cut the input anywhere: the messages are the same.
    #[test]
    fn messages_are_the_same_however_the_bytes_are_cut(
        cuts in prop::collection::vec(1_usize..9, 1..90),
    ) {
        let bytes = [
            frame(PING | LAST, b"one"),
            frame(TEXT, b"pi"),
            frame(PING | LAST, b"two"),
            frame(CONTINUED | LAST, b"ng"),
            frame(BINARY | LAST, &[7; 300]),
            frame(TEXT, &[b'x'; 1025]),
            frame(CONTINUED | LAST, &[b'x'; 2000]),
            frame(TEXT | LAST, b"ping"),
        ]
        .concat();
        let now = Instant::now();
        let mut inbox = Inbox::new(&[], 0, now);
        let (mut rest, mut all) = (&bytes[..], Vec::new());
        for cut in cuts {
            let (next, left) = rest.split_at(cut.min(rest.len()));
            inbox.bytes().extend_from_slice(next);
            all.extend(drain(&mut inbox, now).0);
            rest = left;
        }
        inbox.bytes().extend_from_slice(rest);
        all.extend(drain(&mut inbox, now).0);
        prop_assert_eq!(all, vec![ping("one"), ping("two"), Said::TextPing, Said::TextPing]);
    }

    /// Every input leads to a message or an error, never to a panic.
    #[test]
    fn no_input_causes_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        said(&bytes);
    }
}
