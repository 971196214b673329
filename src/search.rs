//! Full-text search over posts, notes and comments. This module owns the handle that the
//! application uses and the lifetime of the indexer's thread. Its submodules own the rest:
//!
//! - `indexer`: the supervised actor that keeps the index up to date, and `source`, its input;
//! - `index`: the files, with `analyzer` (what a word is) and `plan`;
//! - `query`, `parser` and `lexer`: the meaning of a user's query;
//! - `find`, `wanted` and `snippet`: the hits;
//! - `reindex`: rebuilds the index from the command line.
//!
//! # Guarantees
//!
//! - Committed content can be found within about half a second.
//! - The index never claims a position that its content has not reached. After a crash at any time
//!   it catches up from the log, or from the rows if the log no longer reaches back.
//! - A missing or damaged index, or one of another version or another database, is rebuilt from the
//!   rows. An outdated index answers queries during the rebuild.
//! - Drafts, comments that are not visible and deleted rows are never found, and do not count
//!   towards the first thousand hits, even if the index lags.
//! - The indexer is restarted after it stops or panics.

mod analyzer;
mod files;
mod find;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod index;
mod indexer;
mod lexer;
mod lines;
mod parser;
mod plan;
mod query;
mod reindex;
mod snippet;
mod source;
mod wanted;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::{Addr, Arbiter, AsyncContext, Context};
use kilonova_feed::{Distribution, Histogram};
use tokio::sync::watch;

pub use self::find::{Answer, Hit, REACH};
pub use self::index::Place;
#[doc(hidden)]
pub use self::indexer::Disturbance;
pub use self::lines::Line;
pub use self::query::{Kind, MAX_CHARS, Query};
pub use self::reindex::{ReindexError, Summary, reindex};

use self::index::{Condition, Index, OpenError};
use self::indexer::{Indexer, State};
use self::lines::Lines;
use crate::db::{self, Db};
use crate::kept::Kept;
use crate::pubsub::supervise;
use crate::site_log::Feed;
use crate::turns::{Turns, Usage};

/// The size of the cache of plain texts in bytes.
const TEXTS: usize = 16 * 1024 * 1024;
/// How long a query waits for its turn.
const WAIT: Duration = Duration::from_secs(5);
/// One address may hold at most 1/SHARE of the turns.
const SHARE: usize = 4;
/// How long [`Search::stop`] waits for the last commit.
const GRACE: Duration = Duration::from_secs(5);

/// The reason why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The query exceeds a limit; the message says which.
    #[error("{0}")]
    BadQuery(String),
    /// The index is being built for the first time.
    #[error("the search index is not ready yet")]
    NotReady,
    /// Too many queries are waiting.
    #[error("too many searches at once")]
    Overloaded,
    /// The indexer was stopped.
    #[error("the search has stopped")]
    Stopped,
    /// The rows could not be read.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The index could not be read.
    #[error("the search index cannot be read: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// The query panicked, which is a bug.
    #[error("the search panicked")]
    Panicked,
}

/// A handle on the search; cheap to clone, usable from every thread.
#[derive(Clone)]
pub struct Search(Arc<Inner>);

struct Inner {
    db: Db,
    state: Arc<watch::Sender<State>>,
    lines: Arc<Lines>,
    shutdown: watch::Sender<bool>,
    // True when the keeper has ended.
    ended: watch::Receiver<bool>,
    indexer: Arc<Mutex<Option<Addr<Indexer>>>>,
    arbiter: Mutex<Option<Arbiter>>,
    turns: Arc<Turns>,
    times: Histogram,
    /// A cache of the plain texts of recently found rows.
    texts: Arc<Kept>,
}

impl Search {
    /// Starts the indexer on a separate thread, with its index in `dir`, which is created if
    /// missing.
    ///
    /// Returns immediately; the index is opened, caught up or built in the background. At most
    /// `max_queries` run concurrently; further ones wait. Fails if the folder or the thread cannot
    /// be created.
    ///
    /// # Panics
    ///
    /// Panics outside of an actix `System`, as starting any actor does.
    pub fn start(dir: PathBuf, db: Db, feed: Feed, max_queries: usize) -> io::Result<Search> {
        std::fs::create_dir_all(&dir)?;
        let arbiter = Arbiter::try_new()?;
        let state = Arc::new(watch::Sender::new(State::default()));
        let shutdown = watch::Sender::new(false);
        let (end, ended) = watch::channel(false);
        let indexer = Arc::new(Mutex::new(None));
        let lines = Arc::<Lines>::default();
        let start = {
            let (db, state, indexer, shutdown) =
                (db.clone(), Arc::clone(&state), Arc::clone(&indexer), shutdown.subscribe());
            let lines = Arc::clone(&lines);
            move || -> Result<(Indexer, Context<Indexer>), OpenError> {
                let (index, condition) = Index::open(&dir)?;
                match condition {
                    Condition::Sound => {}
                    Condition::Missing => log::info!("there is no search index yet; building it"),
                    Condition::Outdated => {
                        log::info!("another version wrote the search index; rebuilding it");
                    }
                    Condition::Damaged(reason) => {
                        log::warn!("the search index is damaged, {reason}; rebuilding it");
                        // The old files that are mapped into memory cannot be trusted either.
                        state
                            .send_modify(|state| (state.searchable, state.position) = (None, None));
                    }
                }
                let context = Context::new();
                *indexer.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.address());
                let actor = Indexer::new(
                    index,
                    db.clone(),
                    feed.clone(),
                    Arc::clone(&state),
                    Arc::clone(&lines),
                    shutdown.clone(),
                );
                Ok((actor, context))
            }
        };
        let stopping = shutdown.subscribe();
        arbiter.spawn_fn(move || {
            actix::spawn(async move {
                supervise::keep("the indexer", stopping, start).await;
                end.send_replace(true);
            });
        });
        let (arbiter, turns) = (Mutex::new(Some(arbiter)), Turns::new(max_queries, SHARE));
        let texts = Arc::new(Kept::at_most(TEXTS));
        let times = Histogram::of_times();
        let inner =
            Inner { db, state, lines, shutdown, ended, indexer, arbiter, turns, times, texts };
        Ok(Search(Arc::new(inner)))
    }

    /// Returns a page of the hits of a query, computed off the event loop.
    ///
    /// While the first index is being built, it waits for two seconds and then returns
    /// [`SearchError::NotReady`].
    pub async fn query(&self, query: &Query) -> Result<Answer, SearchError> {
        let _turn = self.0.turns.take(WAIT).await.ok_or(SearchError::Overloaded)?;
        let texts = Arc::clone(&self.0.texts);
        let begun = Instant::now();
        let found = find::find(self.0.state.subscribe(), &self.0.db, texts, query).await;
        self.0.times.time(begun.elapsed());
        found
    }

    /// Returns the usage of the turns, and the query times without the wait.
    pub fn stats(&self) -> (Usage, Distribution) {
        (self.0.turns.usage(), self.0.times.distribution())
    }

    /// Returns the log position up to which events can be searched; `None` until the first index is
    /// complete.
    pub fn indexed_position(&self) -> Option<i64> {
        self.0.state.borrow().position
    }

    /// Returns the indexer's latest log lines, the oldest first, without those that contain the
    /// title of a deleted item.
    pub fn lines(&self) -> Vec<Line> {
        self.0.lines.list()
    }

    /// Waits until everything up to `position` can be searched.
    ///
    /// Waits forever if the log never reaches the position. Returns [`SearchError::Stopped`] once
    /// the indexer has stopped.
    pub async fn caught_up(&self, position: i64) -> Result<(), SearchError> {
        let (mut state, mut ended) = (self.0.state.subscribe(), self.0.ended.clone());
        tokio::select! {
            biased;
            reached = state.wait_for(|state| state.position >= Some(position)) => reached.map(drop).map_err(|_| SearchError::Stopped),
            _ = ended.wait_for(|ended| *ended) => Err(SearchError::Stopped),
        }
    }

    /// Commits the applied changes and stops the indexer and its thread. Waits for at most five
    /// seconds.
    ///
    /// Queries are still answered from the committed index. A second call does nothing.
    pub async fn stop(&self) {
        self.0.shutdown.send_replace(true);
        let mut ended = self.0.ended.clone();
        if tokio::time::timeout(GRACE, ended.wait_for(|ended| *ended)).await.is_err() {
            log::warn!("the indexer did not stop in time; it catches up at the next start");
        }
        if let Some(arbiter) = self.0.arbiter.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            arbiter.stop();
        }
    }

    /// Makes the indexer fail, for tests of its recovery.
    #[doc(hidden)]
    pub fn disturb(&self, disturbance: Disturbance) {
        if let Some(indexer) = self.indexer() {
            indexer.do_send(disturbance);
        }
    }

    /// How often the indexer was started; for tests.
    #[doc(hidden)]
    pub fn starts(&self) -> u64 {
        self.0.state.borrow().starts
    }

    fn indexer(&self) -> Option<Addr<Indexer>> {
        self.0.indexer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
