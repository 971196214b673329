//! The WebSocket frames that a reader needs: parses a server's frames, and makes pongs.

use super::Fault;

/// The kinds of frames that a server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Ping,
    Pong,
    Close,
}

/// A frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
    /// The length in bytes, including the head.
    pub(crate) length: usize,
}

/// Returns the first frame in `bytes`, or `None` if it is incomplete. Fragmented messages are not
/// supported: none of the servers sends them.
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

/// Makes the pong for a ping. A client must mask its frames; a mask of zeros does not change the
/// bytes.
pub(crate) fn pong(payload: &[u8]) -> Vec<u8> {
    // A control frame has at most 125 bytes, so the length fits.
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
