//! Locks on the folders that a process uses. This module owns the lock file, in each data folder
//! and next to a SQLite file elsewhere, and the exclusion rules: two servers never share a data
//! folder, and nobody copies a SQLite file while a server uses it.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::connection::Database;

const NAME: &str = "server.lock";

/// The reason why a folder cannot be used, as one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be created or used.
    #[error("cannot use the folder {0}: {1}")]
    Folder(String, #[source] io::Error),
    /// Another process uses the folder.
    #[error("another server uses the folder {0}; stop it or choose another folder")]
    InUse(String),
}

/// A lock, held until it is dropped or the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Creates a folder if it is missing.
pub fn make_folder(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|error| unusable(folder, error))
}

/// Creates the data folder if it is missing, and locks it exclusively.
pub fn take(folder: &Path) -> Result<Lock, Error> {
    make_folder(folder)?;
    let file = File::create(folder.join(NAME)).map_err(|error| unusable(folder, error))?;
    locked(file.try_lock(), file, folder)
}

/// Takes a shared lock on the folder of a SQLite file outside the data folder, so that servers can
/// share the file but it is not copied while they write to it. Returns `None` if there is no such
/// folder.
pub fn share(database: &Database, data_folder: &Path) -> Result<Option<Lock>, Error> {
    let Some(folder) = folder_beside(database, data_folder)? else { return Ok(None) };
    let file = File::create(folder.join(NAME)).map_err(|error| unusable(folder, error))?;
    locked(file.try_lock_shared(), file, folder).map(Some)
}

/// Locks the data folder exclusively, and also the folder of a SQLite file outside it.
pub fn take_both(database: &Database, data_folder: &Path) -> Result<(Lock, Option<Lock>), Error> {
    let own = take(data_folder)?;
    let Some(folder) = folder_beside(database, data_folder)? else { return Ok((own, None)) };
    Ok((own, Some(take(folder)?)))
}

/// Locks the folder of a SQLite file exclusively, if a server has ever used it.
pub fn reserve(database: &Database) -> Result<Option<Lock>, Error> {
    let Some(folder) = folder_of(database) else { return Ok(None) };
    match File::open(folder.join(NAME)) {
        Ok(file) => locked(file.try_lock(), file, folder).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(folder, error)),
    }
}

/// Warns if other users of the machine can read a SQLite file. Files that this version created are
/// readable only by their owner.
pub fn warn_if_open_to_others(database: &Database) {
    let Database::Sqlite(file) = database else { return };
    let others = file.metadata().map(|found| found.permissions().mode() & 0o077).unwrap_or(0);
    if others != 0 {
        log::warn!(
            "other users of this machine can access {0}; run chmod go= {0} {0}-wal {0}-shm",
            file.display()
        );
    }
}

fn folder_of(database: &Database) -> Option<&Path> {
    let Database::Sqlite(file) = database else { return None };
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    Some(folder.unwrap_or(Path::new(".")))
}

/// The folder of a SQLite file, created if missing; `None` if it is the data folder.
fn folder_beside<'a>(
    database: &'a Database,
    data_folder: &Path,
) -> Result<Option<&'a Path>, Error> {
    let Some(folder) = folder_of(database) else { return Ok(None) };
    make_folder(folder)?;
    let absolute = |folder: &Path| folder.canonicalize().map_err(|error| unusable(folder, error));
    Ok((absolute(folder)? != absolute(data_folder)?).then_some(folder))
}

fn locked(taken: Result<(), TryLockError>, file: File, folder: &Path) -> Result<Lock, Error> {
    match taken {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(folder.display().to_string())),
        Err(TryLockError::Error(error)) => Err(unusable(folder, error)),
    }
}

fn unusable(folder: &Path, error: io::Error) -> Error {
    Error::Folder(folder.display().to_string(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite_in(folder: &Path) -> Database {
        Database::Sqlite(folder.join("kilonova.sqlite3"))
    }

    #[test]
    fn a_data_folder_has_one_server_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("made/when/missing");
        let first = take(&data).expect("the first server");
        assert!(matches!(take(&data), Err(Error::InUse(_))));
        drop(first);
        take(&data).expect("the next server");
    }

    #[test]
    fn servers_share_a_database_folder_but_a_copy_needs_it_exclusively() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let database = sqlite_in(&folder.path().join("shared"));
        assert!(reserve(&database).expect("nobody there").is_none());
        let servers = [&one, &two].map(|data| {
            let own = take(data).expect("a data folder");
            (own, share(&database, data).expect("a shared folder").expect("a lock"))
        });
        assert!(matches!(reserve(&database), Err(Error::InUse(_))));
        drop(servers);
        let copying = reserve(&database).expect("nobody there").expect("a lock");
        assert!(matches!(share(&database, &one), Err(Error::InUse(_))));
        drop(copying);
    }

    #[test]
    fn a_restore_excludes_servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let database = sqlite_in(&folder.path().join("shared"));
        make_folder(&two).expect("another data folder");
        let taken = take_both(&database, &one).expect("nobody there");
        assert!(matches!(take(&one), Err(Error::InUse(_))));
        assert!(matches!(share(&database, &two), Err(Error::InUse(_))));
        drop(taken);
        let _server = share(&database, &two).expect("a shared folder").expect("a lock");
        assert!(matches!(take_both(&database, &one), Err(Error::InUse(_))));
        take_both(&sqlite_in(&one), &one).expect("the database is in the data folder");
    }

    #[test]
    fn a_database_in_the_data_folder_is_locked_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let _own = take(folder.path()).expect("a data folder");
        let database = sqlite_in(folder.path());
        assert!(share(&database, folder.path()).expect("nothing to share").is_none());
        assert!(matches!(reserve(&database), Err(Error::InUse(_))));
    }
}
