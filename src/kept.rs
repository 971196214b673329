//! A cache of derived texts, such as renderings and plain texts that are needed often. This module
//! owns the cache's memory. The callers derive the texts; a changed source is a separate entry.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

/// The approximate memory of an entry in addition to its text, in bytes.
const ENTRY: usize = 200;

/// The source of a text, as two hashes with secret keys.
type Key = (u64, u64);

/// A cache of texts up to a total size. The least recently used are evicted.
pub(crate) struct Kept {
    keys: (RandomState, RandomState),
    most: usize,
    texts: Mutex<Texts>,
}

struct Texts {
    by_key: LruCache<Key, Arc<str>>,
    bytes: usize,
}

impl Kept {
    /// Creates an empty cache of at most this many bytes.
    pub(crate) fn at_most(bytes: usize) -> Kept {
        let texts = Texts { by_key: LruCache::unbounded(), bytes: 0 };
        Kept { keys: Default::default(), most: bytes, texts: Mutex::new(texts) }
    }

    /// Returns the cached text of `source`, or calls `make` and caches the result.
    pub(crate) fn get(&self, source: impl Hash + Copy, make: impl FnOnce() -> String) -> Arc<str> {
        let key = (self.keys.0.hash_one(source), self.keys.1.hash_one(source));
        let texts = || self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = texts().by_key.get(&key) {
            return Arc::clone(text);
        }
        let text: Arc<str> = make().into();
        texts().keep(key, &text, self.most);
        text
    }
}

impl Texts {
    fn keep(&mut self, key: Key, text: &Arc<str>, most: usize) {
        // One text must not evict all others.
        if text.len() > most / 4 {
            return;
        }
        self.bytes += text.len() + ENTRY;
        if let Some(before) = self.by_key.put(key, Arc::clone(text)) {
            self.bytes -= before.len() + ENTRY;
        }
        while self.bytes > most
            && let Some((_, oldest)) = self.by_key.pop_lru()
        {
            self.bytes -= oldest.len() + ENTRY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_derived_once() {
        let kept = Kept::at_most(1024 * 1024);
        assert_eq!(&*kept.get(("a text", 2), || "one".to_owned()), "one");
        assert_eq!(&*kept.get(("a text", 2), || panic!("it is kept")), "one");
        assert_eq!(&*kept.get(("a text", 3), || "two".to_owned()), "two");
    }

    #[test]
    fn the_cache_is_bounded_and_evicts_the_least_recently_used() {
        const MOST: usize = 1024 * 1024;
        let kept = Kept::at_most(MOST);
        let made = |n: u32| {
            let mut is_new = false;
            kept.get(n, || {
                is_new = true;
                "x".repeat(MOST / 8)
            });
            is_new
        };
        for n in 0..100 {
            made(n);
            assert!(n == 0 || !made(0), "it is read all the time");
            assert!(kept.texts.lock().unwrap().bytes <= MOST);
        }
        assert!(!made(99) && made(1));
        kept.get(100, || "x".repeat(MOST));
        assert!(!made(99), "one text evicts no others");
    }
}
