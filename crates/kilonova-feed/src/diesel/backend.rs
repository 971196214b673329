//! The differences between the databases. Owns the statements; leaves their combination to
//! `append`, `read` and `prune`.

use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::connection::LoadConnection;
use diesel::dsl::sql;
use diesel::migration::{MigrationConnection, Result as MigrationResult};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::read::Row;
use super::schema::{kilonova_events as events, kilonova_log as log};
use crate::{LogState, NewEvent, Subject};

/// The log's id, its last position, and the first position of its events.
type State = (String, i64, Option<i64>);

/// The oldest events: position, time, and size of the payload in bytes.
type Oldest = Vec<(i64, NaiveDateTime, i64)>;

/// A connection to a database with a log: any Diesel connection to SQLite or PostgreSQL, also one
/// from a pool.
pub trait LogConnection: Connection + 'static {
    #[doc(hidden)]
    fn migrate(&mut self) -> MigrationResult<()>;
    #[doc(hidden)]
    fn is_stale(&mut self) -> MigrationResult<bool>;
    #[doc(hidden)]
    fn state(&mut self) -> QueryResult<LogState>;
    #[doc(hidden)]
    fn rows(
        &mut self,
        after: i64,
        channels: Option<&[String]>,
        limit: usize,
        bytes: usize,
    ) -> QueryResult<(Vec<Row>, bool)>;
    #[doc(hidden)]
    fn row(&mut self, position: i64) -> QueryResult<Option<Row>>;
    #[doc(hidden)]
    fn insert(&mut self, new: &[NewEvent], at: NaiveDateTime, added: i64) -> QueryResult<i64>;
    #[doc(hidden)]
    fn redact(&mut self, subject: &Subject, before: i64) -> QueryResult<i64>;
    #[doc(hidden)]
    fn free(&mut self, bytes: i64) -> QueryResult<()>;
    #[doc(hidden)]
    fn size(&mut self) -> QueryResult<(i64, i64)>;
    #[doc(hidden)]
    fn oldest(&mut self, limit: i64) -> QueryResult<Oldest>;
    #[doc(hidden)]
    fn delete_through(&mut self, position: i64) -> QueryResult<usize>;
    /// The statement that begins a transaction that reads one snapshot.
    #[doc(hidden)]
    const SNAPSHOT: &'static str;
}

/// A database that can hold a log; `C` is a connection to it.
pub trait LogBackend<C>: Backend {
    #[doc(hidden)]
    const SNAPSHOT: &'static str;
    #[doc(hidden)]
    fn migrate(connection: &mut C) -> MigrationResult<()>;
    #[doc(hidden)]
    fn is_stale(connection: &mut C) -> MigrationResult<bool>;
    #[doc(hidden)]
    fn state(connection: &mut C) -> QueryResult<State>;
    #[doc(hidden)]
    fn rows(
        connection: &mut C,
        after: i64,
        channels: Option<&[String]>,
        limit: usize,
        bytes: usize,
    ) -> QueryResult<(Vec<Row>, bool)>;
    #[doc(hidden)]
    fn row(connection: &mut C, position: i64) -> QueryResult<Option<Row>>;
    #[doc(hidden)]
    fn insert(
        connection: &mut C,
        new: &[NewEvent],
        at: NaiveDateTime,
        added: i64,
    ) -> QueryResult<i64>;
    #[doc(hidden)]
    fn redact(connection: &mut C, subject: &Subject, before: i64) -> QueryResult<i64>;
    #[doc(hidden)]
    fn free(connection: &mut C, bytes: i64) -> QueryResult<()>;
    #[doc(hidden)]
    fn size(connection: &mut C) -> QueryResult<(i64, i64)>;
    #[doc(hidden)]
    fn oldest(connection: &mut C, limit: i64) -> QueryResult<Oldest>;
    #[doc(hidden)]
    fn delete_through(connection: &mut C, position: i64) -> QueryResult<usize>;
}

impl<C> LogConnection for C
where
    C: Connection + 'static,
    C::Backend: LogBackend<C>,
{
    const SNAPSHOT: &'static str = <C::Backend as LogBackend<C>>::SNAPSHOT;

    fn migrate(&mut self) -> MigrationResult<()> {
        C::Backend::migrate(self)
    }

    fn is_stale(&mut self) -> MigrationResult<bool> {
        C::Backend::is_stale(self)
    }

    fn state(&mut self) -> QueryResult<LogState> {
        let (id, position, oldest) = C::Backend::state(self)?;
        Ok(LogState { id: id.into(), oldest: oldest.unwrap_or(position + 1), position })
    }

    fn rows(
        &mut self,
        after: i64,
        channels: Option<&[String]>,
        limit: usize,
        bytes: usize,
    ) -> QueryResult<(Vec<Row>, bool)> {
        C::Backend::rows(self, after, channels, limit, bytes)
    }

    fn row(&mut self, position: i64) -> QueryResult<Option<Row>> {
        C::Backend::row(self, position)
    }

    fn insert(&mut self, new: &[NewEvent], at: NaiveDateTime, added: i64) -> QueryResult<i64> {
        C::Backend::insert(self, new, at, added)
    }

    fn redact(&mut self, subject: &Subject, before: i64) -> QueryResult<i64> {
        C::Backend::redact(self, subject, before)
    }

    fn free(&mut self, bytes: i64) -> QueryResult<()> {
        C::Backend::free(self, bytes)
    }

    fn size(&mut self) -> QueryResult<(i64, i64)> {
        C::Backend::size(self)
    }

    fn oldest(&mut self, limit: i64) -> QueryResult<Oldest> {
        C::Backend::oldest(self, limit)
    }

    fn delete_through(&mut self, position: i64) -> QueryResult<usize> {
        C::Backend::delete_through(self, position)
    }
}

/// The statements that both databases accept.
macro_rules! statements {
    ($migrations:ident, $snapshot:literal, $bytes:literal) => {
        const SNAPSHOT: &'static str = $snapshot;

        fn migrate(connection: &mut C) -> MigrationResult<()> {
            connection.run_pending_migrations($migrations).map(drop)
        }

        fn is_stale(connection: &mut C) -> MigrationResult<bool> {
            connection.has_pending_migration($migrations)
        }

        fn state(connection: &mut C) -> QueryResult<State> {
            let oldest = sql::<Nullable<BigInt>>("(SELECT MIN(position) FROM kilonova_events)");
            log::table.select((log::id, log::position, oldest)).first(connection)
        }

        fn rows(
            connection: &mut C,
            after: i64,
            channels: Option<&[String]>,
            limit: usize,
            bytes: usize,
        ) -> QueryResult<(Vec<Row>, bool)> {
            let mut query = events::table
                .filter(events::position.gt(after))
                .order(events::position)
                .limit(i64::try_from(limit).unwrap_or(i64::MAX))
                .select(Row::as_select())
                .into_boxed();
            if let Some(channels) = channels {
                query = query.filter(events::channel.eq_any(channels.to_vec()));
            }
            let (mut found, mut size): (Vec<Row>, usize) = (Vec::new(), 0);
            for row in query.load_iter::<Row, _>(connection)? {
                let row = row?;
                size += row.payload.len();
                if !found.is_empty() && size > bytes {
                    return Ok((found, true));
                }
                found.push(row);
            }
            let full = found.len() >= limit;
            Ok((found, full))
        }

        fn row(connection: &mut C, position: i64) -> QueryResult<Option<Row>> {
            events::table.find(position).select(Row::as_select()).first(connection).optional()
        }

        fn redact(connection: &mut C, subject: &Subject, before: i64) -> QueryResult<i64> {
            let earlier = events::position.lt(before);
            let own = events::kind.eq(subject.kind()).and(events::subject_id.eq(subject.id()));
            let own = own.and(earlier);
            let parts =
                events::parent_kind.eq(subject.kind()).and(events::parent_id.eq(subject.id()));
            let parts = parts.and(earlier);
            let sum = || sql::<BigInt>(concat!("COALESCE(SUM(", $bytes, "), 0)"));
            let reduced = || sql::<Text>("'{\"id\":' || subject_id || ',\"redacted\":true}'");
            // Two queries instead of `OR`: each condition has its index.
            let bytes = |connection: &mut C| -> QueryResult<i64> {
                let own: i64 = events::table.filter(own).select(sum()).first(connection)?;
                let parts: i64 = events::table.filter(parts).select(sum()).first(connection)?;
                Ok(own + parts)
            };
            let size = bytes(connection)?;
            let payload = || events::payload.eq(reduced());
            diesel::update(events::table.filter(own)).set(payload()).execute(connection)?;
            diesel::update(events::table.filter(parts)).set(payload()).execute(connection)?;
            Ok(size - bytes(connection)?)
        }

        fn free(connection: &mut C, bytes: i64) -> QueryResult<()> {
            diesel::update(log::table)
                .set(log::bytes.eq(log::bytes - bytes))
                .execute(connection)?;
            Ok(())
        }

        fn size(connection: &mut C) -> QueryResult<(i64, i64)> {
            log::table.select((log::position, log::bytes)).first(connection)
        }

        fn oldest(connection: &mut C, limit: i64) -> QueryResult<Oldest> {
            let size = sql::<BigInt>(concat!("CAST(", $bytes, " AS BIGINT)"));
            events::table
                .order(events::position)
                .limit(limit)
                .select((events::position, events::inserted_at, size))
                .load(connection)
        }

        fn delete_through(connection: &mut C, position: i64) -> QueryResult<usize> {
            diesel::delete(events::table.filter(events::position.le(position))).execute(connection)
        }
    };
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::sqlite::Sqlite;

    use super::*;

    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

    /// Rows per statement: SQLite accepts 32,766 values, and a row has eleven.
    const ROWS: usize = 1000;

    impl<C> LogBackend<C> for Sqlite
    where
        C: LoadConnection<Backend = Sqlite> + MigrationConnection + 'static,
    {
        // A transaction of SQLite is a snapshot from its first read on.
        // `OCTET_LENGTH` came with SQLite 3.43.
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
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::pg::Pg;
    use diesel::sql_types::{Array, Bool, Timestamp};

    use super::*;

    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

    #[diesel::declare_sql_function]
    extern "SQL" {
        /// The migrations create it: one round trip for update and insert.
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

    impl<C> LogBackend<C> for Pg
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
}
