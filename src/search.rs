//! Full-text search over posts, notes and comments. Owns the handle that the application uses and
//! the life of the indexer's thread; its parts own the rest:
//!
//! - `indexer`: the supervised actor that keeps the index true, and `source`, what it reads;
//! - `index`: the files, with `analyzer` (what a word is) and `plan`;
//! - `query`, `parser` and `lexer`: what a user's query means;
//! - `find`, `wanted` and `snippet`: the hits;
//! - `reindex`: the index built anew from the command line.
//!
//! # Guarantees
//!
//! - What is committed to the database can be found within about half a second.
//! - The index never claims a position that its content has not reached: after a crash at any moment it
//!   catches up from the log, or from the rows where the log no longer reaches back.
//! - A missing or damaged index, one of another version or of another database, is built anew from the rows. An
//!   outdated one answers queries meanwhile.
//! - Drafts, comments that do not show and rows that are gone are never found, and not counted
//!   among the first thousand hits, even where the index lags.
//! - The indexer is started again after it stopped and after it panicked.

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

/// The bytes of plain texts that are kept.
const TEXTS: usize = 16 * 1024 * 1024;
/// How long a query waits for its turn.
const WAIT: Duration = Duration::from_secs(5);
/// The part of the turns that one address has is one in so many.
const SHARE: usize = 4;
/// How long [`Search::stop`] waits for the last commit.
const GRACE: Duration = Duration::from_secs(5);

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// It asks for too much; the message says for what.
    #[error("{0}")]
    BadQuery(String),
    /// The index is being built for the first time.
    #[error("the search index is not ready yet")]
    NotReady,
    /// Too many queries wait already.
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
    /// A query that should not have panicked did.
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
    /// The plain texts of rows that were found lately.
    texts: Arc<Kept>,
}

impl Search {
    /// Starts the indexer on a thread of its own, with its index in `dir`, made if missing.
    ///
    /// Returns at once: the index is opened, caught up or built in the background. At most
    /// `max_queries` run at once; more wait. Fails if the folder or the thread cannot be made.
    ///
    /// # Panics
    ///
    /// Outside of an actix `System`, as starting any actor does.
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
                    Condition::Missing => log::info!("there is no search index yet: building it"),
                    Condition::Outdated => {
                        log::info!("another version wrote the search index: building it again");
                    }
                    Condition::Damaged(reason) => {
                        log::warn!("the search index is damaged, {reason}: building it anew");
                        // What was mapped into memory of the old files is not to be trusted either.
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

    /// A page of the hits of a query, off the event loop.
    ///
    /// While the very first index is built it waits for two seconds, then says [`SearchError::NotReady`].
    pub async fn query(&self, query: &Query) -> Result<Answer, SearchError> {
        let _turn = self.0.turns.take(WAIT).await.ok_or(SearchError::Overloaded)?;
        let texts = Arc::clone(&self.0.texts);
        let begun = Instant::now();
        let found = find::find(self.0.state.subscribe(), &self.0.db, texts, query).await;
        self.0.times.time(begun.elapsed());
        found
    }

    /// The turns, and the times of queries without the wait for one.
    pub fn stats(&self) -> (Usage, Distribution) {
        (self.0.turns.usage(), self.0.times.distribution())
    }

    /// The position of the log that can be searched by now; none before the first index is complete.
    pub fn indexed_position(&self) -> Option<i64> {
        self.0.state.borrow().position
    }

    /// The last lines of the indexer, the oldest first; none with the title of a thing that is gone.
    pub fn lines(&self) -> Vec<Line> {
        self.0.lines.list()
    }

    /// Returns when everything up to `position` can be searched.
    ///
    /// Waits for as long as there is no such position; [`SearchError::Stopped`] when there will never be one.
    pub async fn caught_up(&self, position: i64) -> Result<(), SearchError> {
        let (mut state, mut ended) = (self.0.state.subscribe(), self.0.ended.clone());
        tokio::select! {
            biased;
            reached = state.wait_for(|state| state.position >= Some(position)) => reached.map(drop).map_err(|_| SearchError::Stopped),
            _ = ended.wait_for(|ended| *ended) => Err(SearchError::Stopped),
        }
    }

    /// Commits what was applied and ends the indexer and its thread; done when it returns, within five seconds.
    ///
    /// Queries are still answered, from what was committed. A second call does nothing.
    pub async fn stop(&self) {
        self.0.shutdown.send_replace(true);
        let mut ended = self.0.ended.clone();
        if tokio::time::timeout(GRACE, ended.wait_for(|ended| *ended)).await.is_err() {
            log::warn!("the indexer did not end in time; the next start catches up");
        }
        if let Some(arbiter) = self.0.arbiter.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            arbiter.stop();
        }
    }

    /// Makes the indexer end; for tests of what happens then.
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
