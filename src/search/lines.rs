//! The indexer's latest log lines, for admins. Owns how many are kept, and their length. They
//! outlive the actor, which may be restarted.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDateTime;

use super::query::Kind;
use crate::models::now;

/// The most lines kept.
const MOST: usize = 20;

/// The most characters kept of a line.
const CHARS: usize = 200;

/// A line of the indexer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was written.
    pub at: NaiveDateTime,
    /// Its text.
    pub text: String,
}

/// The row whose title is in a line.
type About = Option<(Kind, i64)>;

/// The latest lines, each with the row that it mentions.
#[derive(Default)]
pub(super) struct Lines(Mutex<VecDeque<(About, Line)>>);

impl Lines {
    /// Keeps a line; `about` is the row whose title is in it.
    pub(super) fn keep(&self, about: About, text: &str) {
        let line = Line { at: now(), text: text.chars().take(CHARS).collect() };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MOST {
            lines.pop_front();
        }
        lines.push_back((about, line));
    }

    /// Drops the lines with the title of a row that was deleted or unpublished.
    pub(super) fn forget(&self, kind: Kind, id: i64) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|(about, _)| *about != Some((kind, id)));
    }

    /// The lines, oldest first.
    pub(super) fn list(&self) -> Vec<Line> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|(_, line)| line.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_up_to_a_length() {
        let lines = Lines::default();
        for number in 0..30 {
            lines.keep(None, &format!("{number} {}", "ü".repeat(1000)));
        }
        let list = lines.list();
        assert_eq!(list.len(), MOST);
        assert!(list[0].text.starts_with("10 ") && list[19].text.starts_with("29 "));
        assert!(list.iter().all(|line| line.text.chars().count() == CHARS));
    }

    #[test]
    fn lines_with_the_title_of_a_removed_row_are_dropped() {
        let lines = Lines::default();
        lines.keep(Some((Kind::Post, 1)), "Indexing new post: One");
        lines.keep(Some((Kind::Note, 1)), "Indexing new note: Two");
        lines.forget(Kind::Post, 1);
        lines.keep(None, "Removing post 1 from index");
        let texts: Vec<_> = lines.list().into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["Indexing new note: Two", "Removing post 1 from index"]);
    }
}
