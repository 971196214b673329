//! The actor that keeps the index true: member of posts and notes, the only one that writes. Owns
//! what is applied when and how often it is committed; leaves how to
//! `work`, the index to `index`, being started again to `supervise`.
//!
//! It joins, then reads the log from the index's own position, then goes on live. A message is applied only if it has
//! the very next position; after any other (a comment stood between, messages were missed) it reads
//! the log, which always has it. So messages may be lost or doubled and the index is right all the same.

mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::sync::watch;

use self::work::{fail, rebuild};
use super::index::{Index, LogPosition as Place, Searchable};
use super::source::Walk;
use crate::db::Db;
use crate::events::{NOTES, POSTS};
use crate::pubsub::{Envelope, Lifeline, PubSub};

/// How often the log is looked at without being asked, for what nobody has announced.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Messages that may wait; those beyond are read from the log. Few, since each may be a mebibyte.
const MAILBOX: usize = 64;

/// What everyone may know about the index.
#[derive(Clone, Default)]
pub(super) struct State {
    /// The committed index, once there is a complete one.
    pub(super) searchable: Option<Searchable>,
    /// The position that it is true as of.
    pub(super) position: Option<i64>,
    /// How often the actor was started.
    pub(super) starts: u64,
}

/// What the actor is at.
enum Task {
    /// Applies what comes after this place.
    Follow(Place),
    /// Builds the index from the rows, which will be true as of this place or later.
    Rebuild { begun: Instant, place: Option<Place>, walk: Walk, posts: u64, notes: u64 },
}

pub(super) struct Indexer {
    index: Index,
    db: Db,
    pubsub: PubSub,
    state: Arc<watch::Sender<State>>,
    shutdown: watch::Receiver<bool>,
    task: Task,
    // One read of the database at a time; whether another is wanted after it.
    reading: bool,
    read_again: bool,
    // Since when something is not committed.
    uncommitted: Option<Instant>,
    // How long that may last.
    commit_after: Duration,
    lifeline: Option<Lifeline>,
}

/// Asks for what the log has by now.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct CatchUp;

/// Makes the actor end in the way that its keeper must cope with.
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
        pubsub: PubSub,
        state: Arc<watch::Sender<State>>,
        shutdown: watch::Receiver<bool>,
    ) -> Indexer {
        let task = index.position().cloned().map_or_else(rebuild, Task::Follow);
        let (lifeline, uncommitted) = (None, None);
        let commit_after = work::COMMIT_AFTER;
        Indexer {
            index,
            db,
            pubsub,
            state,
            shutdown,
            task,
            reading: false,
            read_again: false,
            uncommitted,
            commit_after,
            lifeline,
        }
    }

    fn finish(&mut self, ctx: &mut Context<Indexer>) {
        if self.uncommitted.is_some()
            && let Err(error) = self.commit()
        {
            log::error!("the search index is not committed, the next start will catch up: {error}");
        }
        ctx.stop();
    }
}

impl Actor for Indexer {
    type Context = Context<Indexer>;

    fn started(&mut self, ctx: &mut Context<Indexer>) {
        ctx.set_mailbox_capacity(MAILBOX);
        let me = ctx.address();
        self.lifeline = Some(self.pubsub.lifeline(me.clone()));
        self.state.send_modify(|state| state.starts += 1);
        let pubsub = self.pubsub.clone();
        let join = async move {
            pubsub.join(POSTS, me.clone()).await?;
            pubsub.join(NOTES, me).await
        };
        ctx.wait(join.into_actor(self).map(|joined, this, ctx| {
            if let Err(error) = joined {
                log::error!("the indexer hears nothing: {error}");
            }
            if matches!(this.task, Task::Rebuild { .. }) {
                this.index.clear();
            }
            this.read(ctx);
        }));
        let mut shutdown = self.shutdown.clone();
        let stopping = async move { shutdown.wait_for(|stop| *stop).await.is_ok() };
        ctx.spawn(stopping.into_actor(self).map(|_, this, ctx| this.finish(ctx)));
        ctx.run_interval(LOOK_EVERY, |this, ctx| this.read(ctx));
    }
}

impl Handler<Envelope> for Indexer {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, ctx: &mut Context<Indexer>) {
        let Task::Follow(place) = &self.task else { return };
        match envelope.position() {
            Some(position) if position <= place.position => {}
            Some(position) if position == place.position + 1 && !self.reading => {
                let (channel, payload) =
                    (envelope.channel().as_str(), envelope.payload().as_json());
                if let Err(error) = self.apply(position, channel, envelope.topic(), payload, ctx) {
                    fail(&error, ctx);
                }
            }
            // Something is missing in between, or it says itself that something is: the log has it.
            _ => self.read(ctx),
        }
    }
}

impl Handler<CatchUp> for Indexer {
    type Result = ();

    fn handle(&mut self, _: CatchUp, ctx: &mut Context<Indexer>) {
        self.read(ctx);
    }
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
