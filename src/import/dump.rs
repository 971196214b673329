//! Export files of other programs: which one a file is, where its texts and its media are, and how
//! a page of it becomes an entry. Reading the formats is `ghost`'s and `wordpress`'.
//!
//! A file is read twice: first all of it, without writing, so that one that is damaged anywhere
//! writes nothing.

pub(super) mod archive;
pub(super) mod names;
pub(super) mod page;
pub(super) mod site;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use self::archive::Archive;
use self::site::Media;
use super::intake::Intake;
use super::report::Note;
use super::{ImportError, ghost, walk, wordpress};

/// The bytes by which a format is recognised.
const LOOKED_AT: u64 = 4096;

/// The format of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Xml,
    Zip,
}

/// Where a text of an export is.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// A file.
    File(PathBuf),
    /// A file inside of a zip file: the zip file, its place there, its name.
    Member(PathBuf, usize, String),
}

/// Refuses what is neither a folder nor a file that can be read, and gives its path without links.
pub(super) fn check(path: &Path) -> Result<PathBuf, ImportError> {
    let metadata = path.metadata();
    let metadata = metadata.map_err(|source| unreadable(path, source))?;
    if !metadata.is_file() {
        return walk::check(path);
    }
    let file = path.canonicalize().map_err(|source| unreadable(path, source))?;
    let begins = begin(&file)?;
    match format(&begins) {
        Some(_) => Ok(file),
        None => Err(refused(path, None, "it is no folder, and no export of Ghost or WordPress")),
    }
}

/// The names of files in a folder that may be exports.
pub(super) fn inside(folder: &Path) -> Vec<PathBuf> {
    const MOST: usize = 1000;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MOST);
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter(|entry| {
            let path = entry.path();
            let ending = path.extension().and_then(std::ffi::OsStr::to_str);
            ending.is_some_and(|it| matches!(it, "json" | "xml" | "zip")) && check(&path).is_ok()
        })
        .map(|entry| PathBuf::from(entry.file_name()))
        .collect();
    found.sort();
    found
}

/// An export file that is checked, all of it.
pub(super) enum Export {
    /// Ghost's.
    Ghost(ghost::Export),
    /// WordPress', in one or several parts.
    WordPress(wordpress::Export),
}

/// An export, and what is to be said of other files beside it.
pub(super) type Opened = (Export, Vec<(PathBuf, Note)>);

/// Reads an export file, all of it, and writes nothing.
pub(super) fn open(path: &Path, media: Option<&Path>) -> Result<Opened, ImportError> {
    let folder = media.map(walk::check).transpose()?;
    let (text, media) = (Text::File(path.to_owned()), Media { archive: None, folder });
    match format(&begin(path)?) {
        Some(Format::Json) => Ok((Export::Ghost(ghost::open(text, media)?), Vec::new())),
        Some(Format::Xml) => {
            Ok((Export::WordPress(wordpress::open(vec![text], media)?), Vec::new()))
        }
        Some(Format::Zip) => zip(path, media.folder),
        None => Err(refused(path, None, "it is no export of Ghost or WordPress")),
    }
}

impl Export {
    /// How many posts and pages there are.
    pub(super) fn pages(&self) -> usize {
        match self {
            Export::Ghost(export) => export.pages,
            Export::WordPress(export) => export.pages,
        }
    }

    /// Imports them.
    pub(super) fn import(self, intake: &mut Intake<'_>) -> Result<(), ImportError> {
        match self {
            Export::Ghost(export) => export.import(intake),
            Export::WordPress(export) => export.import(intake),
        }
    }
}

/// A zip file: one text of Ghost's, or any number of WordPress' parts.
fn zip(path: &Path, folder: Option<PathBuf>) -> Result<Opened, ImportError> {
    let mut archive = Archive::open(path)?;
    let (mut ghosts, mut parts, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for (index, name) in archive.texts() {
        let text = Text::Member(path.to_owned(), index, name.clone());
        let note = match archive.begin(index, LOOKED_AT) {
            Ok(begins) => match format(&begins) {
                Some(Format::Json) if ghost::is_export(&begins) => {
                    ghosts.push(text);
                    continue;
                }
                Some(Format::Xml) if wordpress::is_export(&begins) => {
                    parts.push(text);
                    continue;
                }
                _ => Note::told("no export, and not read", ""),
            },
            Err(note) => note,
        };
        notes.push((PathBuf::from(name), note));
    }
    let media = Media { archive: Some(archive), folder };
    let export = match (ghosts.pop(), ghosts.is_empty() && parts.is_empty(), parts.is_empty()) {
        (Some(text), true, _) => Export::Ghost(ghost::open(text, media)?),
        (None, _, false) => Export::WordPress(wordpress::open(parts, media)?),
        (None, _, true) => {
            let first = notes.first().filter(|(_, note)| note.lost);
            let why = first.map(|(name, note)| format!("{}: {}", name.display(), note.detail));
            let why = why.unwrap_or_else(|| "it has no export of Ghost or WordPress in it".into());
            return Err(refused(path, None, why));
        }
        _ => {
            let why = "it has several exports in it; unpack it and import them one by one";
            return Err(refused(path, None, why));
        }
    };
    Ok((export, notes))
}

/// The first bytes of a file.
fn begin(path: &Path) -> Result<Vec<u8>, ImportError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(LOOKED_AT).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| unreadable(path, source))
}

fn format(begins: &[u8]) -> Option<Format> {
    if begins.starts_with(b"PK\x03\x04") || begins.starts_with(b"PK\x05\x06") {
        return Some(Format::Zip);
    }
    let text = begins.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begins);
    match text.trim_ascii_start().first() {
        Some(b'{' | b'[') => Some(Format::Json),
        Some(b'<') => Some(Format::Xml),
        _ => None,
    }
}

impl Text {
    /// The name that findings give it.
    pub(super) fn name(&self) -> PathBuf {
        match self {
            Text::File(path) => path.file_name().map(PathBuf::from).unwrap_or_default(),
            Text::Member(_, _, name) => PathBuf::from(name),
        }
    }

    /// An error about it.
    pub(super) fn refused(&self, line: Option<usize>, why: impl Into<String>) -> ImportError {
        match self {
            Text::File(path) => refused(path, line, why),
            Text::Member(path, _, name) => refused(&path.join(name), line, why),
        }
    }

    /// Reads it, with no more than so many bytes.
    pub(super) fn read<T>(
        &self,
        most: u64,
        read: impl FnOnce(&mut dyn BufRead) -> Result<T, ImportError>,
    ) -> Result<T, ImportError> {
        match self {
            Text::File(path) => {
                let file = File::open(path).map_err(|source| unreadable(path, source))?;
                read(&mut BufReader::with_capacity(64 * 1024, file.take(most)))
            }
            Text::Member(path, index, _) => Archive::open(path)?
                .read(*index, most, |text| read(&mut BufReader::with_capacity(64 * 1024, text))),
        }
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> ImportError {
    ImportError::Folder { path: path.to_owned(), source }
}

pub(super) fn refused(path: &Path, line: Option<usize>, why: impl Into<String>) -> ImportError {
    ImportError::Export { path: path.to_owned(), line, why: why.into() }
}
