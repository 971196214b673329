//! How an import recognises the post of an earlier import.
//!
//! The database stores an entry's identity as its post's `source`. The identity is `path:` and
//! Zola's `path`, the page's place on its site; otherwise it is `file:` and the file's path
//! relative to the site's folder, so it does not depend on the folder from which the site was
//! imported. (A `slug` is unique only within a section, and a permalink may be a pattern.) A folder
//! of no known site counts as a site.
//!
//! An entry of another program's export is recognised by the id that the program gave it.
//!
//! A post with a different identity is recognised in two other ways: by the path that the same file
//! had when it was imported from a folder above or below, as every earlier version stored it; and
//! as a renamed file, by its title and date. Both apply only if the file from which the post came
//! no longer exists, or is this one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use diesel::QueryResult;

use super::entry::{Entry, Layers};
use super::report::Note;
use super::site::Place;
use crate::connection::DbConnection;
use crate::models::post::{self, Post};

/// Maximum length of an identity in bytes.
const MAX_SOURCE: usize = 2048;

/// Maximum number of folders above the site's with which a path of an earlier version may begin.
const ABOVE: usize = 8;

pub(super) fn source(layers: &Layers<'_>, place: &Place) -> Result<String, Note> {
    let path = layers.own.text("path").map(|path| path.trim_matches('/'));
    let source = match path.filter(|path| !path.trim().is_empty()) {
        Some(path) => format!("path:{path}"),
        None => format!("file:{}", place.path),
    };
    if source.len() > MAX_SOURCE || source.contains(char::is_control) {
        return Err(Note::lost("path is longer than 2048 bytes or has control characters", ""));
    }
    Ok(source)
}

/// The folders in which an import looks for files.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    /// The imported folder, as a path without symbolic links.
    pub(super) imported: PathBuf,
    /// The site's folder.
    pub(super) site: PathBuf,
}

/// The posts that earlier imports made, by their titles.
pub(super) struct Known {
    hasher: RandomState,
    /// Hashes, not the texts: there is no bound on the number of posts.
    titles: HashMap<u64, Vec<i64>>,
    /// The posts already recognised in this run.
    taken: std::collections::HashSet<i64>,
}

impl Known {
    /// No known posts.
    pub(super) fn none() -> Known {
        Known { hasher: RandomState::new(), titles: HashMap::new(), taken: Default::default() }
    }

    /// Adds these ids and titles; returns the last id.
    pub(super) fn learn(&mut self, posts: Vec<(i64, String)>) -> Option<i64> {
        let last = posts.last().map(|(id, _)| *id);
        for (id, title) in posts {
            self.titles.entry(self.hasher.hash_one(&title)).or_default().push(id);
        }
        last
    }

    /// The post of an entry, and whether its identity must change to the entry's.
    pub(super) fn find(
        &mut self,
        connection: &mut DbConnection,
        entry: &Entry,
        folders: Option<&Folders>,
    ) -> QueryResult<Option<(Post, bool)>> {
        let Some(source) = &entry.post.source else { return Ok(None) };
        if let Some(post) = post::by_source(connection, source)? {
            self.taken.insert(post.id);
            return Ok(Some((post, false)));
        }
        let Some(folders) = folders.filter(|_| !self.titles.is_empty()) else { return Ok(None) };
        let this = folders.imported.join(&entry.path);
        for name in names(&this, folders, source) {
            if let Some(post) = post::by_source(connection, &format!("file:{name}"))?
                && resembles(&post, entry)
                && self.may_be(post.id, Some(&format!("file:{name}")), &this, folders)
            {
                self.taken.insert(post.id);
                return Ok(Some((post, true)));
            }
        }
        let same_title = self.titles.get(&self.hasher.hash_one(&entry.post.title));
        for id in same_title.cloned().unwrap_or_default().into_iter().take(100) {
            let Some((post, source)) = post::with_source(connection, id)? else { continue };
            if resembles(&post, entry)
                && (entry.dated || post.body == entry.post.body)
                && self.may_be(id, source.as_deref(), &this, folders)
            {
                self.taken.insert(id);
                return Ok(Some((post, true)));
            }
        }
        Ok(None)
    }

    /// Whether the file from which a post came is this one, or no longer exists.
    fn may_be(&self, id: i64, source: Option<&str>, this: &Path, folders: &Folders) -> bool {
        let Some(file) = source.and_then(|source| source.strip_prefix("file:")) else {
            return false;
        };
        let is_there = |folder: &Path| {
            let path = folder.join(file);
            path != this && path.symlink_metadata().is_ok()
        };
        !self.taken.contains(&id) && !is_there(&folders.imported) && !is_there(&folders.site)
    }
}

/// Whether a post has the entry's title and, if the entry is dated, its date.
fn resembles(post: &Post, entry: &Entry) -> bool {
    post.title == entry.post.title && (!entry.dated || post.inserted_at == entry.inserted_at)
}

/// The paths that a file had if it was imported from another folder above it: shorter paths first,
/// up to a few folders above the site's.
fn names(this: &Path, folders: &Folders, source: &str) -> Vec<String> {
    let all: Vec<&str> = this.iter().filter_map(std::ffi::OsStr::to_str).collect();
    let top = folders.site.components().count().saturating_sub(ABOVE);
    let from = all.len().saturating_sub(ABOVE * 2).max(top).max(1);
    (from..all.len())
        .rev()
        .filter_map(|at| all.get(at..).map(|names| names.join("/")))
        .filter(|name| source.strip_prefix("file:") != Some(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_had_other_paths_below_other_folders() {
        let folders =
            Folders { imported: "/home/x/site/content".into(), site: "/home/x/site".into() };
        let this = Path::new("/home/x/site/content/posts/a.md");
        assert_eq!(
            names(this, &folders, "file:content/posts/a.md"),
            [
                "a.md",
                "posts/a.md",
                "site/content/posts/a.md",
                "x/site/content/posts/a.md",
                "home/x/site/content/posts/a.md",
            ]
        );
    }
}
