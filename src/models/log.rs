//! The site's log on either database: `kilonova_feed`'s queries over this application's connection.

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

/// Which log this is and how far it goes, in this connection's snapshot.
pub fn state(connection: &mut DbConnection) -> QueryResult<LogState> {
    with_variant!(connection, c => stored::state(c))
}

/// Gives the log another id: a client that resumes with the old one gets a resync. For a site that
/// was put back to an earlier state, whose next positions clients may have seen already.
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

/// The events after a position, those on some channels or all: at most `limit`, or 1 MiB of them.
pub fn after(
    connection: &mut DbConnection,
    position: i64,
    channels: Option<&[Channel]>,
    limit: usize,
) -> QueryResult<Page> {
    with_variant!(connection, c => stored::page(c, position, channels, limit))
}

/// Gives events the next positions and writes them, and takes what was pruned off the size of the
/// log. The last statements of a transaction: until it ends, no other writer can take a position.
pub fn append(
    connection: &mut DbConnection,
    new: Vec<NewEvent>,
    pruned: Pruned,
) -> QueryResult<Vec<Event>> {
    with_variant!(connection, c => stored::append_pruned(c, new, pruned))
}

/// Whether the log has this event, which a transaction of unknown outcome would have written.
pub fn holds(connection: &mut DbConnection, event: &Event) -> QueryResult<bool> {
    with_variant!(connection, c => stored::holds(c, event))
}

/// The audiences of the events about this row, which may be deleted by now; none if there are none.
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

/// Deletes the oldest events beyond what is kept, at most a few hundred. Their bytes are still to be
/// taken off the size of the log.
pub fn prune(connection: &mut DbConnection, retention: Retention) -> QueryResult<Pruned> {
    with_variant!(connection, c => stored::prune_rows(c, retention))
}
