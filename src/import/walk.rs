//! Finds the files of a folder that contain pages, one at a time and in the order of their paths.
//!
//! Skips hidden files and folders. Symbolic links are reported and never followed, so nothing from
//! outside the folder gets in, and the walk always ends.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::ImportError;
use super::report::Note;

/// The extensions of files that contain pages, from Jekyll (`markdown_ext`) and Hugo.
const ENDINGS: [&str; 9] =
    ["md", "markdown", "mkd", "mkdn", "mkdown", "mdown", "mdwn", "html", "htm"];

/// The extensions of pages for which Hugo needs other programs; they are not read.
const OTHERS: [&str; 8] = ["org", "adoc", "asciidoc", "ad", "rst", "pdc", "pandoc", "mmark"];

/// A file that may contain a page, or something under such a name that cannot be read.
pub(super) struct Found {
    /// The path relative to the folder.
    pub(super) relative: PathBuf,
    /// The path to read, or why it cannot be read.
    pub(super) file: Result<PathBuf, Note>,
}

/// Refuses anything but a readable folder; returns its path without symbolic links.
pub(super) fn check(dir: &Path) -> Result<PathBuf, ImportError> {
    let folder = std::fs::read_dir(dir).and_then(|_| dir.canonicalize());
    folder.map_err(|source| ImportError::Folder { path: dir.to_owned(), source })
}

/// The files in and below `dir` that may contain pages.
pub(super) fn files(dir: &Path) -> impl Iterator<Item = Found> {
    WalkDir::new(dir)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry))
        .filter_map(move |entry| match entry {
            Ok(entry) if is_page(&entry) => Some(Found {
                relative: below(dir, entry.path()),
                file: match entry.file_type() {
                    kind if kind.is_file() => Ok(entry.into_path()),
                    kind if kind.is_symlink() => Err(Note::lost("symbolic link", "")),
                    _ => Err(Note::lost("not a file", "")),
                },
            }),
            // The linked folder may contain pages, and none of them is read.
            Ok(entry) if entry.path_is_symlink() && entry.path().is_dir() => Some(Found {
                relative: below(dir, entry.path()),
                file: Err(Note::lost("symbolic link to a folder", "")),
            }),
            Ok(_) => None,
            Err(error) => Some(Found {
                relative: below(dir, error.path().unwrap_or(dir)),
                file: Err(Note::lost(
                    "cannot be read",
                    error
                        .io_error()
                        .map_or_else(|| "unknown error".to_owned(), ToString::to_string),
                )),
            }),
        })
}

/// Whether a file of this name may contain a page.
pub(super) fn holds_page(name: &str) -> bool {
    let ending = name.rsplit('/').next().and_then(|name| name.rsplit_once('.'));
    ending.is_some_and(|(_, ending)| is_ending(ending))
}

/// Whether a file of this name is a page in Hugo that is not read here.
pub(super) fn is_other(name: &str) -> bool {
    let ending = name.rsplit('/').next().and_then(|name| name.rsplit_once('.'));
    ending.is_some_and(|(_, ending)| is_other_ending(ending))
}

fn is_other_ending(ending: &str) -> bool {
    OTHERS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn is_ending(ending: &str) -> bool {
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn below(dir: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(dir).unwrap_or(path).to_owned()
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_page(entry: &DirEntry) -> bool {
    let ending = entry.path().extension().and_then(std::ffi::OsStr::to_str);
    let is_other = entry.file_type().is_file() && ending.is_some_and(is_other_ending);
    is_other || !entry.file_type().is_dir() && ending.is_some_and(is_ending)
}
