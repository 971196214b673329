//! Texts that were laid out, so that one that everybody reads is laid out once. Owns the memory for
//! them; a changed text is another text.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lru::LruCache;

/// Bytes of HTML that are kept.
const KEPT: usize = 32 * 1024 * 1024;

/// What an entry takes beside its HTML, about.
const ENTRY: usize = 200;

/// A text in its place, by two hashes with keys that nobody knows.
type Key = (u64, u64);

struct Cache {
    texts: LruCache<Key, Arc<str>>,
    bytes: usize,
}

static CACHE: LazyLock<Mutex<Cache>> =
    LazyLock::new(|| Mutex::new(Cache { texts: LruCache::unbounded(), bytes: 0 }));

/// The HTML of a text, laid out by `lay_out` unless it is kept.
pub(super) fn kept(text: impl Hash + Copy, lay_out: impl FnOnce() -> String) -> Arc<str> {
    static KEYS: LazyLock<(RandomState, RandomState)> = LazyLock::new(Default::default);
    let key = (KEYS.0.hash_one(text), KEYS.1.hash_one(text));
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(html) = cache().texts.get(&key) {
        return Arc::clone(html);
    }
    let html: Arc<str> = lay_out().into();
    cache().keep(key, &html);
    html
}

impl Cache {
    fn keep(&mut self, key: Key, html: &Arc<str>) {
        if html.len() > KEPT / 4 {
            return;
        }
        self.bytes += html.len() + ENTRY;
        if let Some(before) = self.texts.put(key, Arc::clone(html)) {
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
    fn a_text_is_laid_out_once_in_each_of_its_places() {
        let text = "a text of this test";
        assert_eq!(&*kept((text, "post-1", 2, true), || "one".to_owned()), "one");
        assert_eq!(&*kept((text, "post-1", 2, true), || panic!("it is kept")), "one");
        assert_eq!(&*kept((text, "post-2", 2, true), || "two".to_owned()), "two");
        assert_eq!(&*kept((text, "post-1", 3, true), || "three".to_owned()), "three");
        let listed = kept((text, "post-1", 2, false), || "four".to_owned());
        assert_eq!(&*listed, "four");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_longest_unread_goes_first() {
        let mut cache = Cache { texts: LruCache::unbounded(), bytes: 0 };
        let html: Arc<str> = "x".repeat(KEPT / 8).into();
        for n in 0..100 {
            cache.keep((n, 0), &html);
            cache.texts.get(&(0, 0)).expect("it is read all the time");
            assert!(cache.bytes <= KEPT);
        }
        let bytes: usize = cache.texts.iter().map(|(_, html)| html.len() + ENTRY).sum();
        assert_eq!(cache.bytes, bytes);
        assert!(cache.texts.contains(&(99, 0)) && !cache.texts.contains(&(1, 0)));
        cache.keep((100, 0), &"x".repeat(KEPT).into());
        assert!(!cache.texts.contains(&(100, 0)), "one text does not drive out all others");
    }
}
