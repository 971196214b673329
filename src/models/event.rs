//! The log: the table of events, in which every change stands in the order of its commit.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::now;
use crate::connection::{DbConnection, with_variant};
use crate::schema::{events, log};

/// An event that a transaction will write; it has no position yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The channel that it goes out on.
    pub channel: String,
    /// What happened.
    pub topic: &'static str,
    /// JSON.
    pub payload: String,
    /// What it is about, as `kind:id`.
    pub subject: String,
}

impl NewEvent {
    /// An event whose payload is the JSON of `payload`.
    pub fn new(
        channel: impl Into<String>,
        topic: &'static str,
        subject: String,
        payload: &impl Serialize,
    ) -> Result<NewEvent, serde_json::Error> {
        let payload = serde_json::to_string(payload)?;
        Ok(NewEvent { channel: channel.into(), topic, payload, subject })
    }
}

/// An event that is committed.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct Event {
    /// Its position: 1, 2, 3 … without a gap, in commit order.
    pub id: i64,
    /// The channel that it goes out on.
    pub channel: String,
    /// What happened.
    pub topic: String,
    /// JSON.
    pub payload: String,
    /// What it is about, as `kind:id`.
    pub subject: String,
    /// UTC.
    pub inserted_at: NaiveDateTime,
}

/// Where a log stands, and which log it is.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = log)]
pub struct Log {
    /// Random, made with the database.
    pub id: String,
    /// The last position given; 0 when there is none yet.
    pub position: i64,
}

/// Everyone who may read the site.
const PUBLIC: &str = "public";

/// Where the log stands in this connection's snapshot.
pub fn log(connection: &mut DbConnection) -> QueryResult<Log> {
    log::table.select(Log::as_select()).first(connection)
}

/// Gives events the next positions and writes them. The last statements of a transaction: until
/// it ends, no other writer can take a position.
pub fn append(connection: &mut DbConnection, new: Vec<NewEvent>) -> QueryResult<Vec<Event>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let count = new.len() as i64;
    let last: i64 = with_variant!(connection, c => {
        diesel::update(log::table)
            .set(log::position.eq(log::position + count))
            .returning(log::position)
            .get_result(c)
    })?;
    let inserted_at = now();
    let committed: Vec<Event> = (last - count + 1..)
        .zip(new)
        .map(|(id, event)| Event {
            id,
            channel: event.channel,
            topic: event.topic.to_owned(),
            payload: event.payload,
            subject: event.subject,
            inserted_at,
        })
        .collect();
    let rows: Vec<_> = committed
        .iter()
        .map(|event| {
            (
                events::id.eq(event.id),
                events::channel.eq(&event.channel),
                events::topic.eq(&event.topic),
                events::payload.eq(&event.payload),
                events::audience.eq(PUBLIC),
                events::subject.eq(&event.subject),
                events::inserted_at.eq(event.inserted_at),
            )
        })
        .collect();
    with_variant!(connection, c => diesel::insert_into(events::table).values(rows).execute(c))?;
    Ok(committed)
}

/// At most `limit` events after a position, in order.
pub fn after(
    connection: &mut DbConnection,
    position: i64,
    limit: usize,
) -> QueryResult<Vec<Event>> {
    events::table
        .filter(events::id.gt(position))
        .order(events::id)
        .limit(limit as i64)
        .select(Event::as_select())
        .load(connection)
}

/// The first position that the log still holds, if it holds any.
pub fn oldest(connection: &mut DbConnection) -> QueryResult<Option<i64>> {
    events::table.select(events::id).order(events::id).first(connection).optional()
}
