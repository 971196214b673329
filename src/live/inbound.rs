//! Watches what a client sends for frames that are too large, by their heads alone. The codec takes
//! a frame in whole before it refuses it, however large it says that it is, which would let one
//! client fill the memory.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// The bytes that a client sends, up to a frame that announces more than `max` bytes. That is an
/// error in the stream, and sets `oversized`: the codec leaves nothing of an error but its words.
pub(super) fn limited<S>(
    incoming: S,
    max: u64,
    oversized: Rc<Cell<bool>>,
) -> impl Stream<Item = Result<Bytes, PayloadError>>
where
    S: Stream<Item = Result<Bytes, PayloadError>>,
{
    let mut heads = Heads::default();
    incoming.map(move |chunk| {
        let chunk = chunk?;
        if oversized.get() || !heads.admit(&chunk, max) {
            oversized.set(true);
            return Err(PayloadError::Overflow);
        }
        Ok(chunk)
    })
}

/// Where in the frames the bytes have come to.
#[derive(Default)]
struct Heads {
    /// The head of the next frame, as far as it is here.
    head: Vec<u8>,
    /// What is still to come of the current frame's payload.
    payload: usize,
}

impl Heads {
    /// Reads on; false at a frame that announces more than `max` bytes.
    fn admit(&mut self, mut bytes: &[u8], max: u64) -> bool {
        loop {
            let skipped = self.payload.min(bytes.len());
            self.payload -= skipped;
            bytes = &bytes[skipped..];
            let Some((first, rest)) = bytes.split_first() else { return true };
            self.head.push(*first);
            bytes = rest;
            if let Some(length) = length(&self.head) {
                match usize::try_from(length) {
                    Ok(payload) if length <= max => self.payload = payload,
                    _ => return false,
                }
                self.head.clear();
            }
        }
    }
}

/// The length of the payload, once the head is whole.
fn length(head: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = head else { return None };
    let (length, rest) = match second & 0x7f {
        126 => rest.split_first_chunk().map(|(at, rest)| (u16::from_be_bytes(*at).into(), rest))?,
        127 => rest.split_first_chunk().map(|(at, rest)| (u64::from_be_bytes(*at), rest))?,
        short => (short.into(), rest),
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    (rest.len() >= mask).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client's frame of zeros.
    fn frame(length: usize) -> Vec<u8> {
        let mut frame = vec![0x82];
        match u8::try_from(length) {
            Ok(short @ 0..=125) => frame.push(0x80 | short),
            _ => match u16::try_from(length) {
                Ok(medium) => {
                    frame.push(0x80 | 126);
                    frame.extend(medium.to_be_bytes());
                }
                Err(_) => {
                    frame.push(0x80 | 127);
                    frame.extend((length as u64).to_be_bytes());
                }
            },
        }
        frame.extend([0; 4]);
        frame.resize(frame.len() + length, 0);
        frame
    }

    #[test]
    fn a_frame_at_the_limit_is_refused_or_one_beyond_it_is_not() {
        let good: Vec<u8> = [0, 1, 125, 126, 127, 999, 1000].into_iter().flat_map(frame).collect();
        let bad = frame(1001);
        let huge = frame(100_000);
        for size in 1..20 {
            let mut heads = Heads::default();
            assert!(good.chunks(size).all(|bytes| heads.admit(bytes, 1000)), "{size}");
            assert!(!bad[..8].chunks(size).all(|bytes| heads.admit(bytes, 1000)), "{size}");
            let mut heads = Heads::default();
            assert!(!huge[..14].chunks(size).all(|bytes| heads.admit(bytes, 1000)), "{size}");
        }
    }
}
