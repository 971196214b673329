//! The fixture of these tests: a database in its own folder, a registry, and a relay that publishes
//! committed events unless it is silenced.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Once, OnceLock};
use std::time::Duration;

use kilonova::access::CommentState;
use kilonova::changeset::Params;
use kilonova::connection::Database;
use kilonova::db::{Db, Error, OnCommit, Tx};
use kilonova::events;
use kilonova::models::comment::{self, Comment, CommentChanges, NewComment};
use kilonova::models::log as events_log;
use kilonova::models::note::{self, NewNote, Note};
use kilonova::models::now;
use kilonova::models::post::{self, NewPost, Post, PostChanges};
use kilonova::pubsub::PubSub;
use kilonova::search::{Hit, Kind, Query, Search};
use kilonova::site_log::{Feed, SiteLog};
use serde_json::{Value, json};

use crate::databases::Home;

/// Everything but the search itself.
pub(crate) struct World {
    pub(crate) home: Home,
    pub(crate) db: Db,
    pub(crate) feed: Feed,
    silent: Arc<AtomicBool>,
}

impl World {
    /// An empty world.
    pub(crate) async fn new() -> World {
        keep_log();
        let home = Home::new();
        let silent = Arc::new(AtomicBool::new(false));
        let feed = Arc::<OnceLock<Feed>>::default();
        let (mute, told) = (Arc::clone(&silent), Arc::clone(&feed));
        let on_commit = move |events| {
            if let Some(feed) = told.get().filter(|_| !mute.load(Ordering::SeqCst)) {
                feed.committed(events);
            }
        };
        let db = open(home.database(), Box::new(on_commit));
        let started = Feed::start(PubSub::start("test"), SiteLog::new(db.clone())).await.unwrap();
        let feed = feed.get_or_init(|| started).clone();
        World { home, db, feed, silent }
    }

    /// Replaces the feed with a new one, as a restart of the process does, which loses its memory.
    /// Later commits are not announced.
    pub(crate) async fn restart(&mut self) {
        self.feed.stop().await;
        self.feed =
            Feed::start(PubSub::start("test"), SiteLog::new(self.db.clone())).await.unwrap();
    }

    /// Stops announcing commits, or starts again.
    pub(crate) fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// The index's folder.
    pub(crate) fn index(&self) -> PathBuf {
        self.home.path().join("search")
    }

    /// A running search over this world.
    pub(crate) fn search(&self) -> Search {
        Search::start(self.index(), self.db.clone(), self.feed.clone(), 8).unwrap()
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.db.transaction(work).await.unwrap().value
    }

    pub(crate) async fn post(&self, title: &str, body: &str) -> Post {
        self.post_with(json!({ "title": title, "body": body })).await
    }

    pub(crate) async fn post_with(&self, fields: Value) -> Post {
        let new = NewPost::changeset(&params(fields), now()).unwrap();
        self.write(|tx| {
            let post = post::insert(tx.connection, new, now())?;
            tx.announce(events::post_created(&post).unwrap());
            Ok(post)
        })
        .await
    }

    pub(crate) async fn update_post(&self, id: i64, fields: Value) -> Post {
        let changes = PostChanges::changeset(&params(fields)).unwrap();
        self.write(move |tx| {
            let updated = {
                let before = post::get(tx.connection, id)?;
                let after = changes.merged(&before);
                post::update(tx.connection, before, after, None, now())?
            };
            for event in events::of_update(&updated).unwrap() {
                tx.announce(event);
            }
            Ok(updated.after)
        })
        .await
    }

    /// Changes a row without an event, so that even the log does not have the change.
    pub(crate) async fn update_post_secretly(&self, id: i64, fields: Value) {
        let changes = PostChanges::changeset(&params(fields)).unwrap();
        self.write(move |tx| {
            Ok({
                let before = post::get(tx.connection, id)?;
                let after = changes.merged(&before);
                post::update(tx.connection, before, after, None, now())?
            })
        })
        .await;
    }

    pub(crate) async fn delete_post(&self, id: i64) {
        self.write(move |tx| {
            let post = post::get(tx.connection, id)?;
            post::delete(tx.connection, id)?;
            tx.announce(events::post_deleted(&post).unwrap());
            Ok(())
        })
        .await;
    }

    pub(crate) async fn note(&self, title: &str, body: &str) -> Note {
        let new = NewNote::changeset(&params(
            json!({ "title": title, "body": body, "author": "ferris" }),
        ))
        .unwrap();
        self.write(|tx| {
            let note = note::insert(tx.connection, new, now())?;
            tx.announce(events::note_created(&note).unwrap());
            Ok(note)
        })
        .await
    }

    /// A comment in this state.
    pub(crate) async fn comment(&self, post_id: i64, body: &str, state: CommentState) -> Comment {
        let new = NewComment::changeset_by(&params(json!({ "body": body })), None).unwrap();
        self.write(move |tx| {
            let comment = comment::insert(tx.connection, post_id, new, state, now())?;
            let post = post::facts(tx.connection, post_id)?;
            tx.announce(events::comment_created(&comment, post).unwrap());
            Ok(comment)
        })
        .await
    }

    pub(crate) async fn moderate(&self, id: i64, state: CommentState) {
        self.write(move |tx| {
            let before = comment::get(tx.connection, id)?;
            let (was, post) = (before.state, post::facts(tx.connection, before.post_id)?);
            let comment = comment::set_state(tx.connection, before, state)?;
            for event in events::of_state(was, &comment, post).unwrap() {
                tx.announce(event);
            }
            Ok(())
        })
        .await;
    }

    pub(crate) async fn edit_comment(&self, id: i64, body: &str) {
        let changes = CommentChanges::changeset(&params(json!({ "body": body }))).unwrap();
        self.write(move |tx| {
            let before = comment::get(tx.connection, id)?;
            let post = post::facts(tx.connection, before.post_id)?;
            let (comment, _) = comment::update(tx.connection, before, changes)?;
            tx.announce(events::comment_updated(&comment, post).unwrap());
            Ok(())
        })
        .await;
    }

    pub(crate) async fn delete_comment(&self, id: i64) {
        self.write(move |tx| {
            let comment = comment::get(tx.connection, id)?;
            let post = post::facts(tx.connection, comment.post_id)?;
            comment::delete(tx.connection, id)?;
            tx.announce(events::comment_deleted(&comment, post).unwrap());
            Ok(())
        })
        .await;
    }

    /// Inserts `count` notes, up to 500 in a transaction, whose events are announced together.
    pub(crate) async fn notes(&self, count: usize, body: &str) {
        let fields = json!({ "title": "One of many", "body": body, "author": "ferris" });
        let new = NewNote::changeset(&params(fields)).unwrap();
        for chunk in 0..count.div_ceil(500) {
            let (new, size) = (new.clone(), (count - chunk * 500).min(500));
            self.write(move |tx| {
                for _ in 0..size {
                    let note = note::insert(tx.connection, new.clone(), now())?;
                    tx.announce(events::note_created(&note).unwrap());
                }
                Ok(())
            })
            .await;
        }
    }

    pub(crate) async fn delete_note(&self, id: i64) {
        self.write(move |tx| {
            note::delete(tx.connection, id)?;
            tx.announce(events::note_deleted(id).unwrap());
            Ok(())
        })
        .await;
    }

    /// Removes all events, as pruning does with old ones.
    pub(crate) async fn prune(&self) {
        self.write(|tx| {
            use diesel::RunQueryDsl as _;
            diesel::delete(kilonova_feed::diesel::schema::kilonova_events::table)
                .execute(tx.connection)?;
            Ok(())
        })
        .await;
    }

    /// Waits until everything committed can be found. The timeout turns a hang into a failure.
    pub(crate) async fn settle(&self, search: &Search) {
        let position =
            self.db.read(|c| Ok::<_, Error>(events_log::state(c)?)).await.unwrap().position;
        tokio::time::timeout(Duration::from_secs(60), search.caught_up(position))
            .await
            .expect("not caught up")
            .unwrap();
    }

    /// Waits as `settle` does, then searches.
    pub(crate) async fn find(&self, search: &Search, text: &str) -> Vec<Hit> {
        self.settle(search).await;
        search.query(&Query::parse(text).unwrap()).await.unwrap().hits
    }

    /// The ids of the hits, in order.
    pub(crate) async fn ids(&self, search: &Search, text: &str) -> Vec<(Kind, i64)> {
        self.find(search, text).await.into_iter().map(|hit| (hit.kind, hit.id)).collect()
    }
}

/// Opens a database on a new thread: opening it blocks, which a runtime's thread must not.
fn open(database: Database, on_commit: OnCommit) -> Db {
    let open = move || Db::open(&database, on_commit).unwrap();
    std::thread::spawn(open).join().unwrap()
}

fn params(fields: Value) -> Params {
    fields.as_object().unwrap().clone()
}

static LINES: LazyLock<Mutex<Vec<String>>> = LazyLock::new(Mutex::default);

/// The number of log lines with exactly this text at level info, from all tests of this process.
pub(crate) fn logged(line: &str) -> usize {
    LINES.lock().unwrap().iter().filter(|other| *other == line).count()
}

struct Keeper;

impl log::Log for Keeper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() == log::Level::Info && record.target().starts_with("kilonova") {
            LINES.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

fn keep_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Keeper).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
}
