//! Opening an index: takes its lock, checks it, and makes an empty one if there is no usable one.
//! Owns the definition of damage; leaves filling the new index to the caller.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tantivy::directory::error::{LockError, OpenReadError};
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::schema::Schema;
use tantivy::{IndexSettings, ReloadPolicy, TantivyError};

use super::{Index, Searchable, schema};
use crate::search::{analyzer, files};

/// The bytes of memory that the writer fills before it writes a segment.
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
    /// A version of the program with another analyzer or schema wrote it; its files were removed.
    Outdated,
    /// The files were unusable, for this reason, and were removed.
    Damaged(String),
}

/// Opens the index in `dir`. With `rebuild`, removes its files and makes an empty index.
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
    // The writer takes the lock itself. If another process takes it first, this one gets `Busy`.
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

/// Checks whether the index can be used. An error is the machine's, not the index's.
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
            return Ok(Inspected::Damaged(format!("{} has a wrong checksum", path.display())));
        }
        index.tokenizers().register(analyzer::NAME, analyzer::analyzer());
        index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map(|_| Inspected::Sound(Box::new(index)))
    };
    // Tantivy panics on some kinds of garbled files.
    match catch_unwind(AssertUnwindSafe(look)) {
        Ok(Err(error)) if is_the_machines(&error) => Err(error),
        Ok(Err(error)) => Ok(Inspected::Damaged(error.to_string())),
        Ok(Ok(inspected)) => Ok(inspected),
        Err(_) => Ok(Inspected::Damaged("its files cannot be read".to_owned())),
    }
}

/// True for errors that wiping the index would not fix: no permission, memory or file handles.
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
