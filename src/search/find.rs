//! Answers a query: the index says which rows, the database what is in them now. Owns that drafts
//! and rows that are gone never show; leaves who may ask to the caller.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use super::index::{Found, Searchable};
use super::indexer::State;
use super::query::{Kind, Query};
use super::{SearchError, snippet};
use crate::db::{self, Db};
use crate::markdown;
use crate::models::{Excerpt, note, post};

/// How much of a body a snippet is looked for in, in characters.
const EXCERPT: i32 = 32 * 1024;
/// How long a query waits for the first index to be built.
const PATIENCE: Duration = Duration::from_secs(2);

/// A post or a note that a query found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// Whether it is a post or a note.
    pub kind: Kind,
    /// The row's id.
    pub id: i64,
    /// As the row has it now; not escaped.
    pub title: String,
    /// HTML: a part of the text, escaped, with what was looked for in `<mark>`.
    pub snippet: String,
    /// The higher the better; to be compared within one answer only.
    pub score: f32,
}

/// The hits of a query, best first.
pub(super) async fn find(
    state: watch::Receiver<State>,
    db: &Db,
    query: &Query,
) -> Result<Vec<Hit>, SearchError> {
    let searchable = wait_for_index(state).await?;
    let asked = query.clone();
    // More than is asked for: some may be gone or drafts since.
    let count = query.limit + query.limit / 2 + 10;
    let found = blocking(move || searchable.search(&asked, count)).await??;
    let (post_ids, note_ids) = (ids(&found, Kind::Post), ids(&found, Kind::Note));
    let (posts, notes) = db
        .read(move |connection| {
            let posts = post::excerpts(connection, &post_ids, EXCERPT)?;
            let notes = note::excerpts(connection, &note_ids, EXCERPT)?;
            Ok::<_, db::Error>((posts, notes))
        })
        .await?;
    let mut rows: HashMap<(Kind, i64), Excerpt> = HashMap::new();
    rows.extend(posts.into_iter().map(|row| ((Kind::Post, row.id), row)));
    rows.extend(notes.into_iter().map(|row| ((Kind::Note, row.id), row)));
    let asked = query.clone();
    blocking(move || {
        let terms: HashSet<&str> = asked.expression.wanted_terms().into_iter().collect();
        let hits = found.into_iter().filter_map(|found| {
            let row = rows.remove(&(found.kind, found.id))?;
            let snippet = snippet::snippet(&markdown::plain(&row.body), &terms);
            Some(Hit {
                kind: found.kind,
                id: found.id,
                title: row.title,
                snippet,
                score: found.score,
            })
        });
        hits.take(asked.limit).collect()
    })
    .await
}

async fn wait_for_index(mut state: watch::Receiver<State>) -> Result<Searchable, SearchError> {
    let built = state.wait_for(|state| state.searchable.is_some());
    match tokio::time::timeout(PATIENCE, built).await {
        Ok(Ok(state)) => state.searchable.clone().ok_or(SearchError::NotReady),
        Ok(Err(_)) | Err(_) => Err(SearchError::NotReady),
    }
}

fn ids(found: &[Found], kind: Kind) -> Vec<i64> {
    found.iter().filter(|found| found.kind == kind).map(|found| found.id).collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SearchError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SearchError::Panicked)
}
