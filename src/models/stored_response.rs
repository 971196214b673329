//! Stored responses, each under the `Idempotency-Key` of its request, so that a client that retries
//! a request after its response was lost does nothing twice. A response belongs to the account that
//! made the request, and is redacted when its subject is deleted.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use kilonova_feed::Subject;

use super::now;
use crate::connection::DbConnection;
use crate::schema::stored_responses;

/// How long a stored response is replayed.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// The longest `Idempotency-Key`, in bytes.
pub const MAX_KEY: usize = 255;

/// The account of requests without one.
pub const NOBODY: i64 = 0;

/// The request that a response belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The account that made it, or [`NOBODY`].
    pub account: i64,
    /// The path of the request.
    pub path: String,
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// A digest of the account and the body.
    pub fingerprint: String,
}

/// The response to a request.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = stored_responses)]
pub struct StoredResponse {
    /// The digest of the request's account and body.
    pub fingerprint: String,
    /// Its `Location`.
    pub location: Option<String>,
    /// Its body, as JSON.
    pub body: String,
}

impl StoredResponse {
    /// Whether its subject was deleted.
    pub fn is_redacted(&self) -> bool {
        self.body.ends_with(REDACTED)
    }
}

/// The end of a redacted response, which is reduced to an id.
const REDACTED: &str = ",\"redacted\":true}";

/// The stored response to this request, unless it has expired, and the position at which it was
/// true.
pub fn find(
    connection: &mut DbConnection,
    key: &Key,
) -> QueryResult<Option<(StoredResponse, i64)>> {
    let own = stored_responses::account.eq(key.account);
    // Older versions stored the account only as part of the digest.
    let before = stored_responses::account
        .eq(NOBODY)
        .and(stored_responses::fingerprint.eq(&key.fingerprint));
    stored_responses::table
        .filter(stored_responses::path.eq(&key.path))
        .filter(stored_responses::idempotency_key.eq(&key.key))
        .filter(own.or(before))
        .filter(stored_responses::inserted_at.gt(oldest()))
        .order(stored_responses::account.desc())
        .select((StoredResponse::as_select(), stored_responses::position))
        .first(connection)
        .optional()
}

/// Stores a response about a subject.
pub fn insert(
    connection: &mut DbConnection,
    key: &Key,
    response: &StoredResponse,
    subject: Option<&Subject>,
    position: i64,
) -> QueryResult<()> {
    let parent = subject.and_then(Subject::parent);
    // An expired one may still be there.
    diesel::delete(stored_responses::table.find((key.account, &key.path, &key.key)))
        .execute(connection)?;
    diesel::insert_into(stored_responses::table)
        .values((
            stored_responses::account.eq(key.account),
            stored_responses::path.eq(&key.path),
            stored_responses::idempotency_key.eq(&key.key),
            stored_responses::fingerprint.eq(&response.fingerprint),
            stored_responses::location.eq(&response.location),
            stored_responses::body.eq(&response.body),
            stored_responses::position.eq(position),
            stored_responses::inserted_at.eq(now()),
            stored_responses::subject
                .eq(subject.map(|subject| named(subject.kind(), subject.id()))),
            stored_responses::parent.eq(parent.map(|(kind, id)| named(kind, id))),
        ))
        .execute(connection)?;
    Ok(())
}

/// Reduces the responses about a deleted subject, and about its parts, to ids.
pub fn redact(connection: &mut DbConnection, subject: &Subject) -> QueryResult<()> {
    let name = named(subject.kind(), subject.id());
    reduce(connection, &name)?;
    let parts = stored_responses::table.filter(stored_responses::parent.eq(&name));
    let parts =
        parts.select(stored_responses::subject).distinct().load::<Option<String>>(connection)?;
    for part in parts.into_iter().flatten() {
        reduce(connection, &part)?;
    }
    Ok(())
}

/// Reduces the responses about the subject with this name to its id.
fn reduce(connection: &mut DbConnection, name: &str) -> QueryResult<usize> {
    let id = name.split_once(':').map_or("null", |(_, id)| id);
    diesel::update(stored_responses::table.filter(stored_responses::subject.eq(name)))
        .set(stored_responses::body.eq(format!("{{\"id\":{id}{REDACTED}")))
        .execute(connection)
}

fn named(kind: &str, id: &str) -> String {
    format!("{kind}:{id}")
}

/// Adds `by` to the positions of the responses that this transaction has stored. Does nothing on
/// SQLite, where one process writes at a time.
pub fn shift(connection: &mut DbConnection, keys: &[Key], by: i64) -> QueryResult<()> {
    let DbConnection::Postgres(c) = connection else { return Ok(()) };
    let sql = "UPDATE stored_responses SET position = position + $4 \
               FROM unnest($1, $2, $3) AS kept (owner, at, key) \
               WHERE account = owner AND path = at AND idempotency_key = key";
    diesel::sql_query(sql)
        .bind::<Array<BigInt>, _>(keys.iter().map(|key| key.account).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(keys.iter().map(|key| &key.path).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(keys.iter().map(|key| &key.key).collect::<Vec<_>>())
        .bind::<BigInt, _>(by)
        .execute(c)?;
    Ok(())
}

/// Deletes the expired responses.
pub fn prune(connection: &mut DbConnection) -> QueryResult<usize> {
    diesel::delete(stored_responses::table.filter(stored_responses::inserted_at.le(oldest())))
        .execute(connection)
}

fn oldest() -> NaiveDateTime {
    now() - KEPT
}
