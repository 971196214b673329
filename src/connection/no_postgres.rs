//! PostgreSQL in a build without the feature `postgres`: uninhabited types, so that the rest of the
//! application is the same in every build. Owns the error of such a build when it is asked for
//! PostgreSQL.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, Instrumentation,
    LoadConnection, MultiConnectionHelper, SimpleConnection,
};
use diesel::expression::QueryMetadata;
use diesel::migration::MigrationConnection;
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection;
use diesel::row::{Field, PartialRow, Row, RowIndex, RowSealed};
use diesel::sql_types::TypeMetadata;

use super::Access;

/// The error instead of a connection.
const ABSENT: &str = "this build of kilonova has no PostgreSQL; build it with \
     `--features postgres`, or use sqlite:PATH";

/// Never queried: there is no backend.
pub(crate) const ALONE: &str = "FALSE";

/// A connection that cannot exist.
pub enum PostgresConnection {}

impl PostgresConnection {
    pub(super) fn open(server: &url::Postgres, _: Access) -> ConnectionResult<PostgresConnection> {
        match *server {}
    }

    pub(super) fn set_patience(&mut self, _: Duration) {
        match *self {}
    }

    pub(super) fn is_open(&mut self) -> bool {
        match *self {}
    }
}

pub(super) mod url {
    use super::{ABSENT, fmt};

    /// A server that cannot exist.
    #[derive(Clone, Debug)]
    pub enum Postgres {}

    impl Postgres {
        /// Always fails, with the reason.
        pub fn parse(_: &str) -> Result<Postgres, String> {
            Err(ABSENT.to_owned())
        }
    }

    impl fmt::Display for Postgres {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            match *self {}
        }
    }
}

impl SimpleConnection for PostgresConnection {
    fn batch_execute(&mut self, _: &str) -> QueryResult<()> {
        match *self {}
    }
}

impl ConnectionSealed for PostgresConnection {}

impl Connection for PostgresConnection {
    type Backend = Pg;
    type TransactionManager = AnsiTransactionManager;

    fn establish(_: &str) -> ConnectionResult<PostgresConnection> {
        Err(ConnectionError::BadConnection(ABSENT.to_owned()))
    }

    fn execute_returning_count<T>(&mut self, _: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        match *self {}
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        match *self {}
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        match *self {}
    }

    fn set_instrumentation(&mut self, _: impl Instrumentation) {
        match *self {}
    }

    fn set_prepared_statement_cache_size(&mut self, _: CacheSize) {
        match *self {}
    }
}

/// A row that cannot exist.
pub enum NoRow {}

impl RowSealed for NoRow {}

impl RowIndex<usize> for NoRow {
    fn idx(&self, _: usize) -> Option<usize> {
        match *self {}
    }
}

impl RowIndex<&str> for NoRow {
    fn idx(&self, _: &str) -> Option<usize> {
        match *self {}
    }
}

impl<'a> Row<'a, Pg> for NoRow {
    type Field<'f>
        = NoRow
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = NoRow;

    fn field_count(&self) -> usize {
        match *self {}
    }

    fn get<'b, I>(&'b self, _: I) -> Option<NoRow>
    where
        'a: 'b,
        Self: RowIndex<I>,
    {
        match *self {}
    }

    fn partial_row(&self, _: Range<usize>) -> PartialRow<'_, NoRow> {
        match *self {}
    }
}

impl Field<'_, Pg> for NoRow {
    fn field_name(&self) -> Option<&str> {
        match *self {}
    }

    fn value(&self) -> Option<PgValue<'_>> {
        match *self {}
    }
}

impl LoadConnection for PostgresConnection {
    type Cursor<'conn, 'query> = std::iter::Empty<QueryResult<NoRow>>;
    type Row<'conn, 'query> = NoRow;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        _: T,
    ) -> QueryResult<std::iter::Empty<QueryResult<NoRow>>>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        match *self {}
    }
}

impl MigrationConnection for PostgresConnection {
    fn setup(&mut self) -> QueryResult<usize> {
        match *self {}
    }
}

impl R2D2Connection for PostgresConnection {
    fn ping(&mut self) -> QueryResult<()> {
        match *self {}
    }
}

impl MultiConnectionHelper for PostgresConnection {
    fn to_any<'a>(_: &mut <Pg as TypeMetadata>::MetadataLookup) -> &mut (dyn Any + 'a) {
        // Zero-sized: nothing is allocated, so nothing leaks.
        Box::leak(Box::new(()))
    }

    fn from_any(_: &mut dyn Any) -> Option<&mut <Pg as TypeMetadata>::MetadataLookup> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::url::Postgres;

    #[test]
    fn a_build_without_postgresql_says_so() {
        let refused = Postgres::parse("postgres://localhost/blog").unwrap_err();
        assert!(refused.contains("no PostgreSQL"), "{refused}");
    }
}
