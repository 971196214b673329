//! Patterns of paths, as used in cascades and front matter defaults. Matching takes time in
//! proportion to the path, whatever the pattern.

use globset::{GlobBuilder, GlobMatcher};

/// Maximum length of a pattern in bytes.
const LONGEST: usize = 512;

/// A pattern.
#[derive(Clone, Debug)]
pub struct Glob(GlobMatcher);

impl Glob {
    /// Compiles a pattern: `*` matches within a name, `**` any folders, `{a,b}` either; `None` if
    /// invalid.
    pub fn new(pattern: &str) -> Option<Glob> {
        Glob::of(pattern, true)
    }

    /// Like [`Glob::new`], but `*` also matches slashes.
    pub fn loose(pattern: &str) -> Option<Glob> {
        Glob::of(pattern, false)
    }

    fn of(pattern: &str, is_strict: bool) -> Option<Glob> {
        if pattern.len() > LONGEST {
            return None;
        }
        let glob = GlobBuilder::new(pattern).literal_separator(is_strict).build().ok()?;
        Some(Glob(glob.compile_matcher()))
    }

    /// Whether the pattern matches a path.
    pub fn is_match(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}
