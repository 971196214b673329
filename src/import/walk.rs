//! Finds the Markdown files of a folder, in the order of their paths and one at a time.
//!
//! Hidden files and folders are passed over. Links are told of and never followed, so nothing from
//! outside the folder gets in and no loop goes on for ever.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::ImportError;

/// A Markdown file, or something in its place that cannot be read.
pub(super) struct Found {
    /// The path below the folder.
    pub(super) relative: PathBuf,
    /// Where to read it, or why not.
    pub(super) file: Result<PathBuf, String>,
}

/// Refuses what is no folder that can be read.
pub(super) fn check(dir: &Path) -> Result<(), ImportError> {
    std::fs::read_dir(dir)
        .map(drop)
        .map_err(|source| ImportError::Folder { path: dir.to_owned(), source })
}

/// The Markdown files in and below `dir`.
pub(super) fn files(dir: &Path) -> impl Iterator<Item = Found> {
    WalkDir::new(dir)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry))
        .filter_map(move |entry| match entry {
            Ok(entry) if is_markdown(&entry) => Some(Found {
                relative: below(dir, entry.path()),
                file: match entry.file_type() {
                    kind if kind.is_file() => Ok(entry.into_path()),
                    kind if kind.is_symlink() => Err("symbolic link".to_owned()),
                    _ => Err("not a file".to_owned()),
                },
            }),
            Ok(_) => None,
            Err(error) => Some(Found {
                relative: below(dir, error.path().unwrap_or(dir)),
                file: Err(error.io_error().map_or_else(
                    || "cannot be read".to_owned(),
                    |source| format!("cannot be read: {source}"),
                )),
            }),
        })
}

fn below(dir: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(dir).unwrap_or(path).to_owned()
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_markdown(entry: &DirEntry) -> bool {
    !entry.file_type().is_dir()
        && entry.path().extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("md") || extension.eq_ignore_ascii_case("markdown")
        })
}
