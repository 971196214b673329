//! A new folder that gets its name only when it is complete. Until then it has a temporary name
//! beside the final one, and is removed if the export ends early.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::ExportError;

/// A folder that is being written.
pub(super) struct Folder {
    /// Its name once it is complete.
    whole: PathBuf,
    part: PathBuf,
    is_whole: bool,
}

/// A file of the folder that is being written.
pub(super) struct NewFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Folder {
    /// Creates the temporary folder for `whole`, which must be missing or empty.
    pub(super) fn beside(whole: &Path) -> Result<Folder, ExportError> {
        let failed = |source| failed(whole, source);
        let whole = match std::fs::read_dir(whole) {
            Ok(mut inside) => match inside.next() {
                Some(_) => return Err(ExportError::NotEmpty(whole.to_owned())),
                None => whole.canonicalize().map_err(failed)?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::path::absolute(whole).map_err(failed)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(ExportError::NotEmpty(whole.to_owned()));
            }
            Err(error) => return Err(failed(error)),
        };
        let mut name = match whole.file_name() {
            Some(name) => name.to_owned(),
            None => return Err(ExportError::NotEmpty(whole)),
        };
        // Random: a killed process leaves its folder behind, and process ids are reused.
        name.push(format!(".partial-{:08x}", rand::random::<u32>()));
        let part = whole.with_file_name(name);
        let folder = Folder { whole, part, is_whole: false };
        folder.make(&folder.part)?;
        Ok(folder)
    }

    /// Creates a folder in it.
    pub(super) fn folder(&self, name: &str) -> Result<(), ExportError> {
        self.make(&self.part.join(name))
    }

    fn make(&self, path: &Path) -> Result<(), ExportError> {
        let made = DirBuilder::new().mode(0o700).create(path);
        made.map_err(|source| failed(&self.named(path), source))
    }

    /// Creates a file in it.
    pub(super) fn file(&self, name: &str) -> Result<NewFile, ExportError> {
        let path = self.part.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let path = self.named(&path);
        let file = file.map_err(|source| failed(&path, source))?;
        Ok(NewFile { path, file: BufWriter::new(file) })
    }

    /// The final name of a file in it, for messages.
    fn named(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.part) {
            Ok(below) if !below.as_os_str().is_empty() => self.whole.join(below),
            _ => self.whole.clone(),
        }
    }

    /// Flushes it to the disk and gives it its final name.
    pub(super) fn keep(mut self) -> Result<(), ExportError> {
        let failed = |source| failed(&self.whole, source);
        rustix::fs::sync();
        std::fs::rename(&self.part, &self.whole).map_err(failed)?;
        self.is_whole = true;
        let above = self.whole.parent().unwrap_or(&self.whole);
        File::open(above).and_then(|above| above.sync_all()).map_err(failed)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_whole
            && let Err(error) = std::fs::remove_dir_all(&self.part)
            && error.kind() != io::ErrorKind::NotFound
        {
            log::error!("{} cannot be removed: {error}", self.part.display());
        }
    }
}

impl NewFile {
    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.file.write_all(bytes).map_err(|source| failed(&self.path, source))
    }

    /// Flushes and closes the file.
    pub(super) fn end(mut self) -> Result<(), ExportError> {
        self.file.flush().map_err(|source| failed(&self.path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> ExportError {
    ExportError::Write { path: path.to_owned(), source }
}
