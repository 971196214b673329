//! Rebuilds the index for the command line, while no server runs. A running server's rebuild is the
//! indexer's.

use std::path::Path;
use std::time::{Duration, Instant};

use super::index::{Index, OpenError};
use super::query::Kind;
use super::source::{self, Walk};
use crate::db::{self, Db};

/// The result of a reindex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The number of posts in the index, which has no drafts.
    pub posts: u64,
    /// The number of notes in the index.
    pub notes: u64,
    /// The number of comments in the index.
    pub comments: u64,
    /// The duration of the rebuild.
    pub elapsed: Duration,
}

/// Why the index was not rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ReindexError {
    /// A running server or another reindex has the index open.
    #[error("the search index is in use by a running server or reindex; stop it first")]
    Held,
    /// The index cannot be written.
    #[error("the search index cannot be written: {0}")]
    Index(String),
    /// The rows cannot be read.
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl From<OpenError> for ReindexError {
    fn from(error: OpenError) -> ReindexError {
        match error {
            OpenError::Busy => ReindexError::Held,
            OpenError::Failed(error) => error.into(),
        }
    }
}

impl From<tantivy::TantivyError> for ReindexError {
    fn from(error: tantivy::TantivyError) -> ReindexError {
        ReindexError::Index(error.to_string())
    }
}

/// Rebuilds the index in `dir` from the rows; calls `progress` with the number of rows done and
/// their total.
///
/// Fails with [`ReindexError::Held`], and changes nothing, while a server has the index open. If it
/// is interrupted, the next server to start rebuilds the index. Blocks the thread between reads, so
/// it is only for commands.
pub async fn reindex(
    dir: &Path,
    db: &Db,
    mut progress: impl FnMut(u64, u64),
) -> Result<Summary, ReindexError> {
    let begun = Instant::now();
    let mut index = Index::make(dir)?;
    // Read the position before any row: later changes are in the log after it.
    let (position, total) = db
        .read(|connection| {
            Ok::<_, db::Error>((source::newest(connection)?, source::count(connection)?))
        })
        .await?;
    let mut summary = Summary { posts: 0, notes: 0, comments: 0, elapsed: Duration::ZERO };
    let (mut walk, mut done) = (Some(Walk::START), 0);
    progress(done, total);
    while let Some(at) = walk {
        let rows = db.read(move |connection| Ok::<_, db::Error>(at.page(connection)?)).await?;
        for document in &rows.documents {
            index.upsert(document)?;
            *match document.kind {
                Kind::Post => &mut summary.posts,
                Kind::Note => &mut summary.notes,
                Kind::Comment => &mut summary.comments,
            } += 1;
        }
        done += rows.read as u64;
        // Rows may have been added since they were counted.
        progress(done, total.max(done));
        walk = rows.next;
    }
    index.commit(&position)?;
    summary.elapsed = begun.elapsed();
    Ok(summary)
}
