//! The actor that keeps the index up to date, and its only writer. Owns when changes are applied
//! and committed; leaves applying them to `work`, the files to `index` and restarts to
//! `supervise`.
//!
//! It subscribes to the feed from the position stored with the index's last commit. The
//! subscription misses nothing. If the log no longer reaches back that far, the indexer rebuilds
//! the index from the rows.

mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use kilonova_feed::{StartAt, Update};
use tokio::sync::watch;

use self::work::rebuild;
use super::index::{Index, LogPosition, Searchable};
use super::lines::Lines;
use super::source::Walk;
use crate::access::Viewer;
use crate::db::Db;
use crate::events::{COMMENTS, NOTES, POSTS};
use crate::site_log::Feed;

/// The state that the indexer publishes.
#[derive(Clone, Default)]
pub(super) struct State {
    /// The committed index, once there is a complete one.
    pub(super) searchable: Option<Searchable>,
    /// The log position that it reflects.
    pub(super) position: Option<i64>,
    /// How often the actor was started.
    pub(super) starts: u64,
    /// The last position that was logged: a restarted actor must not log it again.
    logged: i64,
}

/// The actor's current task.
enum Task {
    /// Apply the events after this place.
    Follow(LogPosition),
    /// Build the index from the rows, which reflect this place or a later one.
    Rebuild { begun: Instant, place: Option<LogPosition>, walk: Walk, counts: Counts },
}

/// The documents that a rebuild has added so far.
#[derive(Clone, Copy, Default)]
struct Counts {
    posts: u64,
    notes: u64,
    comments: u64,
}

pub(super) struct Indexer {
    index: Index,
    db: Db,
    feed: Feed,
    state: Arc<watch::Sender<State>>,
    lines: Arc<Lines>,
    shutdown: watch::Receiver<bool>,
    task: Task,
    subscription: Option<SpawnHandle>,
    // The time of the first change that is not committed.
    uncommitted: Option<Instant>,
    // How long a change may stay uncommitted.
    commit_after: Duration,
}

/// Ends the actor in one of the ways that its supervisor must handle; for tests.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub enum Disturbance {
    /// The actor panics.
    Panic,
    /// The actor stops without committing.
    Stop,
}

impl Indexer {
    pub(super) fn new(
        index: Index,
        db: Db,
        feed: Feed,
        state: Arc<watch::Sender<State>>,
        lines: Arc<Lines>,
        shutdown: watch::Receiver<bool>,
    ) -> Indexer {
        let task = index.position().cloned().map_or_else(rebuild, Task::Follow);
        let commit_after = work::COMMIT_AFTER;
        Indexer {
            index,
            db,
            feed,
            state,
            lines,
            shutdown,
            task,
            subscription: None,
            uncommitted: None,
            commit_after,
        }
    }

    fn finish(&mut self, ctx: &mut Context<Indexer>) {
        if self.uncommitted.is_some()
            && let Err(error) = self.commit()
        {
            log::error!("cannot commit the search index; the next start catches up: {error}");
        }
        ctx.stop();
    }
}

impl Indexer {
    /// Follows the feed from the event after this place.
    fn subscribe(&mut self, place: &LogPosition, ctx: &mut Context<Indexer>) {
        let start = StartAt::After { position: place.position, log: Some(place.log.clone()) };
        let feed = self.feed.clone();
        let subscribe =
            async move { feed.subscribe([POSTS, NOTES, COMMENTS], start, Viewer::Site).await };
        ctx.spawn(subscribe.into_actor(self).map(|subscription, this, ctx| match subscription {
            Ok(subscription) => this.subscription = Some(ctx.add_stream(subscription)),
            Err(error) => {
                log::warn!("the indexer cannot follow the feed: {error}; retrying");
                ctx.run_later(work::RETRY_AFTER, |this, ctx| this.go_on(ctx));
            }
        }));
    }
}

impl Actor for Indexer {
    type Context = Context<Indexer>;

    fn started(&mut self, ctx: &mut Context<Indexer>) {
        self.state.send_modify(|state| state.starts += 1);
        if matches!(self.task, Task::Rebuild { .. }) {
            self.index.clear();
        }
        self.go_on(ctx);
        let mut shutdown = self.shutdown.clone();
        let stopping = async move { shutdown.wait_for(|stop| *stop).await.is_ok() };
        ctx.spawn(stopping.into_actor(self).map(|_, this, ctx| this.finish(ctx)));
    }
}

impl StreamHandler<Update> for Indexer {
    fn handle(&mut self, update: Update, ctx: &mut Context<Indexer>) {
        let applied = match update {
            Update::Event(event) => self.apply(&event, ctx),
            Update::Position(position) => self.reach(position, ctx),
            _ => {
                self.start_over(ctx);
                Ok(())
            }
        };
        if let Err(error) = applied {
            self.fail(&error, ctx);
        }
    }

    /// The feed has stopped. The actor goes on until it is shut down, and commits the rest then.
    fn finished(&mut self, _: &mut Context<Indexer>) {}
}

impl Handler<Disturbance> for Indexer {
    type Result = ();

    #[expect(clippy::panic, reason = "this is what it is for")]
    fn handle(&mut self, disturbance: Disturbance, ctx: &mut Context<Indexer>) {
        match disturbance {
            Disturbance::Panic => panic!("the indexer was told to panic"),
            Disturbance::Stop => ctx.stop(),
        }
    }
}
