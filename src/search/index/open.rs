//! Opening an index: taking its lock, checking it, and making an empty one where there is none to
//! go on with. Owns what counts as damage; leaves filling the new one to the caller.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tantivy::directory::error::{LockError, OpenReadError};
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::schema::Schema;
use tantivy::{IndexSettings, ReloadPolicy, TantivyError};

use super::{Index, Searchable, schema};
use crate::search::{analyzer, files};

/// Memory in bytes that the writer fills before it writes a segment.
const BUDGET: usize = 32 * 1024 * 1024;

/// Why an index cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(in crate::search) enum OpenError {
    #[error("another process holds the search index")]
    Busy,
    #[error("the search index cannot be opened: {0}")]
    Failed(#[from] TantivyError),
}

/// The condition in which an index was found.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::search) enum Condition {
    Sound,
    Missing,
    /// Another version of the program, with other words or other fields, has written it; it is
    /// gone.
    Outdated,
    /// The files were unusable, for this reason, and are gone.
    Damaged(String),
}

/// Opens the index in `dir`; with `rebuild`, removes its files and makes an empty one.
pub(super) fn open(dir: &Path, rebuild: bool) -> Result<(Index, Condition), OpenError> {
    std::fs::create_dir_all(dir).map_err(|error| {
        let told = format!("cannot make the folder of the index, {}: {error}", dir.display());
        TantivyError::from(std::io::Error::new(error.kind(), told))
    })?;
    let directory = MmapDirectory::open(dir).map_err(TantivyError::from)?;
    let lock = directory.acquire_lock(&INDEX_WRITER_LOCK).map_err(|error| match error {
        LockError::LockBusy => OpenError::Busy,
        error => TantivyError::LockFailure(error, None).into(),
    })?;
    let (schema, fields) = schema();
    let found = if rebuild { Ok(Inspected::Missing) } else { inspect(&directory, &schema) };
    let (index, condition) = match found? {
        Inspected::Sound(index) => (*index, Condition::Sound),
        useless => {
            files::wipe(dir).map_err(TantivyError::from)?;
            let index = tantivy::Index::create(directory, schema, IndexSettings::default())?;
            index.tokenizers().register(analyzer::NAME, analyzer::analyzer());
            let condition = match useless {
                Inspected::Damaged(reason) => Condition::Damaged(reason),
                Inspected::Outdated => Condition::Outdated,
                Inspected::Missing | Inspected::Sound(_) => Condition::Missing,
            };
            (index, condition)
        }
    };
    // The writer takes the lock itself; whoever is quicker here leaves us with `Busy`.
    drop(lock);
    let writer = index.writer_with_num_threads(1, BUDGET).map_err(|error| match error {
        TantivyError::LockFailure(LockError::LockBusy, _) => OpenError::Busy,
        error => error.into(),
    })?;
    let payload = index.load_metas()?.payload;
    let position = payload.and_then(|payload| serde_json::from_str(&payload).ok());
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let searchable = Searchable { reader, fields };
    let has_documents = searchable.has_documents();
    Ok((
        Index { writer, searchable, position, pending: 0, posts: HashMap::new(), has_documents },
        condition,
    ))
}

enum Inspected {
    Sound(Box<tantivy::Index>),
    Missing,
    Outdated,
    Damaged(String),
}

/// Looks whether the index can be used. An error is one of the machine's, not of the index.
fn inspect(directory: &MmapDirectory, schema: &Schema) -> Result<Inspected, TantivyError> {
    let look = || -> Result<Inspected, TantivyError> {
        if !tantivy::Index::exists(directory)? {
            return Ok(Inspected::Missing);
        }
        let index = tantivy::Index::open(directory.clone())?;
        if index.schema() != *schema {
            return Ok(Inspected::Outdated);
        }
        let damaged = index.validate_checksum()?;
        if let Some(path) = damaged.iter().next() {
            return Ok(Inspected::Damaged(format!("{} is not what was written", path.display())));
        }
        index.tokenizers().register(analyzer::NAME, analyzer::analyzer());
        index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map(|_| Inspected::Sound(Box::new(index)))
    };
    // Tantivy panics where some files make no sense at all.
    match catch_unwind(AssertUnwindSafe(look)) {
        Ok(Err(error)) if is_the_machines(&error) => Err(error),
        Ok(Err(error)) => Ok(Inspected::Damaged(error.to_string())),
        Ok(Ok(inspected)) => Ok(inspected),
        Err(_) => Ok(Inspected::Damaged("it makes no sense".to_owned())),
    }
}

/// True for what wiping the index would not mend: no permission, no memory, no more file handles.
fn is_the_machines(error: &TantivyError) -> bool {
    let io = match error {
        TantivyError::IoError(io) => io,
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => io_error,
        TantivyError::LockFailure(..)
        | TantivyError::OpenDirectoryError(_)
        | TantivyError::SystemError(_) => return true,
        _ => return false,
    };
    io.raw_os_error().is_some() && io.kind() != std::io::ErrorKind::NotFound
}
