//! Everything of a site, read from one database and written to another that is empty: the rows of
//! all tables, the log with its positions, the keys, and the ids that were given. Owns the order
//! and the counting; transactions and locks are the caller's.

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

/// Why a site was not written to another database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target has rows, which the site's would be mixed with: a table and their number.
    #[error("it is not empty: {0} has {1} row(s)")]
    NotEmpty(&'static str, i64),
    /// A table did not arrive complete.
    #[error("{table}: {found} row(s) arrived of {expected}")]
    Differs {
        /// The table.
        table: &'static str,
        /// Rows in the old database.
        expected: i64,
        /// Rows in the new one.
        found: i64,
    },
    /// The site cannot be read.
    #[error("cannot read a row: {0}")]
    Read(#[source] Diesel),
    /// Something cannot be written to the target.
    #[error("cannot write a row: {0}")]
    Write(#[source] Diesel),
    /// A signal told it to stop.
    #[error("stopped")]
    Stopped,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault {
            Fault::Read(error) => Error::Read(error),
            // A full disk ends SQLite's transaction, and Diesel tells of what it finds then.
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

/// How much of a site is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Everything,
    /// All but what lets its bearer in: sign-ins, tokens and links to drafts.
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

/// Counts as a person reads them: tables without rows are left out.
pub fn told(counts: &Counts) -> String {
    let told = counts.iter().filter(|(_, rows)| *rows > 0);
    let told: Vec<String> = told.map(|(name, rows)| format!("{rows} {name}")).collect();
    if told.is_empty() { "no rows".to_owned() } else { told.join(", ") }
}

/// A bar on standard error, none when that is no terminal; and whether to go on.
pub struct Progress<'a> {
    bar: ProgressBar,
    stop: &'a AtomicBool,
}

impl<'a> Progress<'a> {
    /// A bar of rows. Once `stop` is true, the next step fails.
    pub fn of_rows(stop: &'a AtomicBool) -> Progress<'a> {
        Progress::of(stop, "{msg:16} {wide_bar} {pos}/{len}, {eta} left")
    }

    /// A bar of bytes.
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

    /// Expects so many steps more.
    pub fn expect(&self, steps: u64) {
        self.bar.inc_length(steps);
    }

    /// Names what is under way.
    pub fn name(&self, name: &'static str) {
        self.bar.set_message(name);
    }

    /// Counts steps. False: stop here.
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

/// Fails if a database has a row of a site.
pub fn refuse_rows(connection: &mut DbConnection) -> Result<(), Error> {
    for table in &TABLES {
        let found = (table.count)(connection).map_err(Error::Read)?;
        if found > 0 {
            return Err(Error::NotEmpty(table.name, found));
        }
    }
    Ok(())
}

/// Writes the site of the first database to the second.
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

/// Keeps other processes from writing to a database on which they may work, until the transaction
/// ends. False: one of them is at work.
pub fn be_alone(connection: &mut DbConnection) -> QueryResult<bool> {
    let DbConnection::Postgres(c) = connection else { return Ok(true) };
    take_time(c)?;
    // Every writer takes its positions from this row. The first query fixes the snapshot, so lock
    // before it.
    c.batch_execute("LOCK TABLE kilonova_log IN EXCLUSIVE MODE")?;
    diesel::select(sql::<Bool>(ALONE)).get_result(c)
}

/// Lets a transaction of PostgreSQL's take as long as it takes.
pub fn take_time(connection: &mut impl SimpleConnection) -> QueryResult<()> {
    connection.batch_execute(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
    )
}
