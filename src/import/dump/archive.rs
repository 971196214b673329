//! Reads zip files with the zip crate. The directory, each file and all files together are bounded,
//! regardless of what their headers say. Names in a zip file are only compared, never used as
//! paths; nested zip files are not opened.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use zip::ZipArchive;
use zip::result::ZipError;

use super::refused;
use crate::import::ImportError;
use crate::import::report::Note;

/// Maximum bytes of the directory, which has at least 46 for each file.
const DIRECTORY: u64 = 16 * 1024 * 1024;

/// Maximum bytes inflated from one zip file.
const ALL: u64 = 32 * 1024 * 1024 * 1024;

/// Maximum bytes of a name.
const NAME: usize = 1024;

/// An open zip file.
pub(in crate::import) struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<Bounded>>,
    /// The indexes of its files by name, without the top folder if all of them are in one.
    names: HashMap<String, usize>,
    inflated: u64,
}

impl Archive {
    /// Opens a zip file and reads its directory.
    pub(super) fn open(path: &Path) -> Result<Archive, ImportError> {
        let file = File::open(path)
            .map_err(|source| ImportError::Folder { path: path.to_owned(), source })?;
        let left = Rc::new(Cell::new(Some(DIRECTORY)));
        let bounded = BufReader::new(Bounded { file, left: Rc::clone(&left) });
        let zip = ZipArchive::new(bounded).map_err(|error| refused(path, None, words(&error)))?;
        left.set(None);
        let mut archive =
            Archive { path: path.to_owned(), zip, names: HashMap::new(), inflated: 0 };
        archive.name();
        Ok(archive)
    }

    fn name(&mut self) {
        let mut names: Vec<(String, usize)> = Vec::new();
        for index in 0..self.zip.len() {
            if let Some(Ok(name)) = self.zip.name_for_index(index)
                && is_name(&name)
            {
                names.push((name.into_owned(), index));
            }
        }
        let top = names.first().and_then(|(name, _)| Some(format!("{}/", name.split_once('/')?.0)));
        let top = top.filter(|top| names.iter().all(|(name, _)| name.starts_with(top)));
        for (name, index) in names {
            let name = top.as_ref().and_then(|top| name.strip_prefix(top)).unwrap_or(&name);
            // If several have the same name, the first one counts.
            self.names.entry(name.to_owned()).or_insert(index);
        }
    }

    /// The files that may contain an export, sorted by name.
    pub(super) fn texts(&self) -> Vec<(usize, String)> {
        let is_text = |name: &str| {
            let lower = name.to_ascii_lowercase();
            (lower.ends_with(".json") || lower.ends_with(".xml")) && name.matches('/').count() <= 1
        };
        let found = self.names.iter().filter(|(name, _)| is_text(name));
        let mut found: Vec<_> = found.map(|(name, index)| (*index, name.clone())).collect();
        found.sort_by(|one, other| one.1.cmp(&other.1));
        found.truncate(1000);
        found
    }

    /// Whether it contains a file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The first `most` bytes of a file.
    pub(super) fn begin(&mut self, index: usize, most: u64) -> Result<Vec<u8>, Note> {
        let unread = |error: &ZipError| Note::lost("cannot be read", words(error));
        let file = self.zip.by_index(index).map_err(|error| unread(&error))?;
        let mut bytes = Vec::new();
        let read = file.take(most).read_to_end(&mut bytes);
        read.map_err(|error| Note::lost("cannot be read", error.to_string()))?;
        Ok(bytes)
    }

    /// The bytes of the file of this name; an error if it has more than `most`.
    pub(super) fn bytes(&mut self, name: &str, most: u64) -> Result<Vec<u8>, Note> {
        let index = self.names.get(name).copied();
        let index = index.ok_or_else(|| Note::lost("missing media", ""))?;
        let bytes = self.begin(index, (most + 1).min(ALL.saturating_sub(self.inflated)))?;
        self.inflated += bytes.len() as u64;
        if self.inflated >= ALL {
            return Err(Note::lost("more than 32 GiB in one zip file", ""));
        }
        if bytes.len() as u64 > most {
            return Err(Note::lost(format!("larger than {} MiB", most / (1024 * 1024)), ""));
        }
        Ok(bytes)
    }

    /// Reads at most `most` bytes of a file.
    pub(super) fn read<T>(
        &mut self,
        index: usize,
        most: u64,
        read: impl FnOnce(&mut dyn Read) -> Result<T, ImportError>,
    ) -> Result<T, ImportError> {
        let path = &self.path;
        let file = self.zip.by_index(index);
        let file = file.map_err(|error| refused(path, None, words(&error)))?;
        read(&mut file.take(most))
    }
}

/// Whether a name is the plain path of a file that is not hidden.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part != "__MACOSX";
    name.len() <= NAME
        && !name.contains(|c: char| c == '\\' || c.is_control())
        && name.split('/').all(is_part)
}

fn words(error: &ZipError) -> String {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            "it is encrypted; unpack it and import the file inside".to_owned()
        }
        other => format!("the zip file is damaged: {other}"),
    }
}

/// A file that can be read only up to a limit while one is set.
struct Bounded {
    file: File,
    left: Rc<Cell<Option<u64>>>,
}

impl Read for Bounded {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(bytes)?;
        if let Some(left) = self.left.get() {
            let left = left.checked_sub(read as u64);
            self.left.set(Some(
                left.ok_or_else(|| std::io::Error::other("its directory is larger than 16 MiB"))?,
            ));
        }
        Ok(read)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}
