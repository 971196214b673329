//! Answers a query: the index says which rows, the database what is in them now. Owns that drafts,
//! comments that do not show and rows that are gone are neither shown nor counted, and where a page
//! ends; leaves who may ask to the caller.

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

/// How much of a body a snippet is looked for in, in characters.
const EXCERPT: i32 = 32 * 1024;
/// How long a query waits for the first index to be built.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many hits of a query can be reached, page by page.
pub const REACH: usize = 1000;

/// A post, a note or a comment that a query found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Hit {
    /// What it is.
    pub kind: Kind,
    /// The row's id.
    pub id: i64,
    /// The post that a comment is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_id: Option<i64>,
    /// As the row has it now; not escaped. A comment has its post's.
    pub title: String,
    /// HTML: a part of the text, escaped, with what was looked for in `<mark>`.
    pub snippet: String,
    /// The higher the better; to be compared within one answer only.
    pub score: f32,
    /// When it was written, or published. For pages.
    #[serde(skip)]
    pub at: NaiveDateTime,
}

/// A page of hits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// How many there are on all pages.
    pub total: usize,
    /// Where the next page begins; nothing on the last one, and where a thousand were shown.
    ///
    /// It names the last hit of this page, not a number: hits that come and go on earlier pages
    /// move nothing. Scores follow the index, so a hit whose score changes between two pages may
    /// come twice or not at all.
    pub next: Option<Place>,
    /// The time that it took, without the wait for its turn.
    pub took: Duration,
}

/// A row that was found and may be shown.
struct Row {
    place: Place,
    kind: Kind,
    id: i64,
    post_id: Option<i64>,
    title: String,
    body: String,
    at: NaiveDateTime,
}

/// What the database has about what was found.
#[derive(Default)]
struct Read {
    rows: Vec<Row>,
    /// How many of those that were found were looked at.
    examined: usize,
    /// How far the log goes.
    position: i64,
}

/// A page of the hits of a query.
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
    // More than is asked for: some may be gone or drafts since.
    let snapshot = searchable.snapshot();
    let mut found = look_up(&snapshot, query, query.limit + query.limit / 2 + 10).await?;
    found.best.truncate(REACH.saturating_sub(found.before));
    let (limit, places) = (query.limit, found.best.clone());
    let read = db.read(move |c| read(c, &places, limit)).await?;
    let hidden = if position == Some(read.position) {
        read.examined - read.rows.len()
    } else {
        // What the index does not know yet must not be counted.
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
    // Without the id: the same words on two rows are the same text.
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

/// How many of the rows in these places may be shown.
fn count_shown(c: &mut DbConnection, places: &[Place]) -> Result<usize, db::Error> {
    Ok(post::count_public(c, &ids(places, Kind::Post))?
        + note::count_of(c, &ids(places, Kind::Note))?
        + comment::count_shown(c, &ids(places, Kind::Comment))?)
}

async fn look_up(snapshot: &Snapshot, query: &Query, limit: usize) -> Result<Found, SearchError> {
    let (snapshot, query) = (snapshot.clone(), query.clone());
    Ok(blocking(move || snapshot.search(&query, limit)).await??)
}

/// The index, and the position that it is true as of or later.
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
