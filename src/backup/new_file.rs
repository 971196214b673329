//! A file that gets its name only when it is complete. Until then it has a temporary name in the
//! same folder, and is removed if the backup ends early.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{BackupError, seal};

/// The suffixes of the files that SQLite creates next to a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A file that is renamed when it is complete.
pub(super) struct NewFile {
    /// The final name.
    whole: PathBuf,
    part: PathBuf,
    is_whole: bool,
}

impl NewFile {
    /// Creates a temporary file that will be named `whole`, which must not exist. Only its owner
    /// can read it.
    pub(super) fn beside(whole: &Path) -> Result<NewFile, BackupError> {
        let failed = |source| BackupError::File { path: whole.to_owned(), source };
        // By convention "-" means standard output, which cannot be read back and renamed.
        if whole == Path::new("-") {
            return Err(BackupError::Name(whole.to_owned()));
        }
        let whole = std::path::absolute(whole).map_err(failed)?;
        refuse_existing(&whole)?;
        let Some(name) = whole.file_name() else { return Err(BackupError::Name(whole)) };
        let mut name = name.to_owned();
        // A killed process leaves a file behind, and this process may have the same id, so use a
        // random name.
        name.push(format!(".partial-{:08x}", rand::random::<u32>()));
        let part = whole.with_file_name(name);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        made.map_err(|source| BackupError::File { path: whole.clone(), source })?;
        Ok(NewFile { whole, part, is_whole: false })
    }

    /// The temporary path.
    pub(super) fn path(&self) -> &Path {
        &self.part
    }

    /// The final name.
    pub(super) fn name(&self) -> &Path {
        &self.whole
    }

    /// Appends the seal, renames the file, and returns its length. Everything is then synced to
    /// disk.
    pub(super) fn keep(mut self) -> Result<u64, BackupError> {
        let bytes = self.seal().map_err(|source| self.failed(source))?;
        refuse_existing(&self.whole)?;
        std::fs::rename(&self.part, &self.whole).map_err(|source| self.failed(source))?;
        self.is_whole = true;
        let folder = self.whole.parent().unwrap_or(&self.whole);
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| self.failed(source))?;
        Ok(bytes)
    }

    fn seal(&self) -> io::Result<u64> {
        let mut file = OpenOptions::new().read(true).append(true).open(&self.part)?;
        seal::append(&mut file)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }

    fn failed(&self, source: io::Error) -> BackupError {
        BackupError::File { path: self.whole.clone(), source }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_whole {
            remove(&self.part);
        }
    }
}

/// Removes a SQLite file and the files that SQLite created next to it.
pub(super) fn remove(file: &Path) {
    let mut names: Vec<OsString> = BESIDE
        .iter()
        .map(|ending| {
            let mut name = file.as_os_str().to_owned();
            name.push(ending);
            name
        })
        .collect();
    names.push(file.as_os_str().to_owned());
    for name in names {
        if let Err(error) = std::fs::remove_file(&name)
            && error.kind() != io::ErrorKind::NotFound
        {
            log::error!("cannot remove {}: {error}", Path::new(&name).display());
        }
    }
}

fn refuse_existing(file: &Path) -> Result<(), BackupError> {
    match file.symlink_metadata() {
        Ok(_) => Err(BackupError::Exists(file.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(BackupError::File { path: file.to_owned(), source }),
    }
}
