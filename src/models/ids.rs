//! Imported ids: a row keeps the id that it had on another site, unless this site has already used
//! it, even for a row that was deleted since.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::connection::DbConnection;

/// The highest id that can be imported. It leaves enough ids above it for all rows of a site.
pub const MAX: i64 = 1_000_000_000_000;

/// The ids of one table, in a transaction that touches existing rows.
pub struct Ids {
    table: &'static str,
    last: i64,
    taken: bool,
}

impl Ids {
    /// Takes the ids of `table`. No other transaction can assign any until this one ends.
    pub fn of(connection: &mut DbConnection, table: &'static str) -> QueryResult<Ids> {
        // Otherwise a transaction that only adds rows could take ids from the sequence. Such a
        // transaction waits for no other lock that this one holds: see `db::lock`.
        if let DbConnection::Postgres(c) = connection {
            c.batch_execute(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))?;
        }
        Ok(Ids { table, last: last_given(connection, table)?, taken: false })
    }

    /// Takes an id and returns it, if it was never used.
    pub fn take(&mut self, id: i64) -> Option<i64> {
        let is_free = id > self.last && id <= MAX;
        if is_free {
            self.last = id;
            self.taken = true;
        }
        is_free.then_some(id)
    }

    /// Makes the table continue after the ids that were taken. Until then, nothing else may assign
    /// ids.
    pub fn close(self, connection: &mut DbConnection) -> QueryResult<()> {
        match connection {
            // SQLite advances the sequence when a row with an explicit id is inserted.
            DbConnection::Sqlite(_) => Ok(()),
            DbConnection::Postgres(_) if !self.taken => Ok(()),
            // Unlike `setval`, this is rolled back with the transaction.
            DbConnection::Postgres(c) => c.batch_execute(&format!(
                "ALTER SEQUENCE {}_id_seq RESTART WITH {}",
                self.table,
                self.last + 1
            )),
        }
    }
}

/// The last id that a table has assigned, even if its row was deleted since.
pub fn last_given(connection: &mut DbConnection, table: &str) -> QueryResult<i64> {
    let given = match connection {
        DbConnection::Sqlite(_) => {
            format!("COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)")
        }
        // After a RESTART, `last_value` is the next id, which was not assigned yet.
        DbConnection::Postgres(_) => {
            format!(
                "(SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM {table}_id_seq)"
            )
        }
    };
    diesel::select(sql::<BigInt>(&given)).get_result(connection)
}

/// Makes a table continue with the ids after `last`.
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
