//! Ids that are brought along: a row keeps the one that it had on another site, unless this site
//! has given it already, also to a row that is gone.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::connection::DbConnection;

/// The highest id that is brought along: there are enough left above it for all that a site writes.
pub const MAX: i64 = 1_000_000_000_000;

/// The ids of one table, within a transaction that builds on rows which it has read.
pub struct Ids {
    table: &'static str,
    last: i64,
    taken: bool,
}

impl Ids {
    /// The ids of `table`, which nobody else gives until the transaction ends.
    pub fn of(connection: &mut DbConnection, table: &'static str) -> QueryResult<Ids> {
        // A transaction that only adds rows would else take ids from the sequence meanwhile. It
        // waits for nothing that this one holds: see `db::lock`.
        if let DbConnection::Postgres(c) = connection {
            c.batch_execute(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))?;
        }
        Ok(Ids { table, last: last_given(connection, table)?, taken: false })
    }

    /// The id, if it was never given; it is from now on.
    pub fn take(&mut self, id: i64) -> Option<i64> {
        let is_free = id > self.last && id <= MAX;
        if is_free {
            self.last = id;
            self.taken = true;
        }
        is_free.then_some(id)
    }

    /// Has the table go on after the ids that were taken. Nothing else gives ids before.
    pub fn close(self, connection: &mut DbConnection) -> QueryResult<()> {
        match connection {
            // A row with an id of its own moves the table's on.
            DbConnection::Sqlite(_) => Ok(()),
            DbConnection::Postgres(_) if !self.taken => Ok(()),
            // Unlike `setval` it is undone with the transaction.
            DbConnection::Postgres(c) => c.batch_execute(&format!(
                "ALTER SEQUENCE {}_id_seq RESTART WITH {}",
                self.table,
                self.last + 1
            )),
        }
    }
}

/// The last id that a table has given, also to a row that is gone.
pub fn last_given(connection: &mut DbConnection, table: &str) -> QueryResult<i64> {
    let given = match connection {
        DbConnection::Sqlite(_) => {
            format!("COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)")
        }
        // After a restart it stands at the next one, which it has not given.
        DbConnection::Postgres(_) => {
            format!(
                "(SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM {table}_id_seq)"
            )
        }
    };
    diesel::select(sql::<BigInt>(&given)).get_result(connection)
}

/// Has a table give ids from here on.
pub fn give_after(connection: &mut DbConnection, table: &str, last: i64) -> QueryResult<()> {
    if last == 0 {
        return Ok(());
    }
    match connection {
        DbConnection::Sqlite(c) => c.batch_execute(&format!(
            "DELETE FROM sqlite_sequence WHERE name = '{table}'; \
             INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {last})"
        )),
        DbConnection::Postgres(c) => {
            c.batch_execute(&format!("SELECT setval('{table}_id_seq', {last})"))
        }
    }
}
