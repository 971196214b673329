//! Writes without HTTP: by another process on the same database, or in shapes no request has.

use kilonova::connection::Database;
use kilonova::db::{self, Db, OnCommit, Tx};
use kilonova::events;
use kilonova::feed::diesel::Retention;
use kilonova::models::log;
use kilonova::models::note::{self, NewNote, Note};
use kilonova::models::now;
use serde_json::json;

/// The error of a test's transaction.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error("refused")]
    Refused,
}

/// Opens the database as another process does. Only `on_commit` is told of its commits.
pub(super) async fn open(database: Database, on_commit: OnCommit) -> Db {
    tokio::task::spawn_blocking(move || Db::open(&database, on_commit)).await.unwrap().unwrap()
}

/// Writes a note with its event, as the application does.
pub(super) fn add_note(tx: &mut Tx<'_>, title: &str) -> Result<Note, Failure> {
    let fields = json!({"title": title, "body": "A body.", "author": "Ada"});
    let new = NewNote::changeset(fields.as_object().unwrap()).unwrap();
    let note = note::insert(tx.connection, new, now())?;
    tx.announce(events::note_created(&note).unwrap());
    Ok(note)
}

/// Prunes the log to its newest `count` events.
pub(super) async fn prune(db: &Db, count: i64) {
    let retention = Retention { age: None, count: Some(count), bytes: None };
    loop {
        let pruned = db.transaction(move |tx| {
            let pruned = log::prune(tx.connection, retention)?;
            tx.pruned(pruned);
            Ok::<_, Failure>(pruned.events)
        });
        if pruned.await.unwrap().value == 0 {
            return;
        }
    }
}
