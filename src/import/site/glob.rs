//! Patterns of paths, as cascades and front matter defaults have them. Matching takes time in
//! proportion to the path, whatever the pattern.

use globset::{GlobBuilder, GlobMatcher};

/// Longest pattern in bytes.
const LONGEST: usize = 512;

/// A pattern.
#[derive(Clone, Debug)]
pub struct Glob(GlobMatcher);

impl Glob {
    /// Reads a pattern with `*` for part of a name, `**` for any folders, `{a,b}` for either.
    pub fn new(pattern: &str) -> Option<Glob> {
        Glob::of(pattern, true)
    }

    /// The same, but `*` stands for slashes, too.
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

    /// Whether a path is one of them.
    pub fn is_match(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}
