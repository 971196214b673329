//! The backlog of one socket: encoded frames, bounded in number and in bytes. Pure; leaves writing
//! to the wires, and the close of a slow reader to the session.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::Bounds;

/// The most frames in one write.
pub(crate) const BATCH: usize = 64;

/// The capacity that an empty queue keeps for the next frames.
const KEPT: usize = 8;

/// The waiting frames, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// True if a part of the first frame was written.
    begun: bool,
}

impl Outbox {
    /// Adds a frame; false if the backlog would exceed `bounds`. A single frame always fits.
    #[must_use = "a frame without room is lost; close its reader"]
    pub(crate) fn push(&mut self, frame: &Bytes, bounds: &Bounds) -> bool {
        let room = self.frames.len() < bounds.messages
            && self.bytes.saturating_add(frame.len()) <= bounds.bytes;
        if room || self.frames.is_empty() {
            self.force(frame.clone());
            return true;
        }
        false
    }

    /// Adds a frame without a bound: one that is bounded elsewhere, or the last one.
    pub(crate) fn force(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Fills `slices` with the next bytes to write and returns the number of filled slices.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; BATCH]) -> usize {
        let mut filled = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.frames) {
            *slice = IoSlice::new(frame);
            filled += 1;
        }
        filled
    }

    /// Removes bytes that were written.
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

    /// Removes the next frame.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let first = self.frames.pop_front()?;
        self.bytes -= first.len();
        self.begun = false;
        if self.frames.is_empty() && self.frames.capacity() > KEPT {
            // Frees the memory of a burst, because most sockets are idle most of the time.
            self.frames = VecDeque::new();
        }
        Some(first)
    }

    /// Removes the next bytes: a whole frame, or `most` bytes of one that is larger.
    pub(crate) fn take(&mut self, most: usize) -> Option<Bytes> {
        match self.frames.front_mut() {
            Some(first) if first.len() > most => {
                self.bytes -= most;
                self.begun = true;
                Some(first.split_to(most))
            }
            _ => self.pop(),
        }
    }

    /// Drops everything except the rest of a frame that was written in part: the client could not
    /// parse later frames without it.
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

    #[test]
    fn the_memory_of_a_burst_is_freed_and_that_of_a_few_frames_kept() {
        let mut outbox = Outbox::default();
        for count in [1, 200] {
            (0..count).for_each(|_| outbox.force(Bytes::from_static(b"frame")));
            let before = outbox.frames.capacity();
            while outbox.pop().is_some() {
                let empty = outbox.frames.is_empty();
                let kept = if empty && before > KEPT { 0 } else { before };
                assert_eq!(outbox.frames.capacity(), kept, "{count}");
            }
        }
    }

    proptest! {
        /// Writes may cut the frames anywhere: the bytes come out once and in order, and the
        /// backlog stays within its bounds.
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
