//! A file that has its name only once it is whole: until then it is another one beside it, which
//! goes with whatever ends the backup early.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{BackupError, seal};

/// What SQLite puts behind the name of a database for the files beside it.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// See the module.
pub(super) struct NewFile {
    /// Its name once it is whole.
    whole: PathBuf,
    part: PathBuf,
    is_whole: bool,
}

impl NewFile {
    /// Begins a file that will be called `whole`, where nothing is. Only its owner can read it.
    pub(super) fn beside(whole: &Path) -> Result<NewFile, BackupError> {
        let failed = |source| BackupError::File { path: whole.to_owned(), source };
        // Elsewhere it means standard output, which could not be checked and renamed.
        if whole == Path::new("-") {
            return Err(BackupError::Name(whole.to_owned()));
        }
        let whole = std::path::absolute(whole).map_err(failed)?;
        refuse_existing(&whole)?;
        let Some(name) = whole.file_name() else { return Err(BackupError::Name(whole)) };
        let mut name = name.to_owned();
        // A process that was killed leaves one behind, and its id may be this one's.
        name.push(format!(".partial-{:08x}", rand::random::<u32>()));
        let part = whole.with_file_name(name);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        made.map_err(|source| BackupError::File { path: whole.clone(), source })?;
        Ok(NewFile { whole, part, is_whole: false })
    }

    /// Where it is now.
    pub(super) fn path(&self) -> &Path {
        &self.part
    }

    /// Its name once it is whole.
    pub(super) fn name(&self) -> &Path {
        &self.whole
    }

    /// Ends it with its seal, gives it its name, and returns its length. Everything is on the disk
    /// then.
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

/// Removes a SQLite file with what SQLite has put beside it.
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
            log::error!("{} cannot be removed: {error}", Path::new(&name).display());
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
