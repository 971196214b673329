//! RFC 6455 from a client's side, case by case. The numbers are the corresponding sections of the
//! Autobahn test suite. The server drops all messages except `ping`, so the outcome of a case is
//! the answer to a ping that follows it, or the close code.

use kilonova_test::raw::{Raw, opcode};

use crate::support::{Site, Toy, Wish};

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// The outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The socket stays open.
    Open,
    /// It is closed with this code; `None` for a close without one.
    Closed(Option<u16>),
}

const OPEN: End = End::Open;
const PROTOCOL: End = End::Closed(Some(1002));
const NOT_TEXT: End = End::Closed(Some(1007));

/// A frame of a client: FIN, the reserved bits and the opcode in the first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            frame.push(0xfe);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// An unfragmented frame, or the last fragment.
fn last(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(0x80 | opcode, payload)
}

/// A fragment that another fragment follows.
fn piece(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(opcode, payload)
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    last(opcode::CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// The outcome for a client that sends these bytes, and the pongs that it gets.
async fn end_of(site: &Site, bytes: &[u8], one_by_one: bool) -> (End, Vec<Vec<u8>>) {
    let mut raw = Raw::upgrade(site.address, &Wish::new(&["a"]).path()).await;
    let bytes = [bytes, &last(opcode::PING, b"the end")].concat();
    match one_by_one {
        true => {
            for byte in bytes {
                raw.send(&[byte]).await;
            }
        }
        false => raw.send(&bytes).await,
    }
    let mut pongs = Vec::new();
    loop {
        let frame = raw.frame().await.expect("an answer, or a close");
        match frame.opcode {
            opcode::PONG if frame.payload == b"the end" => return (End::Open, pongs),
            opcode::PONG => pongs.push(frame.payload),
            opcode::CLOSE => return (End::Closed(frame.close_code()), pongs),
            _ => {}
        }
    }
}

async fn check(cases: &[(&str, Vec<u8>, End)]) {
    let site = Site::start(&Toy::new()).await;
    for (section, bytes, expected) in cases {
        for one_by_one in [false, true] {
            if one_by_one && bytes.len() > 1_000 {
                continue;
            }
            let (end, _) = end_of(&site, bytes, one_by_one).await;
            assert_eq!(end, *expected, "{section}, byte by byte: {one_by_one}");
        }
    }
    site.stop().await;
}

#[actix::test]
async fn messages_of_every_length_are_accepted() {
    let mut cases = Vec::new();
    for (section, kind) in [("1.1", TEXT), ("1.2", BINARY)] {
        for length in [0, 125, 126, 127, 128, 65_535, 65_536] {
            cases.push((section, last(kind, &vec![b'*'; length]), OPEN));
        }
        cases.push((section, last(kind, &vec![b'*'; 65_537]), End::Closed(Some(1009))));
    }
    check(&cases).await;
}

#[actix::test]
async fn pings_are_answered_with_their_payload_and_pongs_are_accepted() {
    let site = Site::start(&Toy::new()).await;
    let ping = |payload: &[u8]| last(opcode::PING, payload);
    let pong = |payload: &[u8]| last(opcode::PONG, payload);
    let many: Vec<Vec<u8>> = (0..10).map(|n| format!("payload-{n}").into_bytes()).collect();
    type Case = (&'static str, Vec<u8>, Vec<Vec<u8>>);
    let cases: Vec<Case> = vec![
        ("2.1", ping(b""), vec![b"".to_vec()]),
        ("2.2", ping(b"Hello, world!"), vec![b"Hello, world!".to_vec()]),
        ("2.3", ping(&[0, 0xff, 0xfe, 0xfd, 0]), vec![vec![0, 0xff, 0xfe, 0xfd, 0]]),
        ("2.4", ping(&[0xfe; 125]), vec![vec![0xfe; 125]]),
        ("2.7", pong(b""), vec![]),
        ("2.8", pong(b"unsolicited"), vec![]),
        ("2.9", [pong(b"unsolicited"), ping(b"ping")].concat(), vec![b"ping".to_vec()]),
        ("2.10", many.iter().flat_map(|payload| ping(payload)).collect(), many.clone()),
    ];
    for (section, bytes, expected) in cases {
        // Byte by byte is 2.6 and 2.11.
        for one_by_one in [false, true] {
            let told = end_of(&site, &bytes, one_by_one).await;
            assert_eq!(told, (OPEN, expected.clone()), "{section}");
        }
    }
    site.stop().await;
    check(&[("2.5", ping(&[0xfe; 126]), PROTOCOL)]).await;
}

#[actix::test]
async fn reserved_bits_and_opcodes_are_refused() {
    let mut cases = Vec::new();
    for (section, bits) in [
        ("3.1", 0x10),
        ("3.2", 0x20),
        ("3.3", 0x30),
        ("3.4", 0x40),
        ("3.5", 0x50),
        ("3.6", 0x60),
        ("3.7", 0x70),
    ] {
        for opcode in [TEXT, BINARY, opcode::PING, opcode::CLOSE] {
            cases.push((section, frame(0x80 | bits | opcode, b""), PROTOCOL));
        }
    }
    for opcode in 3..=7 {
        cases.push(("4.1", last(opcode, b"x"), PROTOCOL));
    }
    for opcode in 11..=15 {
        cases.push(("4.2", last(opcode, b"x"), PROTOCOL));
    }
    check(&cases).await;
}

#[actix::test]
async fn a_length_must_take_the_fewest_bytes() {
    let long = |code: u8, length: &[u8], payload: &[u8]| {
        [&[0x80 | TEXT, 0x80 | code][..], length, &[0; 4], payload].concat()
    };
    check(&[
        ("RFC 5.2", long(4, &[], b"text"), OPEN),
        ("RFC 5.2", long(126, &4_u16.to_be_bytes(), b"text"), PROTOCOL),
        ("RFC 5.2", long(126, &125_u16.to_be_bytes(), &[b'x'; 125]), PROTOCOL),
        ("RFC 5.2", long(126, &126_u16.to_be_bytes(), &[b'x'; 126]), OPEN),
        ("RFC 5.2", long(127, &4_u64.to_be_bytes(), b"text"), PROTOCOL),
        ("RFC 5.2", long(127, &0xffff_u64.to_be_bytes(), &[b'x'; 0xffff]), PROTOCOL),
        ("RFC 5.2", long(127, &0x10000_u64.to_be_bytes(), &[b'x'; 0x10000]), OPEN),
    ])
    .await;
}

#[actix::test]
async fn fragments_make_one_message_and_control_frames_come_between() {
    let ping = last(opcode::PING, b"between");
    check(&[
        ("5.1", piece(opcode::PING, b"f"), PROTOCOL),
        ("5.2", piece(opcode::PONG, b"f"), PROTOCOL),
        ("5.3", [piece(TEXT, b"one"), last(CONTINUATION, b"two")].concat(), OPEN),
        ("5.6", [piece(TEXT, b"one"), ping.clone(), last(CONTINUATION, b"two")].concat(), OPEN),
        ("5.9", last(CONTINUATION, b"no start"), PROTOCOL),
        ("5.12", piece(CONTINUATION, b"no start"), PROTOCOL),
        (
            "5.15",
            [piece(TEXT, b"one"), last(CONTINUATION, b"two"), piece(CONTINUATION, b"3")].concat(),
            PROTOCOL,
        ),
        ("5.18", [piece(TEXT, b"one"), last(TEXT, b"two")].concat(), PROTOCOL),
        (
            "5.19",
            [
                piece(TEXT, b"one"),
                piece(CONTINUATION, b"two"),
                ping.clone(),
                piece(CONTINUATION, b"three"),
                ping,
                last(CONTINUATION, b"four"),
            ]
            .concat(),
            OPEN,
        ),
    ])
    .await;
}

#[actix::test]
async fn a_text_that_is_not_utf_8_is_refused() {
    let valid: [&[u8]; 8] = [
        b"",
        "Hello-µ@ßöäüàá-UTF-8!!".as_bytes(),
        "κόσμε".as_bytes(),
        b"\xed\x9f\xbf",
        b"\xee\x80\x80",
        b"\xef\xbf\xbf",
        b"\xf0\x90\x80\x80",
        b"\xf4\x8f\xbf\xbf",
    ];
    let mut cases: Vec<_> = valid.iter().map(|text| ("6.2", last(TEXT, text), OPEN)).collect();
    let invalid: [(&str, &[u8]); 17] = [
        ("6.3", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"),
        ("6.6", b"\xce"),
        ("6.8", b"\xf8\x88\x80\x80\x80"),
        ("6.8", b"\xfc\x84\x80\x80\x80\x80"),
        ("6.10", b"\xf7\xbf\xbf\xbf"),
        ("6.11", b"\xf4\x90\x80\x80"),
        ("6.12", b"\x80"),
        ("6.12", b"\xbf\x80\xbf"),
        ("6.13", b"\xc0 \xc1 "),
        ("6.14", b"\xe0\x80"),
        ("6.16", b"\xfe"),
        ("6.16", b"\xff"),
        ("6.17", b"\xc0\xaf"),
        ("6.17", b"\xe0\x80\xaf"),
        ("6.18", b"\xc1\xbf"),
        ("6.20", b"\xed\xa0\x80"),
        ("6.21", b"\xed\xa0\x80\xed\xb0\x80"),
    ];
    for (section, text) in invalid {
        cases.push((section, last(TEXT, text), NOT_TEXT));
        // A binary message may contain anything.
        cases.push((section, last(BINARY, text), OPEN));
        let half = text.len() / 2;
        let pieces = [piece(TEXT, &text[..half]), last(CONTINUATION, &text[half..])];
        cases.push((section, pieces.concat(), NOT_TEXT));
    }
    // A character in two pieces.
    let pieces = [piece(TEXT, b"\xce"), last(CONTINUATION, b"\xba")];
    cases.push(("6.2.3", pieces.concat(), OPEN));
    check(&cases).await;
}

#[actix::test]
async fn a_close_is_answered_with_its_code_and_a_wrong_one_is_refused() {
    let mut cases = vec![
        ("7.1.1", close(1000, b""), End::Closed(Some(1000))),
        (
            "7.1.3",
            [close(1000, b""), last(opcode::PING, b"late")].concat(),
            End::Closed(Some(1000)),
        ),
        ("7.3.1", last(opcode::CLOSE, b""), End::Closed(None)),
        ("7.3.2", last(opcode::CLOSE, b"x"), PROTOCOL),
        ("7.3.4", close(1000, b"reason"), End::Closed(Some(1000))),
        ("7.3.5", close(1000, &[b'*'; 123]), End::Closed(Some(1000))),
        ("7.3.6", close(1000, &[b'*'; 124]), PROTOCOL),
        // Any failure is allowed, because there is no message.
        ("7.5.1", close(1000, b"\xed\xa0\x80"), PROTOCOL),
    ];
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        cases.push(("7.7", close(code, b""), End::Closed(Some(code))));
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999] {
        cases.push(("7.9", close(code, b""), PROTOCOL));
    }
    for code in [5000, 65_535] {
        cases.push(("7.13", close(code, b""), PROTOCOL));
    }
    check(&cases).await;
}
