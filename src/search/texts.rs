//! The plain texts of rows that were found lately, so that one that is found often is parsed once.
//! Owns the memory for them; a row whose text has changed has another one.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::analyzer;
use super::query::Kind;
use crate::markdown;

/// Bytes of text that are kept.
const KEPT: usize = 16 * 1024 * 1024;
/// What an entry takes beside its text, about.
const ENTRY: usize = 200;

/// A row, and a hash of its Markdown with a key that nobody knows.
type Key = (Kind, i64, u64);

pub(super) struct Texts {
    hasher: RandomState,
    kept: Mutex<Kept>,
}

struct Kept {
    texts: LruCache<Key, Arc<str>>,
    bytes: usize,
}

impl Texts {
    pub(super) fn new() -> Texts {
        let kept = Mutex::new(Kept { texts: LruCache::unbounded(), bytes: 0 });
        Texts { hasher: RandomState::new(), kept }
    }

    /// The text of a row's Markdown, as the analyzer wants it.
    pub(super) fn plain(&self, kind: Kind, id: i64, body: &str) -> Arc<str> {
        let key = (kind, id, self.hasher.hash_one(body));
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = kept().texts.get(&key) {
            return Arc::clone(text);
        }
        let text: Arc<str> = analyzer::composed(&markdown::plain(body)).into();
        kept().keep(key, &text);
        text
    }
}

impl Kept {
    fn keep(&mut self, key: Key, text: &Arc<str>) {
        self.bytes += text.len() + ENTRY;
        if let Some(before) = self.texts.put(key, Arc::clone(text)) {
            self.bytes -= before.len() + ENTRY;
        }
        while self.bytes > KEPT
            && let Some((_, oldest)) = self.texts.pop_lru()
        {
            self.bytes -= oldest.len() + ENTRY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_row_has_its_new_text() {
        let texts = Texts::new();
        assert_eq!(texts.plain(Kind::Post, 1, "*one*").trim(), "one");
        assert_eq!(texts.plain(Kind::Post, 1, "*two*").trim(), "two");
        let (first, second) =
            (texts.plain(Kind::Post, 1, "*one*"), texts.plain(Kind::Post, 1, "*one*"));
        assert!(Arc::ptr_eq(&first, &second), "it is kept");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_longest_unread_goes_first() {
        let mut kept = Kept { texts: LruCache::unbounded(), bytes: 0 };
        let text: Arc<str> = "x".repeat(KEPT / 8).into();
        for id in 0..100 {
            kept.keep((Kind::Note, id, 0), &text);
            kept.texts.get(&(Kind::Note, 0, 0)).expect("it is read all the time");
            assert!(kept.bytes <= KEPT);
        }
        let bytes: usize = kept.texts.iter().map(|(_, text)| text.len() + ENTRY).sum();
        assert_eq!(kept.bytes, bytes);
        assert!(!kept.texts.contains(&(Kind::Note, 1, 0)));
    }
}
