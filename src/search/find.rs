//! Answers a query: the index selects the rows, the database has their current content. Owns the
//! end of a page, and the rule that drafts, hidden comments and deleted rows are neither shown nor
//! counted; leaves permissions to the caller.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

use super::index::{Found, Place, Searchable, Snapshot};
use super::indexer::State;
use super::query::{Kind, Query};
use super::wanted::Wanted;
use super::{SearchError, analyzer, snippet};
use crate::connection::DbConnection;
use crate::db::{self, Db};
use crate::kept::Kept;
use crate::markdown;
use crate::models::{comment, log, note, post};

/// The characters of a body in which a snippet is looked for.
const EXCERPT: i32 = 32 * 1024;
/// How long a query waits for the first index to be built.
const PATIENCE: Duration = Duration::from_secs(2);
/// The number of a query's hits that can be reached, page by page.
pub const REACH: usize = 1000;

/// A post, note or comment that matches a query.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Hit {
    /// The kind of the row.
    pub kind: Kind,
    /// The row's id.
    pub id: i64,
    /// The post of a comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_id: Option<i64>,
    /// The row's current title, not escaped. A comment has its post's title.
    pub title: String,
    /// HTML: an escaped excerpt of the text, with the matching words in `<mark>`.
    pub snippet: String,
    /// The relevance; higher is better. Comparable only within one answer.
    pub score: f32,
    /// When the row was written or published. For pages.
    #[serde(skip)]
    pub at: NaiveDateTime,
}

/// A page of hits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// The number of hits on all pages.
    pub total: usize,
    /// The start of the next page; `None` on the last page, and after [`REACH`] hits.
    ///
    /// It names the last hit of this page, not an offset, so hits added or removed on earlier pages
    /// do not move it. Scores follow the index: a hit whose score changes between two pages may
    /// appear twice or not at all.
    pub next: Option<Place>,
    /// The time the query took, without the wait for a free slot.
    pub took: Duration,
}

/// A row that matches and may be shown.
struct Row {
    place: Place,
    kind: Kind,
    id: i64,
    post_id: Option<i64>,
    title: String,
    body: String,
    at: NaiveDateTime,
}

/// The rows that the database has for the hits.
#[derive(Default)]
struct Read {
    rows: Vec<Row>,
    /// The number of hits looked at.
    examined: usize,
    /// The log's position.
    position: i64,
}

/// Returns a page of a query's hits.
pub(super) async fn find(
    state: watch::Receiver<State>,
    db: &Db,
    texts: Arc<Kept>,
    query: &Query,
) -> Result<Answer, SearchError> {
    let (searchable, position) = wait_for_index(state).await?;
    let begun = Instant::now();
    let Some(wanted) = query.expression.as_ref().map(Wanted::of) else {
        return Ok(Answer::default());
    };
    // Ask for more than the limit: some may have been deleted or unpublished since.
    let snapshot = searchable.snapshot();
    let mut found = look_up(&snapshot, query, query.limit + query.limit / 2 + 10).await?;
    found.best.truncate(REACH.saturating_sub(found.before));
    let (limit, places) = (query.limit, found.best.clone());
    let read = db.read(move |c| read(c, &places, limit)).await?;
    let hidden = if position == Some(read.position) {
        read.examined - read.rows.len()
    } else {
        // The index lags behind the log, so it may count rows that must not be counted.
        let first = Query { after: None, ..query.clone() };
        let reached = look_up(&snapshot, &first, REACH).await?.best;
        let count = reached.len();
        count - db.read(move |c| count_shown(c, &reached)).await?
    };
    let Found { total, before, best } = found;
    let behind = before + read.examined;
    let goes_on = behind < total && behind < REACH;
    let next = read.examined.checked_sub(1).filter(|_| goes_on).map(|last| best[last]);
    let rows = read.rows;
    let hits = blocking(move || rows.into_iter().map(|row| hit(row, &texts, &wanted)).collect());
    let (hits, total) = (hits.await?, total.saturating_sub(hidden));
    Ok(Answer { hits, total, next, took: begun.elapsed() })
}

fn hit(row: Row, texts: &Kept, wanted: &Wanted) -> Hit {
    let Row { place, kind, id, post_id, title, body, at } = row;
    // The key is the body, not the id: equal bodies have the same text.
    let text =
        texts.get(body.as_str(), || analyzer::composed(&markdown::plain(&body)).into_owned());
    let snippet = snippet::snippet(&text, wanted);
    Hit { kind, id, post_id, title, snippet, score: place.score, at }
}

/// The rows in these places that may be shown, at most `limit`.
fn read(c: &mut DbConnection, places: &[Place], limit: usize) -> Result<Read, db::Error> {
    let mut read = Read { position: log::state(c)?.position, ..Read::default() };
    while read.rows.len() < limit && read.examined < places.len() {
        let wanted = limit - read.rows.len();
        let next = places[read.examined..].iter().take(wanted);
        let next: Vec<Place> = next.copied().collect();
        read.examined += next.len();
        let mut rows = HashMap::new();
        for row in post::excerpts(c, &ids(&next, Kind::Post), EXCERPT)? {
            rows.insert((Kind::Post, row.id), (None, row.title, row.body, row.at));
        }
        for row in note::excerpts(c, &ids(&next, Kind::Note), EXCERPT)? {
            rows.insert((Kind::Note, row.id), (None, row.title, row.body, row.at));
        }
        for row in comment::excerpts(c, &ids(&next, Kind::Comment), EXCERPT)? {
            let found = (Some(row.post_id), row.title, row.body, row.at);
            rows.insert((Kind::Comment, row.id), found);
        }
        read.rows.extend(next.into_iter().filter_map(|place| {
            let (kind, id) = place.row()?;
            let (post_id, title, body, at) = rows.remove(&(kind, id))?;
            Some(Row { place, kind, id, post_id, title, body, at })
        }));
    }
    Ok(read)
}

/// Counts the rows in these places that may be shown.
fn count_shown(c: &mut DbConnection, places: &[Place]) -> Result<usize, db::Error> {
    Ok(post::count_public(c, &ids(places, Kind::Post))?
        + note::count_of(c, &ids(places, Kind::Note))?
        + comment::count_shown(c, &ids(places, Kind::Comment))?)
}

async fn look_up(snapshot: &Snapshot, query: &Query, limit: usize) -> Result<Found, SearchError> {
    let (snapshot, query) = (snapshot.clone(), query.clone());
    Ok(blocking(move || snapshot.search(&query, limit)).await??)
}

/// The index, and the log position that it reflects, or one before it.
async fn wait_for_index(
    mut state: watch::Receiver<State>,
) -> Result<(Searchable, Option<i64>), SearchError> {
    let built = state.wait_for(|state| state.searchable.is_some());
    match tokio::time::timeout(PATIENCE, built).await {
        Ok(Ok(state)) => {
            let searchable = state.searchable.clone().ok_or(SearchError::NotReady)?;
            Ok((searchable, state.position))
        }
        Ok(Err(_)) | Err(_) => Err(SearchError::NotReady),
    }
}

fn ids(places: &[Place], kind: Kind) -> Vec<i64> {
    let rows = places.iter().filter_map(|place| place.row());
    rows.filter(|(one, _)| *one == kind).map(|(_, id)| id).collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SearchError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SearchError::Panicked)
}
