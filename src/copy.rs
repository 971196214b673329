//! `kilonova copy`: moves a site from one database to another, the embedded one to PostgreSQL or
//! back, with its ids, its log and its stored responses.
//!
//! The copy is one transaction: until it is whole there is nothing in the new database, and what
//! ends it early leaves nothing. It continues the log, under the same id, so that clients resume on
//! it and search indexes go on; from then on only one of the two may be written to.

mod rows;

use std::io::Write;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use indicatif::{ProgressBar, ProgressStyle};
use kilonova_feed::diesel::schema::kilonova_log as log;

use self::rows::TABLES;
use crate::connection::{self, Database, DbConnection, transaction};
use crate::db;
use crate::locks::{self, Lock};
use crate::models::{ids, site_key};

/// Why a database was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The database to copy does not exist.
    #[error("there is no database at {0}")]
    Missing(String),
    /// Both URLs name one database.
    #[error("{0} cannot be copied to itself")]
    Same(String),
    /// A server works on one of them.
    #[error("a server uses {0}; stop it first")]
    InUse(String),
    /// The folder of one of them cannot be used.
    #[error(transparent)]
    Folder(locks::Error),
    /// The target has rows, which the copy would mix with its own.
    #[error("{0} is not empty: {1} has {2} row(s)")]
    NotEmpty(String, &'static str, i64),
    /// A table did not arrive complete.
    #[error("{table}: {found} row(s) arrived of {expected}; nothing was kept")]
    Differs {
        /// The table.
        table: &'static str,
        /// Rows in the old database.
        expected: i64,
        /// Rows in the new one.
        found: i64,
    },
    /// A database cannot be opened or refuses something.
    #[error("{0}: {1}")]
    Database(String, #[source] db::Error),
    /// A row cannot be read from the one or written to the other.
    #[error("nothing was kept: {0}")]
    Rows(#[from] diesel::result::Error),
    /// The summary cannot be printed.
    #[error("cannot print the summary: {0}")]
    Output(#[source] std::io::Error),
}

/// The whole command: copies `from` to `to`, which must be empty, and tells `out` what there was.
pub fn command(from: &Database, to: &Database, out: &mut dyn Write) -> Result<(), CopyError> {
    if from.to_string() == to.to_string() {
        return Err(CopyError::Same(from.to_string()));
    }
    if from.is_missing() {
        return Err(CopyError::Missing(from.to_string()));
    }
    let _locks = (reserve(from)?, reserve(to)?);
    let open = |database: &Database| {
        db::open_migrated(database)
            .map_err(|error| CopyError::Database(database.to_string(), error))
    };
    let (mut old, mut new) = (open(from)?, open(to)?);
    old.set_patience(PATIENCE);
    new.set_patience(PATIENCE);
    let bar = progress();
    // Held to the end, so that nothing comes to the old database that does not go to the new one.
    let copied = transaction(&mut old, "BEGIN IMMEDIATE", REPEATABLE, |old| {
        alone(old, from)?;
        transaction(&mut new, "BEGIN IMMEDIATE", "BEGIN", |new| {
            alone(new, to)?;
            copy(old, new, to, &bar)
        })
    });
    bar.finish_and_clear();
    let copied = copied?;
    let told: Vec<String> = copied.iter().map(|(name, rows)| format!("{rows} {name}")).collect();
    writeln!(out, "copied to {to}: {}", told.join(", ")).map_err(CopyError::Output)
}

/// The most time for one statement: counting the rows of a large site takes a while.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

const REPEATABLE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

fn copy(
    old: &mut DbConnection,
    new: &mut DbConnection,
    to: &Database,
    bar: &ProgressBar,
) -> Result<Vec<(&'static str, i64)>, CopyError> {
    let mut counts = Vec::new();
    for table in &TABLES {
        let found = (table.count)(new)?;
        if found > 0 {
            return Err(CopyError::NotEmpty(to.to_string(), table.name, found));
        }
        let count = (table.count)(old)?;
        bar.inc_length(u64::try_from(count).unwrap_or(0));
        counts.push((table.name, count));
    }
    for (table, &(name, expected)) in TABLES.iter().zip(&counts) {
        bar.set_message(name);
        (table.copy)(old, new, &|rows| bar.inc(rows as u64))?;
        let found = (table.count)(new)?;
        if found != expected {
            return Err(CopyError::Differs { table: name, expected, found });
        }
    }
    let (id, position, bytes): (String, i64, i64) =
        log::table.select((log::id, log::position, log::bytes)).first(old)?;
    diesel::update(log::table)
        .set((log::id.eq(id), log::position.eq(position), log::bytes.eq(bytes)))
        .execute(new)?;
    site_key::copy(old, new)?;
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
        let given = ids::last_given(old, table)?;
        ids::give_after(new, table, given)?;
    }
    Ok(counts)
}

/// Makes sure of a database on which other processes may work, and keeps them from writing to it.
fn alone(connection: &mut DbConnection, database: &Database) -> Result<(), CopyError> {
    let DbConnection::Postgres(c) = connection else { return Ok(()) };
    c.batch_execute(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
    )?;
    // Every writer takes its positions from this row. The first query fixes the snapshot, so lock
    // before it.
    c.batch_execute("LOCK TABLE kilonova_log IN EXCLUSIVE MODE")?;
    let alone = diesel::select(sql::<Bool>(connection::ALONE)).get_result::<bool>(c)?;
    if !alone {
        return Err(CopyError::InUse(database.to_string()));
    }
    Ok(())
}

/// Keeps servers from working on a SQLite file.
fn reserve(database: &Database) -> Result<Option<Lock>, CopyError> {
    locks::reserve(database).map_err(|error| match error {
        locks::Error::InUse(_) => CopyError::InUse(database.to_string()),
        error @ locks::Error::Folder(..) => CopyError::Folder(error),
    })
}

/// A bar on standard error; none when that is no terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The template is fixed, and what does not parse would only look plainer.
    if let Ok(style) = ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
