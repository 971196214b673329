//! The log: the table of events, in which every change stands in the order of its commit.

use chrono::NaiveDateTime;
use diesel::dsl::{min, sql};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamp};
use diesel::sqlite::SqliteConnection;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{now, rfc3339};
use crate::connection::{DbConnection, PostgresConnection};
use crate::schema::{events, log};

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A post.
    Post(i64),
    /// A comment on a post.
    Comment {
        /// The comment's.
        id: i64,
        /// The post's.
        post_id: i64,
    },
    /// A note.
    Note(i64),
}

impl Subject {
    fn columns(self) -> (&'static str, i64, Option<i64>) {
        match self {
            Subject::Post(id) => ("post", id, None),
            Subject::Comment { id, post_id } => ("comment", id, Some(post_id)),
            Subject::Note(id) => ("note", id, None),
        }
    }

    fn of_columns(kind: &str, id: i64, post_id: Option<i64>) -> Option<Subject> {
        match (kind, post_id) {
            ("post", _) => Some(Subject::Post(id)),
            ("comment", Some(post_id)) => Some(Subject::Comment { id, post_id }),
            ("note", _) => Some(Subject::Note(id)),
            _ => None,
        }
    }

    /// True when deleting or withdrawing `self` takes `other` with it.
    pub(crate) fn covers(self, other: Subject) -> bool {
        self == other
            || matches!((self, other), (Subject::Post(id), Subject::Comment { post_id, .. }) if post_id == id)
    }
}

/// Who may see an event, stored as what it is about. Open access shows everything to everyone;
/// where there are accounts it is decided when an event is delivered or replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone who may read the site.
    Public,
    /// Whoever has an account, where there are accounts.
    Account,
    /// The author of a draft that has none, which is nobody but the admins.
    Draft,
}

impl Audience {
    fn as_str(self) -> &'static str {
        match self {
            Audience::Public => "public",
            Audience::Account => "account",
            Audience::Draft => "draft",
        }
    }
}

/// An event that a transaction will write; it has no position yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The channel that it goes out on.
    pub channel: String,
    /// What happened.
    pub topic: &'static str,
    /// JSON.
    pub payload: String,
    /// Who may see it.
    pub audience: Audience,
    /// What it is about.
    pub subject: Subject,
    /// The subject was deleted or withdrawn: its earlier events lose what they told.
    pub redacts: bool,
}

impl NewEvent {
    /// An event whose payload is the JSON of `payload`.
    pub fn new(
        channel: impl Into<String>,
        topic: &'static str,
        subject: Subject,
        audience: Audience,
        payload: &impl Serialize,
    ) -> Result<NewEvent, serde_json::Error> {
        let payload = serde_json::to_string(payload)?;
        let channel = channel.into();
        Ok(NewEvent { channel, topic, payload, audience, subject, redacts: false })
    }

    /// The same, reducing the subject's earlier events to `{"id":N,"redacted":true}`.
    #[must_use]
    pub fn redacting(self) -> NewEvent {
        NewEvent { redacts: true, ..self }
    }
}

/// An event that is committed. Its JSON is the API's `{id, channel, event, data, inserted_at}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct Event {
    /// Its position: 1, 2, 3 … without a gap, in commit order.
    pub id: i64,
    /// The channel that it goes out on.
    pub channel: String,
    /// What happened.
    #[serde(rename = "event")]
    pub topic: String,
    /// JSON.
    #[serde(rename = "data", serialize_with = "raw")]
    pub payload: String,
    /// UTC.
    #[serde(serialize_with = "rfc3339")]
    pub inserted_at: NaiveDateTime,
    #[serde(skip)]
    audience: String,
    #[serde(skip)]
    kind: String,
    #[serde(skip)]
    subject_id: i64,
    #[serde(skip)]
    post_id: Option<i64>,
}

impl Event {
    /// What it is about; `None` only in a log that somebody edited.
    pub fn subject(&self) -> Option<Subject> {
        Subject::of_columns(&self.kind, self.subject_id, self.post_id)
    }

    /// True when it may have redacted its subject's earlier events. A draft that was one before
    /// is told by the same event as a post that became one.
    pub fn may_redact(&self) -> bool {
        self.topic.ends_with("_deleted")
            || (self.topic == "post_updated" && self.audience == Audience::Draft.as_str())
    }
}

fn raw<S: Serializer>(json: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<&RawValue>(json)
        .map_err(serde::ser::Error::custom)?
        .serialize(serializer)
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

/// Where the log stands in this connection's snapshot.
pub fn log(connection: &mut DbConnection) -> QueryResult<Log> {
    log::table.select(Log::as_select()).first(connection)
}

/// The first position that the log still holds, if it holds any.
pub fn oldest(connection: &mut DbConnection) -> QueryResult<Option<i64>> {
    events::table.select(min(events::id)).first(connection)
}

/// Gives events the next positions and writes them, and takes `freed` bytes off the size of what is
/// kept. The last statements of a transaction: until it ends, no other writer can take a position.
pub fn append(
    connection: &mut DbConnection,
    new: Vec<NewEvent>,
    mut freed: i64,
) -> QueryResult<Vec<Event>> {
    let new = redacted(new);
    for event in new.iter().filter(|event| event.redacts) {
        freed += redact(connection, event.subject)?;
    }
    if new.is_empty() {
        if freed != 0 {
            diesel::update(log::table)
                .set(log::bytes.eq(log::bytes - freed))
                .execute(connection)?;
        }
        return Ok(Vec::new());
    }
    let added = new.iter().map(|event| event.payload.len() as i64).sum::<i64>() - freed;
    let at = now();
    let last = match connection {
        DbConnection::Sqlite(c) => insert(c, &new, at, added)?,
        DbConnection::Postgres(c) => call(c, &new, at, added)?,
    };
    let first = last - new.len() as i64 + 1;
    Ok((first..)
        .zip(new)
        .map(|(id, event)| {
            let (kind, subject_id, post_id) = event.subject.columns();
            Event {
                id,
                channel: event.channel,
                topic: event.topic.to_owned(),
                payload: event.payload,
                inserted_at: at,
                audience: event.audience.as_str().to_owned(),
                kind: kind.to_owned(),
                subject_id,
                post_id,
            }
        })
        .collect())
}

fn insert(
    c: &mut SqliteConnection,
    new: &[NewEvent],
    at: NaiveDateTime,
    added: i64,
) -> QueryResult<i64> {
    let count = new.len() as i64;
    let last: i64 = diesel::update(log::table)
        .set((log::position.eq(log::position + count), log::bytes.eq(log::bytes + added)))
        .returning(log::position)
        .get_result(c)?;
    let rows: Vec<_> = (last - count + 1..)
        .zip(new)
        .map(|(id, event)| {
            let (kind, subject_id, post_id) = event.subject.columns();
            (
                events::id.eq(id),
                events::channel.eq(&event.channel),
                events::topic.eq(event.topic),
                events::payload.eq(&event.payload),
                events::audience.eq(event.audience.as_str()),
                events::kind.eq(kind),
                events::subject_id.eq(subject_id),
                events::post_id.eq(post_id),
                events::inserted_at.eq(at),
            )
        })
        .collect();
    // SQLite takes 32,766 values in one statement, and a row has nine.
    for rows in rows.chunks(1000) {
        diesel::insert_into(events::table).values(rows).execute(c)?;
    }
    Ok(last)
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Made by the migrations: the same in one round trip.
    #[expect(clippy::too_many_arguments, reason = "one for each column")]
    fn append_events(
        channels: Array<Text>,
        topics: Array<Text>,
        payloads: Array<Text>,
        audiences: Array<Text>,
        kinds: Array<Text>,
        subject_ids: Array<BigInt>,
        post_ids: Array<Nullable<BigInt>>,
        written_at: Timestamp,
        added: BigInt,
    ) -> BigInt;
}

fn call(
    c: &mut PostgresConnection,
    new: &[NewEvent],
    at: NaiveDateTime,
    added: i64,
) -> QueryResult<i64> {
    let columns = |event: &NewEvent| event.subject.columns();
    diesel::select(append_events(
        new.iter().map(|event| event.channel.as_str()).collect::<Vec<_>>(),
        new.iter().map(|event| event.topic).collect::<Vec<_>>(),
        new.iter().map(|event| event.payload.as_str()).collect::<Vec<_>>(),
        new.iter().map(|event| event.audience.as_str()).collect::<Vec<_>>(),
        new.iter().map(|event| columns(event).0).collect::<Vec<_>>(),
        new.iter().map(|event| columns(event).1).collect::<Vec<_>>(),
        new.iter().map(|event| columns(event).2).collect::<Vec<_>>(),
        at,
        added,
    ))
    .get_result(c)
}

/// Whether the log has this event, which a transaction of unknown outcome would have written.
pub fn holds(connection: &mut DbConnection, event: &Event) -> QueryResult<bool> {
    let found = events::table
        .find(event.id)
        .select(Event::as_select())
        .first::<Event>(connection)
        .optional()?;
    // Its payload may be redacted by now.
    Ok(found.is_some_and(|found| Event { payload: event.payload.clone(), ..found } == *event))
}

/// Redacts, among events that are written together, those that a later one takes back.
fn redacted(mut new: Vec<NewEvent>) -> Vec<NewEvent> {
    for later in (0..new.len()).rev().filter(|&index| new[index].redacts).collect::<Vec<_>>() {
        let subject = new[later].subject;
        for event in &mut new[..later] {
            if subject.covers(event.subject) {
                let (_, id, _) = event.subject.columns();
                event.payload = format!("{{\"id\":{id},\"redacted\":true}}");
            }
        }
    }
    new
}

/// Reduces the written events about a subject to its id, and gives the bytes that this freed.
fn redact(connection: &mut DbConnection, subject: Subject) -> QueryResult<i64> {
    let (kind, id, _) = subject.columns();
    let bytes = |connection: &mut DbConnection| -> QueryResult<i64> {
        let sum = "COALESCE(SUM(OCTET_LENGTH(payload)), 0)";
        let own = events::table
            .filter(events::kind.eq(kind).and(events::subject_id.eq(id)))
            .select(sql::<BigInt>(sum))
            .first::<i64>(connection)?;
        let below = match subject {
            Subject::Post(_) => events::table
                .filter(events::post_id.eq(id))
                .select(sql::<BigInt>(sum))
                .first::<i64>(connection)?,
            _ => 0,
        };
        Ok(own + below)
    };
    let reduced = || sql::<Text>("'{\"id\":' || subject_id || ',\"redacted\":true}'");
    let before = bytes(connection)?;
    diesel::update(events::table.filter(events::kind.eq(kind).and(events::subject_id.eq(id))))
        .set(events::payload.eq(reduced()))
        .execute(connection)?;
    if let Subject::Post(_) = subject {
        diesel::update(events::table.filter(events::post_id.eq(id)))
            .set(events::payload.eq(reduced()))
            .execute(connection)?;
    }
    Ok(before - bytes(connection)?)
}

/// A part of the log that some channels carried.
#[derive(Debug)]
pub struct Slice {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The position up to which nothing on these channels is missing from `events`.
    pub through: i64,
    /// True when this is as far as the log goes.
    pub end: bool,
}

/// Bytes of payloads that one slice holds at the most; one event more than fits ends it.
pub const SLICE_BYTES: usize = 1024 * 1024;

/// At most `limit` events after a position that went out on one of `channels` (any, when `None`),
/// up to where the log stands in this snapshot.
pub fn slice(
    connection: &mut DbConnection,
    position: i64,
    channels: Option<&[String]>,
    limit: usize,
) -> QueryResult<Slice> {
    let end = log(connection)?.position;
    let mut query = events::table
        .filter(events::id.gt(position))
        .order(events::id)
        .limit(limit as i64)
        .select(Event::as_select())
        .into_boxed();
    if let Some(channels) = channels {
        query = query.filter(events::channel.eq_any(channels.to_vec()));
    }
    let mut found = Vec::new();
    let mut bytes = 0;
    let mut cut = false;
    for event in query.load_iter::<Event, _>(connection)? {
        let event = event?;
        bytes += event.payload.len();
        if !found.is_empty() && bytes > SLICE_BYTES {
            cut = true;
            break;
        }
        found.push(event);
    }
    let full = cut || found.len() == limit;
    let through = if full { found.last().map_or(end, |event| event.id) } else { end };
    Ok(Slice { events: found, through, end: through == end })
}

/// What is kept of the log. `None` keeps everything by that measure.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The oldest that an event may be.
    pub age: Option<chrono::TimeDelta>,
    /// Events at the most.
    pub count: Option<i64>,
    /// Bytes of payloads at the most.
    pub bytes: Option<i64>,
}

/// Events pruned in one transaction at the most, so that no other writer waits long.
const PRUNED: i64 = 500;

/// What was pruned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many events.
    pub events: usize,
    /// The size of their payloads, which whoever has pruned takes off the log's with the
    /// transaction's end: the log's row is the last one that a transaction may lock.
    pub bytes: i64,
}

/// Deletes the oldest events beyond what is kept, at most a few hundred. Positions stay as they are.
pub fn prune(connection: &mut DbConnection, retention: Retention) -> QueryResult<Pruned> {
    let (position, bytes): (i64, i64) =
        log::table.select((log::position, log::bytes)).first(connection)?;
    let oldest = events::table
        .order(events::id)
        .limit(PRUNED)
        .select((
            events::id,
            events::inserted_at,
            sql::<BigInt>("CAST(OCTET_LENGTH(payload) AS BIGINT)"),
        ))
        .load::<(i64, NaiveDateTime, i64)>(connection)?;
    let stale = retention.age.and_then(|age| now().checked_sub_signed(age));
    let (mut last, mut freed) = (None, 0);
    for (id, inserted_at, size) in oldest {
        let surplus = retention.count.is_some_and(|count| position - id >= count)
            || retention.bytes.is_some_and(|limit| bytes - freed > limit)
            || stale.is_some_and(|stale| inserted_at < stale);
        if !surplus {
            break;
        }
        freed += size;
        last = Some(id);
    }
    let Some(last) = last else { return Ok(Pruned::default()) };
    let events = diesel::delete(events::table.filter(events::id.le(last))).execute(connection)?;
    Ok(Pruned { events, bytes: freed })
}
