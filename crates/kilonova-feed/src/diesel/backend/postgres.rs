//! The statements that only PostgreSQL needs.

use chrono::NaiveDateTime;
use diesel::connection::LoadConnection;
use diesel::dsl::sql;
use diesel::migration::{MigrationConnection, MigrationSource, Result as MigrationResult};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamp};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::statements::statements;
use super::{Oldest, State, Statements};
use crate::diesel::read::{Row, Taken};
use crate::diesel::schema::{kilonova_events as events, kilonova_log as log};
use crate::{NewEvent, Subject};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

#[diesel::declare_sql_function]
extern "SQL" {
    /// The migrations create this function: update and insert take one round trip.
    #[expect(clippy::too_many_arguments, reason = "one for each column")]
    fn kilonova_append(
        channels: Array<Text>,
        topics: Array<Text>,
        payloads: Array<Text>,
        audiences: Array<Text>,
        kinds: Array<Nullable<Text>>,
        subject_ids: Array<Nullable<Text>>,
        parent_kinds: Array<Nullable<Text>>,
        parent_ids: Array<Nullable<Text>>,
        redacting: Array<Bool>,
        written_at: Timestamp,
        added: BigInt,
    ) -> BigInt;
}

fn each<'a, T>(new: &'a [NewEvent], value: impl Fn(&'a NewEvent) -> T) -> Vec<T> {
    new.iter().map(value).collect()
}

fn parent(event: &NewEvent) -> Option<(&str, &str)> {
    event.subject.as_ref().and_then(Subject::parent)
}

impl<C> Statements<C> for Pg
where
    C: LoadConnection<Backend = Pg> + MigrationConnection + 'static,
{
    statements!(
        MIGRATIONS,
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        "OCTET_LENGTH(payload)"
    );

    fn insert(
        connection: &mut C,
        new: &[NewEvent],
        at: NaiveDateTime,
        added: i64,
    ) -> QueryResult<i64> {
        diesel::select(kilonova_append(
            each(new, |event| event.channel.as_str()),
            each(new, |event| &*event.topic),
            each(new, |event| event.payload.as_json()),
            each(new, |event| &*event.audience),
            each(new, |event| event.subject.as_ref().map(Subject::kind)),
            each(new, |event| event.subject.as_ref().map(Subject::id)),
            each(new, |event| parent(event).map(|parent| parent.0)),
            each(new, |event| parent(event).map(|parent| parent.1)),
            each(new, |event| event.redacts),
            at,
            added,
        ))
        .get_result(connection)
    }
}
