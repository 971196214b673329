//! First answers, kept under the key of the request that they answered, so that a client that
//! retries after a lost answer does nothing twice.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::now;
use crate::connection::DbConnection;
use crate::schema::idempotency_keys;

/// How long a first answer is given again.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// Which request an answer belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The path that was posted to.
    pub path: String,
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// A digest of the body.
    pub fingerprint: String,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = idempotency_keys)]
pub struct Answer {
    /// The digest of the body that it answered.
    pub fingerprint: String,
    /// Its `Location`.
    pub location: Option<String>,
    /// Its JSON.
    pub body: String,
    /// The position that it is true as of.
    pub position: i64,
}

/// The first answer to this request, if there was one in the last day.
pub fn find(connection: &mut DbConnection, key: &Key) -> QueryResult<Option<Answer>> {
    idempotency_keys::table
        .find((&key.path, &key.key))
        .filter(idempotency_keys::inserted_at.gt(oldest()))
        .select(Answer::as_select())
        .first(connection)
        .optional()
}

/// Keeps a first answer.
pub fn insert(connection: &mut DbConnection, key: &Key, answer: &Answer) -> QueryResult<()> {
    // One that is too old to be found may still be there.
    diesel::delete(idempotency_keys::table.find((&key.path, &key.key))).execute(connection)?;
    diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::path.eq(&key.path),
            idempotency_keys::idempotency_key.eq(&key.key),
            idempotency_keys::fingerprint.eq(&answer.fingerprint),
            idempotency_keys::location.eq(&answer.location),
            idempotency_keys::body.eq(&answer.body),
            idempotency_keys::position.eq(answer.position),
            idempotency_keys::inserted_at.eq(now()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Deletes the answers that are not given again.
pub fn prune(connection: &mut DbConnection) -> QueryResult<usize> {
    diesel::delete(idempotency_keys::table.filter(idempotency_keys::inserted_at.le(oldest())))
        .execute(connection)
}

fn oldest() -> NaiveDateTime {
    now() - KEPT
}
