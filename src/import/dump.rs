//! Export files of other programs: finds out which program wrote a file, where its texts and media
//! are, and how one of its pages becomes an entry. The formats themselves are read by `ghost` and
//! `wordpress`.
//!
//! A file is read twice. The first pass reads all of it without writing, so a file that is damaged
//! anywhere writes nothing.

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

/// The number of bytes read to recognise a format.
const LOOKED_AT: u64 = 4096;

/// The format of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Xml,
    Zip,
}

/// The location of an export's text.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// A file.
    File(PathBuf),
    /// A file in a zip file: the path of the zip file, the index in it, and the name.
    Member(PathBuf, usize, String),
}

/// Returns the path, without symbolic links; refuses anything but a folder or a recognised file.
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
        None => Err(refused(path, None, "it is neither a folder nor a Ghost or WordPress export")),
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

/// An export file that was checked completely.
pub(super) enum Export {
    /// An export of Ghost.
    Ghost(ghost::Export),
    /// An export of WordPress, in one or several parts.
    WordPress(wordpress::Export),
}

/// An export, with notes on the other files beside it.
pub(super) type Opened = (Export, Vec<(PathBuf, Note)>);

/// Reads and checks all of an export file; writes nothing.
pub(super) fn open(path: &Path, media: Option<&Path>) -> Result<Opened, ImportError> {
    let folder = media.map(walk::check).transpose()?;
    let (text, media) = (Text::File(path.to_owned()), Media { archive: None, folder });
    match format(&begin(path)?) {
        Some(Format::Json) => Ok((Export::Ghost(ghost::open(text, media)?), Vec::new())),
        Some(Format::Xml) => {
            Ok((Export::WordPress(wordpress::open(vec![text], media)?), Vec::new()))
        }
        Some(Format::Zip) => zip(path, media.folder),
        None => Err(refused(path, None, "it is not a Ghost or WordPress export")),
    }
}

impl Export {
    /// The number of posts and pages in the export.
    pub(super) fn pages(&self) -> usize {
        match self {
            Export::Ghost(export) => export.pages,
            Export::WordPress(export) => export.pages,
        }
    }

    /// Imports the posts and pages.
    pub(super) fn import(self, intake: &mut Intake<'_>) -> Result<(), ImportError> {
        match self {
            Export::Ghost(export) => export.import(intake),
            Export::WordPress(export) => export.import(intake),
        }
    }
}

/// Opens a zip file with one Ghost export, or with any number of parts of a WordPress export.
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
                _ => Note::told("not an export, so not read", ""),
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
            let why = why.unwrap_or_else(|| "it contains no Ghost or WordPress export".into());
            return Err(refused(path, None, why));
        }
        _ => {
            let why = "it contains several exports; unpack it and import each of them";
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
    /// The name used in findings.
    pub(super) fn name(&self) -> PathBuf {
        match self {
            Text::File(path) => path.file_name().map(PathBuf::from).unwrap_or_default(),
            Text::Member(_, _, name) => PathBuf::from(name),
        }
    }

    /// An error about this text.
    pub(super) fn refused(&self, line: Option<usize>, why: impl Into<String>) -> ImportError {
        match self {
            Text::File(path) => refused(path, line, why),
            Text::Member(path, _, name) => refused(&path.join(name), line, why),
        }
    }

    /// Reads at most `most` bytes of the text.
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
