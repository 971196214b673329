//! Copies a whole site from one database to an empty one: the rows of all tables, the log with its
//! positions, the keys, and the last id of each table. Owns the order and the counting; the caller
//! owns the transactions and locks.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::Error as Diesel;
use diesel::sql_types::Bool;
use indicatif::{ProgressBar, ProgressStyle};
use kilonova_feed::diesel::schema::kilonova_log as log;

use super::rows::{Fault, TABLES, Table};
use crate::connection::{ALONE, DbConnection};
use crate::models::{ids, site_key};

/// The reason why a site was not copied to another database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target already has rows: a table, and the number of its rows.
    #[error("it is not empty: {0} has {1} row(s)")]
    NotEmpty(&'static str, i64),
    /// A table was not copied completely.
    #[error("{table}: {found} of {expected} row(s) arrived")]
    Differs {
        /// The table.
        table: &'static str,
        /// Rows in the old database.
        expected: i64,
        /// Rows in the new one.
        found: i64,
    },
    /// A row cannot be read from the site.
    #[error("cannot read a row: {0}")]
    Read(#[source] Diesel),
    /// A row cannot be written to the target.
    #[error("cannot write a row: {0}")]
    Write(#[source] Diesel),
    /// A signal stopped the copy.
    #[error("stopped")]
    Stopped,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault {
            Fault::Read(error) => Error::Read(error),
            // A full disk ends SQLite's transaction, and Diesel then reports the missing savepoint.
            Fault::Write(error) if error.to_string().contains("no such savepoint") => {
                let reason = "the disk is full or cannot be written";
                Error::Write(Diesel::QueryBuilderError(reason.into()))
            }
            Fault::Write(error) => Error::Write(error),
            Fault::Stopped => Error::Stopped,
        }
    }
}

/// The transaction that writes to the target cannot begin or end.
impl From<Diesel> for Error {
    fn from(error: Diesel) -> Error {
        Error::Write(error)
    }
}

/// The part of a site that is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Everything,
    /// All of it except credentials: sign-ins, tokens and links to drafts.
    WithoutAccess,
}

impl Extent {
    fn has(self, table: &Table) -> bool {
        self == Extent::Everything
            || !["sign_ins", "draft_links", "bin_draft_links"].contains(&table.name)
    }
}

/// The tables that were written, each with its number of rows.
pub type Counts = Vec<(&'static str, i64)>;

/// Formats counts for people, without empty tables.
pub fn told(counts: &Counts) -> String {
    let told = counts.iter().filter(|(_, rows)| *rows > 0);
    let told: Vec<String> = told.map(|(name, rows)| format!("{rows} {name}")).collect();
    if told.is_empty() { "no rows".to_owned() } else { told.join(", ") }
}

/// A progress bar on standard error, if that is a terminal, and a flag that stops the work.
pub struct Progress<'a> {
    bar: ProgressBar,
    stop: &'a AtomicBool,
}

impl<'a> Progress<'a> {
    /// A bar that counts rows. Once `stop` is true, the next [`step`](Progress::step) returns
    /// false.
    pub fn of_rows(stop: &'a AtomicBool) -> Progress<'a> {
        Progress::of(stop, "{msg:16} {wide_bar} {pos}/{len}, {eta} left")
    }

    /// A bar that counts bytes.
    pub fn of_bytes(stop: &'a AtomicBool) -> Progress<'a> {
        Progress::of(stop, "{msg:16} {wide_bar} {bytes}/{total_bytes}, {eta} left")
    }

    fn of(stop: &'a AtomicBool, template: &str) -> Progress<'a> {
        let bar = ProgressBar::new(0);
        // The template is fixed. If it did not parse, the bar would only look plainer.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress { bar, stop }
    }

    /// Adds to the expected number of steps.
    pub fn expect(&self, steps: u64) {
        self.bar.inc_length(steps);
    }

    /// Sets the name of the current part.
    pub fn name(&self, name: &'static str) {
        self.bar.set_message(name);
    }

    /// Counts steps. Returns false if the work must stop.
    #[must_use = "a signal may have asked to stop"]
    pub fn step(&self, steps: u64) -> bool {
        self.bar.inc(steps);
        !self.stop.load(Ordering::Relaxed)
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Fails if a database has a row in one of the site's tables.
pub fn refuse_rows(connection: &mut DbConnection) -> Result<(), Error> {
    for table in &TABLES {
        let found = (table.count)(connection).map_err(Error::Read)?;
        if found > 0 {
            return Err(Error::NotEmpty(table.name, found));
        }
    }
    Ok(())
}

/// Copies the site from the first database to the second, which must be empty.
pub fn copy(
    old: &mut DbConnection,
    new: &mut DbConnection,
    extent: Extent,
    progress: &Progress<'_>,
) -> Result<Counts, Error> {
    refuse_rows(new)?;
    let mut counts = Vec::new();
    let tables = || TABLES.iter().filter(move |table| extent.has(table));
    for table in tables() {
        let count = (table.count)(old).map_err(Error::Read)?;
        progress.expect(u64::try_from(count).unwrap_or(0));
        counts.push((table.name, count));
    }
    for (table, &(name, expected)) in tables().zip(&counts) {
        progress.name(name);
        let tell = |rows| match progress.step(rows as u64) {
            true => Ok(()),
            false => Err(Fault::Stopped),
        };
        (table.copy)(old, new, &tell)?;
        let found = (table.count)(new).map_err(Error::Write)?;
        if found != expected {
            return Err(Error::Differs { table: name, expected, found });
        }
    }
    let of_log = log::table.select((log::id, log::position, log::bytes));
    let (id, position, bytes): (String, i64, i64) = of_log.first(old).map_err(Error::Read)?;
    diesel::update(log::table)
        .set((log::id.eq(id), log::position.eq(position), log::bytes.eq(bytes)))
        .execute(new)
        .map_err(Error::Write)?;
    let keys = site_key::all(old).map_err(Error::Read)?;
    site_key::replace(new, keys).map_err(Error::Write)?;
    let numbered = [
        "users",
        "sign_ins",
        "posts",
        "comments",
        "notes",
        "bin_entries",
        "working_copies",
        "draft_links",
    ];
    for table in numbered {
        let given = ids::last_given(old, table).map_err(Error::Read)?;
        ids::give_after(new, table, given).map_err(Error::Write)?;
    }
    Ok(counts)
}

/// Keeps other processes from writing to a shared database until the transaction ends. Returns
/// false if one of them is connected.
pub fn be_alone(connection: &mut DbConnection) -> QueryResult<bool> {
    let DbConnection::Postgres(c) = connection else { return Ok(true) };
    take_time(c)?;
    // Every writer takes its positions from this row. The first query fixes the snapshot, so the
    // lock comes before it.
    c.batch_execute("LOCK TABLE kilonova_log IN EXCLUSIVE MODE")?;
    diesel::select(sql::<Bool>(ALONE)).get_result(c)
}

/// Lifts PostgreSQL's time limits for this transaction.
pub fn take_time(connection: &mut impl SimpleConnection) -> QueryResult<()> {
    connection.batch_execute(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
    )
}
