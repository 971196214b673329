//! The statements that only SQLite needs.

use chrono::NaiveDateTime;
use diesel::connection::LoadConnection;
use diesel::dsl::sql;
use diesel::migration::{MigrationConnection, MigrationSource, Result as MigrationResult};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::statements::statements;
use super::{Oldest, State, Statements};
use crate::diesel::read::{Row, Taken};
use crate::diesel::schema::{kilonova_events as events, kilonova_log as log};
use crate::{NewEvent, Subject};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Rows per statement: SQLite accepts 32,766 values per statement, and a row has eleven.
const ROWS: usize = 1000;

impl<C> Statements<C> for Sqlite
where
    C: LoadConnection<Backend = Sqlite> + MigrationConnection + 'static,
{
    // A transaction in SQLite reads from one snapshot, taken at its first read. `OCTET_LENGTH`
    // would require SQLite 3.43.
    statements!(MIGRATIONS, "BEGIN", "LENGTH(CAST(payload AS BLOB))");

    fn insert(
        connection: &mut C,
        new: &[NewEvent],
        at: NaiveDateTime,
        added: i64,
    ) -> QueryResult<i64> {
        let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
        let last: i64 = diesel::update(log::table)
            .set((log::position.eq(log::position + count), log::bytes.eq(log::bytes + added)))
            .returning(log::position)
            .get_result(connection)?;
        let rows: Vec<_> = (last - count + 1..)
            .zip(new)
            .map(|(position, event)| {
                let subject = event.subject.as_ref();
                let parent = subject.and_then(Subject::parent);
                (
                    events::position.eq(position),
                    events::channel.eq(event.channel.as_str()),
                    events::topic.eq(&*event.topic),
                    events::payload.eq(event.payload.as_json()),
                    events::audience.eq(&*event.audience),
                    events::kind.eq(subject.map(Subject::kind)),
                    events::subject_id.eq(subject.map(Subject::id)),
                    events::parent_kind.eq(parent.map(|parent| parent.0)),
                    events::parent_id.eq(parent.map(|parent| parent.1)),
                    events::redacts.eq(event.redacts),
                    events::inserted_at.eq(at),
                )
            })
            .collect();
        for rows in rows.chunks(ROWS) {
            diesel::insert_into(events::table).values(rows).execute(connection)?;
        }
        Ok(last)
    }
}
