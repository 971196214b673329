//! The site's log on either database: the queries of `kilonova_feed` on this application's
//! connection.

use data_encoding::HEXLOWER;
use diesel::prelude::*;
use kilonova_feed::diesel as stored;
use kilonova_feed::diesel::schema::{kilonova_events, kilonova_log};
use kilonova_feed::diesel::{Pruned, Retention};
use kilonova_feed::{Event, LogState, NewEvent, Page, Subject};
use rand::TryRng;
use rand::rngs::SysRng;

use crate::connection::{DbConnection, with_variant};
use crate::pubsub::Channel;

/// The log's id and last position, in this connection's snapshot.
pub fn state(connection: &mut DbConnection) -> QueryResult<LogState> {
    with_variant!(connection, c => stored::state(c))
}

/// Gives the log a new id, so that clients that resume with the old one get a resync. This is for a
/// site that was restored to an earlier state: clients may already have seen its next positions.
pub fn renew(connection: &mut DbConnection) -> QueryResult<()> {
    let mut id = [0; 16];
    SysRng
        .try_fill_bytes(&mut id)
        .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
    diesel::update(kilonova_log::table)
        .set(kilonova_log::id.eq(HEXLOWER.encode(&id)))
        .execute(connection)
        .map(drop)
}

/// The events after a position, on some channels or on all: at most `limit`, and at most 1 MiB of
/// them.
pub fn after(
    connection: &mut DbConnection,
    position: i64,
    channels: Option<&[Channel]>,
    limit: usize,
) -> QueryResult<Page> {
    with_variant!(connection, c => stored::page(c, position, channels, limit))
}

/// Gives events the next positions and writes them, and subtracts pruned bytes from the size of the
/// log. These are the last statements of a transaction, since no other writer can take a position
/// until it ends.
pub fn append(
    connection: &mut DbConnection,
    new: Vec<NewEvent>,
    pruned: Pruned,
) -> QueryResult<Vec<Event>> {
    with_variant!(connection, c => stored::append_pruned(c, new, pruned))
}

/// Whether the log has this event. It tells whether a transaction of unknown outcome was committed.
pub fn holds(connection: &mut DbConnection, event: &Event) -> QueryResult<bool> {
    with_variant!(connection, c => stored::holds(c, event))
}

/// The audiences of the events about this row, which may be deleted by now.
pub fn audiences(connection: &mut DbConnection, subject: &Subject) -> QueryResult<Vec<String>> {
    let about =
        kilonova_events::kind.eq(subject.kind()).and(kilonova_events::subject_id.eq(subject.id()));
    kilonova_events::table
        .filter(about)
        .select(kilonova_events::audience)
        .distinct()
        .limit(100)
        .load(connection)
}

/// Deletes the oldest events beyond the retention, at most a few hundred. The caller must subtract
/// their bytes from the size of the log.
pub fn prune(connection: &mut DbConnection, retention: Retention) -> QueryResult<Pruned> {
    with_variant!(connection, c => stored::prune_rows(c, retention))
}
