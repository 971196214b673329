//! Files in a site's folders of pages that its configuration excludes, by the patterns of each
//! generator. If the generator's behaviour is in doubt, the file is excluded. Pure.

use std::path::Path;

use regex::Regex;

use super::glob::Glob;

/// Maximum number of a path's folders that are checked.
const DEEPEST: usize = 64;

/// The exclusions in a configuration.
#[derive(Clone, Debug, Default)]
pub struct LeftOut {
    /// Hugo's `ignoreFiles`, which match whole paths.
    pub ignored: Vec<Regex>,
    /// Hugo's mounts that include only part of a folder.
    pub mounts: Vec<Mount>,
    /// Zola's `ignored_content`, which matches whole paths and their ends.
    pub content: Vec<Glob>,
    /// Jekyll's `exclude`, relative to its source.
    pub exclude: Vec<Names>,
    /// Jekyll's `include`, relative to its source, which takes precedence over `exclude`.
    pub include: Vec<Names>,
    /// Jekyll's `collections_dir`, relative to its source.
    pub collections: String,
}

/// A folder that Hugo mounts, perhaps in part.
#[derive(Clone, Debug, Default)]
pub struct Mount {
    /// The path relative to the site's folder.
    pub folder: String,
    /// The files that are mounted; all if empty.
    pub include: Vec<Glob>,
    /// The files that are not mounted.
    pub exclude: Vec<Glob>,
}

/// A pattern in Jekyll's configuration: the beginning of a path, or a glob for the whole path.
#[derive(Clone, Debug)]
pub struct Names {
    start: String,
    glob: Option<Glob>,
}

impl LeftOut {
    /// Why Hugo or Zola ignores a file; `None` if neither does.
    pub(super) fn why(&self, root: &Path, path: &str) -> Option<&'static str> {
        let whole = |below: &str| format!("{}/{below}", root.display());
        let above = root.as_os_str().len();
        let is_ignored = |below: &str| {
            let whole = whole(below);
            self.ignored.iter().any(|it| {
                // The location of the site's folder must not matter.
                it.is_match(below) || it.find_iter(&whole).any(|found| found.end() > above)
            })
        };
        if !self.ignored.is_empty() && starts(path).any(is_ignored) {
            return Some("ignored by the site's configuration (ignoreFiles)");
        }
        let mut of_path =
            self.mounts.iter().filter(|it| super::place::strip(path, &it.folder).is_some());
        if let Some(first) = of_path.next()
            && !first.holds(path)
            && !of_path.any(|mount| mount.holds(path))
        {
            return Some("not mounted by the site's configuration (module.mounts)");
        }
        let is_match = |name: &str| self.content.iter().any(|glob| glob.is_match(name));
        if !self.content.is_empty()
            && (starts(path).any(|start| is_match(&whole(start))) || ends(path).any(is_match))
        {
            return Some("ignored by the site's configuration (ignored_content)");
        }
        None
    }

    /// Whether Jekyll excludes a path, given relative to its source, or a folder that contains it.
    pub(super) fn excludes(&self, below: &str) -> bool {
        let excluded = |path: &str| self.exclude.iter().any(|it| it.is_match(path));
        starts(below).any(|path| excluded(path) && !self.includes(path))
    }

    /// Whether Jekyll reads a path, given relative to its source, whatever its name.
    pub(super) fn includes(&self, below: &str) -> bool {
        let name = below.rsplit('/').next().unwrap_or(below);
        self.include.iter().any(|it| it.is_match(below) || it.is_match(name))
    }
}

impl Mount {
    fn holds(&self, path: &str) -> bool {
        let below = super::place::strip(path, &self.folder).unwrap_or(path);
        let is_one = |globs: &[Glob], path: &str| {
            let path = format!("/{path}");
            globs.iter().any(|glob| glob.is_match(&path))
        };
        let is_excluded = starts(below).any(|start| is_one(&self.exclude, start));
        !is_excluded && (self.include.is_empty() || is_one(&self.include, below))
    }
}

impl Names {
    /// Reads a pattern like Jekyll: `*` also matches slashes.
    pub(super) fn new(pattern: &str) -> Names {
        let start = pattern.trim_start_matches("./").trim_start_matches('/').to_owned();
        let glob = start.contains(['*', '?', '[', '{']).then(|| Glob::loose(&start)).flatten();
        Names { start, glob }
    }

    fn is_match(&self, path: &str) -> bool {
        let is_start = path.starts_with(&self.start) || self.start.strip_suffix('/') == Some(path);
        !self.start.is_empty() && is_start || self.glob.as_ref().is_some_and(|it| it.is_match(path))
    }
}

/// The folders on a path, from the top, and the path itself.
pub(super) fn starts(path: &str) -> impl Iterator<Item = &str> {
    let slashes = path.match_indices('/').take(DEEPEST);
    slashes.filter_map(|(at, _)| path.get(..at)).chain([path])
}

/// The path itself, and the part after each slash.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    let slashes = path.rmatch_indices('/').take(DEEPEST);
    slashes.filter_map(|(at, _)| path.get(at + 1..)).chain([path])
}
