//! By what a post of an earlier import is recognised.
//!
//! The identity of an entry, which the database keeps as its post's `source`, is `path:` and
//! Zola's `path`, the page's place on its site; else `file:` and the file's path below the site's
//! folder, so that it does not matter from which folder a site was imported. (A `slug` is only
//! unique within a section, a permalink may be a pattern.) A folder of no known site is one by
//! itself.
//!
//! An entry of an export of another program is known by the id that the program gave it.
//!
//! A post that has another identity is recognised too: by the path that the same file had when it
//! was imported from a folder above or below, as every version before had it; and as a file that
//! was renamed, by its title and date. Both only where the file that it is from is not there any
//! more, or is this one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use diesel::QueryResult;

use super::entry::{Entry, Layers};
use super::report::Note;
use super::site::Place;
use crate::connection::DbConnection;
use crate::models::post::{self, Post};

/// Longest identity in bytes.
const MAX_SOURCE: usize = 2048;

/// Most folders above the site's that a path of an earlier version may begin with.
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

/// Where an import looks for files.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    /// The imported folder, without links in its path.
    pub(super) imported: PathBuf,
    /// The site's.
    pub(super) site: PathBuf,
}

/// The imported posts that were there when the import began, by their titles.
pub(super) struct Known {
    hasher: RandomState,
    /// Hashes, not the texts: there is no bound on the number of posts.
    titles: HashMap<u64, Vec<i64>>,
    /// Those that were recognised in this run, by the time.
    taken: std::collections::HashSet<i64>,
}

impl Known {
    /// There are none.
    pub(super) fn none() -> Known {
        Known { hasher: RandomState::new(), titles: HashMap::new(), taken: Default::default() }
    }

    /// Takes these ids and titles in, and gives the last id.
    pub(super) fn learn(&mut self, posts: Vec<(i64, String)>) -> Option<i64> {
        let last = posts.last().map(|(id, _)| *id);
        for (id, title) in posts {
            self.titles.entry(self.hasher.hash_one(&title)).or_default().push(id);
        }
        last
    }

    /// The post that an entry is of, and whether its identity is to be changed to the entry's.
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

    /// Whether the file that a post is from is this one, or is gone.
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

/// Whether a post has an entry's title and, if that is known, its date.
fn resembles(post: &Post, entry: &Entry) -> bool {
    post.title == entry.post.title && (!entry.dated || post.inserted_at == entry.inserted_at)
}

/// The paths that a file had when it was imported from another folder on the way to it: shorter
/// ones first, up to some folders above the site's.
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
