//! The differences between two versions of a text, by line, for a reader who chooses between them.
//! Owns the marked pieces, the context around them, and the limit on time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use similar::algorithms::{Capture, diff_slices_deadline};
use similar::{Algorithm, DiffOp};

/// The most time for finding the differences of one text.
const TIME: Duration = Duration::from_millis(300);

/// The equal lines shown on each side of a difference.
const AROUND: usize = 2;

/// The most pieces. With more, a diff is no help over the two texts.
const PIECES: usize = 2_000;

/// How two texts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diff<'a> {
    /// The texts are equal.
    Same,
    /// The texts differ in these pieces, in order.
    Marked(Vec<Piece<'a>>),
    /// There are too many differences, or finding them took too long.
    Unmarked,
}

/// A part of two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Lines that both have.
    Both(&'a str),
    /// Lines that only the first has.
    First(&'a str),
    /// Lines that only the second has.
    Second(&'a str),
    /// The number of common lines that are not shown.
    Skipped(usize),
}

/// Compares two texts line by line.
pub fn lines<'a>(first: &'a str, second: &'a str) -> Diff<'a> {
    within(TIME, first, second)
}

fn within<'a>(time: Duration, first: &'a str, second: &'a str) -> Diff<'a> {
    if first == second {
        return Diff::Same;
    }
    let deadline = Instant::now() + time;
    let (first, second) = (Lines::of(first), Lines::of(second));
    // Compare numbers instead of lines, so that long lines are compared once.
    let mut numbers = HashMap::new();
    let (old, new) = (first.numbered(&mut numbers), second.numbered(&mut numbers));
    let mut found = Capture::new();
    let Ok(()) = diff_slices_deadline(
        Algorithm::Myers,
        &mut found,
        old.as_slice(),
        new.as_slice(),
        Some(deadline),
    );
    let found = found.into_ops();
    if Instant::now() >= deadline || found.len() > PIECES {
        return Diff::Unmarked;
    }
    let mut pieces = Vec::new();
    for (at, difference) in found.iter().enumerate() {
        match *difference {
            DiffOp::Equal { old_index, len, .. } => {
                let (is_first, is_last) = (at == 0, at + 1 == found.len());
                pieces.extend(first.around(old_index, len, is_first, is_last));
            }
            DiffOp::Delete { old_index, old_len, .. } => {
                pieces.push(Piece::First(first.text(old_index, old_len)));
            }
            DiffOp::Insert { new_index, new_len, .. } => {
                pieces.push(Piece::Second(second.text(new_index, new_len)));
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                pieces.push(Piece::First(first.text(old_index, old_len)));
                pieces.push(Piece::Second(second.text(new_index, new_len)));
            }
        }
    }
    // In the same place, lines of the first text come before those of the second.
    for at in 1..pieces.len() {
        if let Some([Piece::Second(_), Piece::First(_)]) = pieces.get(at - 1..=at) {
            pieces.swap(at - 1, at);
        }
    }
    Diff::Marked(pieces)
}

/// A text and the starts of its lines; the last entry is the end of the text.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Lines<'a> {
        let mut starts = vec![0];
        for line in text.split_inclusive('\n') {
            starts.push(starts.last().copied().unwrap_or_default() + line.len());
        }
        Lines { text, starts }
    }

    /// A number for each line. Lines that differ only in their line break have the same number.
    fn numbered(&self, numbers: &mut HashMap<&'a str, u32>) -> Vec<u32> {
        let number = |line| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(line).or_insert(next)
        };
        self.text.lines().map(number).collect()
    }

    /// Lines without the last line break.
    fn text(&self, from: usize, count: usize) -> &'a str {
        let bound = |at: usize| self.starts.get(at).copied().unwrap_or(self.text.len());
        let text = self.text.get(bound(from)..bound(from.saturating_add(count)));
        let text = text.unwrap_or_default();
        text.strip_suffix('\n').unwrap_or(text)
    }

    /// The equal lines next to a difference, and the number of those skipped.
    fn around(&self, from: usize, count: usize, is_first: bool, is_last: bool) -> Vec<Piece<'a>> {
        let (before, after) = (if is_first { 0 } else { AROUND }, if is_last { 0 } else { AROUND });
        if count <= before + after + 1 {
            return vec![Piece::Both(self.text(from, count))];
        }
        let mut pieces = Vec::new();
        if before > 0 {
            pieces.push(Piece::Both(self.text(from, before)));
        }
        pieces.push(Piece::Skipped(count - before - after));
        if after > 0 {
            pieces.push(Piece::Both(self.text(from + count - after, after)));
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One of the two texts, from their differences.
    fn side<'a>(pieces: &[Piece<'a>], first: bool) -> Vec<&'a str> {
        let mut lines = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Both(text) => lines.extend(text.split('\n')),
                Piece::First(text) if first => lines.extend(text.split('\n')),
                Piece::Second(text) if !first => lines.extend(text.split('\n')),
                Piece::First(_) | Piece::Second(_) => {}
                Piece::Skipped(count) => lines.extend(std::iter::repeat_n("…", *count)),
            }
        }
        lines
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_their_differences(
            first in "([ab\u{fc}]?\n){0,30}", second in "([ab\u{fc}]?\n){0,30}",
        ) {
            if let Diff::Marked(pieces) = lines(&first, &second) {
                for (text, is_first) in [(&first, true), (&second, false)] {
                    let shown = side(&pieces, is_first);
                    let lines: Vec<_> = text.lines().collect();
                    prop_assert_eq!(shown.len(), lines.len(), "{:?}", pieces);
                    for (shown, line) in shown.iter().zip(lines) {
                        prop_assert!(*shown == line || *shown == "…", "{:?}", pieces);
                    }
                }
            } else {
                prop_assert_eq!(&first, &second);
            }
        }
    }

    #[test]
    fn lines_far_from_a_difference_are_counted() {
        let first: String = (0..20).map(|n| format!("{n}\n")).collect();
        let second = first.replace("10\n", "ten\n");
        let expected = [
            Piece::Skipped(8),
            Piece::Both("8\n9"),
            Piece::First("10"),
            Piece::Second("ten"),
            Piece::Both("11\n12"),
            Piece::Skipped(7),
        ];
        assert_eq!(lines(&first, &second), Diff::Marked(expected.to_vec()));
    }

    #[test]
    fn a_trailing_line_break_does_not_change_its_line() {
        let expected = [Piece::Skipped(2)];
        assert_eq!(lines("a\nb", "a\nb\n"), Diff::Marked(expected.to_vec()));
    }

    #[test]
    fn texts_that_differ_everywhere_are_not_marked() {
        let text = |seed: usize| -> String {
            (0..100_000).map(|n| format!("{}\n", (n * seed) % 9_973)).collect()
        };
        let (first, second) = (text(7), text(11));
        let begun = Instant::now();
        assert_eq!(within(Duration::from_millis(50), &first, &second), Diff::Unmarked);
        // Far above the limit, and far below the time it takes without one.
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}
