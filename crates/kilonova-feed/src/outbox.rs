//! What waits for one socket: encoded frames, bounded in number and in bytes. Pure; who writes
//! them, and what becomes of a reader that lets too many wait, is the session's.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::Bounds;

/// Frames that one write takes at the most.
pub(crate) const BATCH: usize = 64;

/// Places that an empty queue keeps for the next frames.
const KEPT: usize = 8;

/// The frames that wait, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// The first frame has been written in part.
    begun: bool,
}

impl Outbox {
    /// Takes a frame in, unless more than `bounds` would wait.
    #[must_use = "a frame that finds no room is lost, and so must be its reader"]
    pub(crate) fn push(&mut self, frame: &Bytes, bounds: &Bounds) -> bool {
        let room = self.frames.len() < bounds.messages
            && self.bytes.saturating_add(frame.len()) <= bounds.bytes;
        if room || self.frames.is_empty() {
            self.force(frame.clone());
            return true;
        }
        false
    }

    /// Takes a frame in whatever waits: one that is bounded otherwise, or the last one.
    pub(crate) fn force(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Fills `slices` with what is to be written next; how many of them are filled.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; BATCH]) -> usize {
        let mut filled = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.frames) {
            *slice = IoSlice::new(frame);
            filled += 1;
        }
        filled
    }

    /// So many bytes have been written.
    pub(crate) fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.frames.front_mut() {
            if written < first.len() {
                first.advance(written);
                self.bytes -= written;
                self.begun |= written > 0;
                return;
            }
            written -= first.len();
            self.pop();
        }
    }

    /// Takes the next frame out.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let first = self.frames.pop_front()?;
        self.bytes -= first.len();
        self.begun = false;
        if self.frames.is_empty() && self.frames.capacity() > KEPT {
            // Most sockets wait most of the time: what a burst needed is given back.
            self.frames = VecDeque::new();
        }
        Some(first)
    }

    /// Drops everything but the rest of a frame that has been begun, without which what follows
    /// could not be read.
    pub(crate) fn abandon(&mut self) {
        self.frames.truncate(usize::from(self.begun));
        self.bytes = self.frames.iter().map(Bytes::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { messages: 4, bytes: 20 };

    fn written(outbox: &Outbox, count: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); BATCH];
        let filled = outbox.slices(&mut slices);
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).take(count).collect()
    }

    proptest! {
        /// However writes cut the frames, the bytes come out in order, each once, and no more
        /// wait than may.
        #[test]
        fn bytes_come_out_once_in_order_and_within_bounds(
            steps in prop::collection::vec((0_usize..12, 0_usize..30), 0..80),
        ) {
            let mut outbox = Outbox::default();
            let (mut taken, mut out) = (Vec::new(), Vec::new());
            let mut next = 0_u8;
            for (length, write) in steps {
                let bytes = (0..length).map(|_| { next = next.wrapping_add(1); next });
                let frame: Vec<u8> = bytes.collect();
                if length > 0 {
                    let alone = outbox.is_empty();
                    if outbox.push(&Bytes::from(frame.clone()), &BOUNDS) {
                        taken.extend(frame);
                        prop_assert!(alone || outbox.bytes <= BOUNDS.bytes);
                        prop_assert!(outbox.frames.len() <= BOUNDS.messages);
                    }
                }
                let bytes = written(&outbox, write);
                outbox.advance(bytes.len());
                out.extend(bytes);
                prop_assert_eq!(outbox.bytes, taken.len() - out.len());
            }
            out.extend(written(&outbox, usize::MAX));
            prop_assert_eq!(out, taken);
        }
    }

    #[test]
    fn a_frame_that_was_begun_goes_out_whole_when_the_rest_is_dropped() {
        let mut outbox = Outbox::default();
        for frame in ["one", "two", "three"] {
            assert!(outbox.push(&Bytes::from(frame), &BOUNDS));
        }
        outbox.advance(4);
        outbox.abandon();
        outbox.force(Bytes::from("!"));
        assert_eq!(written(&outbox, 100), b"wo!");
        outbox.advance(2);
        outbox.abandon();
        assert!(outbox.is_empty());
    }
}
