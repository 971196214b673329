//! Files in a site's folders of pages that its configuration leaves out, each generator with its
//! patterns. Where a generator's own reading is in doubt, a file is left out. Pure.

use std::path::Path;

use regex::Regex;

use super::glob::Glob;

/// Most folders of a path that are looked at one by one.
const DEEPEST: usize = 64;

/// What a configuration leaves out.
#[derive(Clone, Debug, Default)]
pub struct LeftOut {
    /// Hugo's `ignoreFiles`: of whole paths.
    pub ignored: Vec<Regex>,
    /// Hugo's mounts that do not mount all of a folder.
    pub mounts: Vec<Mount>,
    /// Zola's `ignored_content`: of whole paths and of their ends.
    pub content: Vec<Glob>,
    /// Jekyll's `exclude`, below its source.
    pub exclude: Vec<Names>,
    /// Jekyll's `include`, which goes before `exclude`.
    pub include: Vec<Names>,
    /// Jekyll's `collections_dir`, below its source.
    pub collections: String,
}

/// A folder that Hugo mounts in part.
#[derive(Clone, Debug, Default)]
pub struct Mount {
    /// Below the site's folder.
    pub folder: String,
    /// The files of it, if it says any.
    pub include: Vec<Glob>,
    /// The files of it that are not mounted.
    pub exclude: Vec<Glob>,
}

/// A pattern of Jekyll's: the beginning of a path, or a glob of all of it.
#[derive(Clone, Debug)]
pub struct Names {
    start: String,
    glob: Option<Glob>,
}

impl LeftOut {
    /// Why a file below the site's folder is left out, by Hugo or Zola.
    pub(super) fn why(&self, root: &Path, path: &str) -> Option<&'static str> {
        let whole = |below: &str| format!("{}/{below}", root.display());
        let above = root.as_os_str().len();
        let is_ignored = |below: &str| {
            let whole = whole(below);
            self.ignored.iter().any(|it| {
                // Where the site is says nothing about its files.
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

    /// Whether Jekyll excludes a path below its source, or a folder on its way.
    pub(super) fn excludes(&self, below: &str) -> bool {
        let excluded = |path: &str| self.exclude.iter().any(|it| it.is_match(path));
        starts(below).any(|path| excluded(path) && !self.includes(path))
    }

    /// Whether Jekyll reads a path below its source whatever its name is.
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
    /// A pattern as Jekyll has it: `*` goes through folders, too.
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

/// The folders on a path, from the top, and the path.
pub(super) fn starts(path: &str) -> impl Iterator<Item = &str> {
    let slashes = path.match_indices('/').take(DEEPEST);
    slashes.filter_map(|(at, _)| path.get(..at)).chain([path])
}

/// The path, and what is behind each of its slashes.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    let slashes = path.rmatch_indices('/').take(DEEPEST);
    slashes.filter_map(|(at, _)| path.get(at + 1..)).chain([path])
}
