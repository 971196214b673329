//! Stored responses: each is kept under the `Idempotency-Key` of its request, so that a client that
//! repeats a request whose response was lost does nothing twice.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::now;
use crate::connection::DbConnection;
use crate::schema::idempotency_keys;

/// How long a stored response is given again.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// The request that a response belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The path that was posted to.
    pub path: String,
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// A digest of the body.
    pub fingerprint: String,
}

/// The response to a request.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = idempotency_keys)]
pub struct StoredResponse {
    /// The digest of the request's body.
    pub fingerprint: String,
    /// Its `Location`.
    pub location: Option<String>,
    /// Its JSON.
    pub body: String,
}

/// The stored response to this request, unless it is too old, and the position that it is true as
/// of.
pub fn find(
    connection: &mut DbConnection,
    key: &Key,
) -> QueryResult<Option<(StoredResponse, i64)>> {
    idempotency_keys::table
        .find((&key.path, &key.key))
        .filter(idempotency_keys::inserted_at.gt(oldest()))
        .select((StoredResponse::as_select(), idempotency_keys::position))
        .first(connection)
        .optional()
}

/// Stores a response.
pub fn insert(
    connection: &mut DbConnection,
    key: &Key,
    response: &StoredResponse,
    position: i64,
) -> QueryResult<()> {
    // One that is too old to be found may still be there.
    diesel::delete(idempotency_keys::table.find((&key.path, &key.key))).execute(connection)?;
    diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::path.eq(&key.path),
            idempotency_keys::idempotency_key.eq(&key.key),
            idempotency_keys::fingerprint.eq(&response.fingerprint),
            idempotency_keys::location.eq(&response.location),
            idempotency_keys::body.eq(&response.body),
            idempotency_keys::position.eq(position),
            idempotency_keys::inserted_at.eq(now()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Adds `by` to the positions of the responses that this transaction has stored. Does nothing on
/// SQLite, where one process writes at a time.
pub fn shift(connection: &mut DbConnection, keys: &[Key], by: i64) -> QueryResult<()> {
    let DbConnection::Postgres(c) = connection else { return Ok(()) };
    let sql = "UPDATE idempotency_keys SET position = position + $3 \
               FROM unnest($1, $2) AS kept (at, key) WHERE path = at AND idempotency_key = key";
    diesel::sql_query(sql)
        .bind::<Array<Text>, _>(keys.iter().map(|key| &key.path).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(keys.iter().map(|key| &key.key).collect::<Vec<_>>())
        .bind::<BigInt, _>(by)
        .execute(c)?;
    Ok(())
}

/// Deletes the responses that are too old to be given again.
pub fn prune(connection: &mut DbConnection) -> QueryResult<usize> {
    diesel::delete(idempotency_keys::table.filter(idempotency_keys::inserted_at.le(oldest())))
        .execute(connection)
}

fn oldest() -> NaiveDateTime {
    now() - KEPT
}
