//! The WebSocket frames of a client, as far as a reader needs them: what a server sends is taken
//! apart, and a ping is answered.

use super::Fault;

/// What a server may send beside text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Ping,
    Pong,
    Close,
}

/// One frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
    /// Bytes that it took, head included.
    pub(crate) length: usize,
}

/// The first frame of what was read; none when it is not complete yet. Messages in pieces are not
/// understood: none of the servers sends them.
pub(crate) fn first(bytes: &[u8]) -> Result<Option<Frame<'_>>, Fault> {
    let &[flags, size, ..] = bytes else { return Ok(None) };
    let kind = match flags {
        0x81 => Kind::Text,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8a => Kind::Pong,
        _ => return Err(Fault::Protocol(format!("a frame that begins with {flags:#x}"))),
    };
    let (head, size) = match size {
        size @ 0..=125 => (2, usize::from(size)),
        126 => match bytes.get(2..4) {
            Some(&[a, b]) => (4, usize::from(u16::from_be_bytes([a, b]))),
            _ => return Ok(None),
        },
        _ => return Err(Fault::Protocol("a frame that is masked or too large".to_owned())),
    };
    let length = head + size;
    Ok(bytes.get(head..length).map(|payload| Frame { kind, payload, length }))
}

/// The answer to a ping. A client masks what it sends; a mask of zeros leaves the bytes as they are.
pub(crate) fn pong(payload: &[u8]) -> Vec<u8> {
    // Both kinds of control frame hold at most 125 bytes.
    let mut frame = vec![0x8a, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_apart_wherever_the_bytes_end() {
        let mut bytes = vec![0x81, 126, 1, 44];
        bytes.extend([b'x'; 300]);
        let length = bytes.len();
        bytes.extend([0x89, 2, b'h', b'i']);
        for end in 0..length {
            assert_eq!(first(&bytes[..end]).unwrap(), None, "{end}");
        }
        let text = first(&bytes).unwrap().unwrap();
        assert_eq!((text.kind, text.payload, text.length), (Kind::Text, &[b'x'; 300][..], length));
        let ping = first(&bytes[length..]).unwrap().unwrap();
        assert_eq!((ping.kind, ping.payload, ping.length), (Kind::Ping, &b"hi"[..], 4));
        assert!(first(&[0x01, 2, b'h', b'i']).is_err(), "a piece of a message");
    }
}
