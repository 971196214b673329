//! A folder and a database, both removed with the test.
//!
//! `KILONOVA_TEST_DATABASE` chooses the database: SQLite if it is not set, a PostgreSQL server that
//! the tests start if it is `postgres`, otherwise the server at that URL. Each test creates its own
//! database on the server.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use kilonova::connection::{Access, Database, DbConnection, Postgres};
use tempfile::TempDir;

use kilonova_test::postgres::Cluster;

/// A server, with its cluster if the tests have started it.
struct Server {
    url: String,
    _ours: Option<Cluster>,
}

static SERVER: LazyLock<Option<Server>> = LazyLock::new(|| {
    let chosen = std::env::var("KILONOVA_TEST_DATABASE").unwrap_or_default();
    match chosen.as_str() {
        "" | "sqlite" => None,
        "postgres" => {
            let cluster = Cluster::start(&[]).expect("KILONOVA_TEST_DATABASE needs PostgreSQL");
            Some(Server { url: cluster.url(), _ours: Some(cluster) })
        }
        url => Some(Server { url: url.to_owned(), _ours: None }),
    }
});

/// A folder and a database.
pub(crate) struct Home {
    folder: TempDir,
    /// The URL of the server and the name of a database on it.
    postgres: Option<(String, String)>,
    dropped: bool,
}

impl Home {
    /// Creates an empty folder and an empty database of the kind that this run tests.
    pub(crate) fn new() -> Home {
        match &*SERVER {
            None => Home::sqlite(),
            Some(server) => Home::on(&server.url),
        }
    }

    /// Creates an empty folder, in which SQLite will create its file.
    pub(crate) fn sqlite() -> Home {
        Home { folder: tempfile::tempdir().unwrap(), postgres: None, dropped: false }
    }

    /// Creates an empty folder and an empty database on this server.
    pub(crate) fn on(url: &str) -> Home {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kilonova_test_{}_{count}", std::process::id());
        execute(url, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        let folder = tempfile::tempdir().unwrap();
        Home { folder, postgres: Some((url.to_owned(), name)), dropped: false }
    }

    /// Creates another folder for the same database, for another node.
    pub(crate) fn another_node(&self) -> Home {
        Home {
            folder: tempfile::tempdir().unwrap(),
            postgres: self.postgres.clone(),
            dropped: true,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The database.
    pub(crate) fn database(&self) -> Database {
        match self.url() {
            None => Database::Sqlite(self.path().join("kilonova.sqlite3")),
            Some(url) => Database::Postgres(Box::new(Postgres::parse(&url).unwrap())),
        }
    }

    /// The value for `DATABASE_URL`; `None` if the folder is enough.
    pub(crate) fn url(&self) -> Option<String> {
        let (url, name) = self.postgres.as_ref()?;
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let server = base.rsplit_once('/').map_or(base, |(server, _)| server);
        Some(format!("{server}/{name}?{query}"))
    }

    /// Runs SQL in the database.
    pub(crate) fn execute(&self, sql: &str) {
        execute_on(self.database(), sql);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some((url, name)) = self.postgres.take().filter(|_| !self.dropped) {
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            // The server may be gone already; a panic here would hide the reason for a failed test.
            drop_quietly(&url, &drop);
        }
    }
}

fn execute(url: &str, sql: &str) {
    execute_on(Database::Postgres(Box::new(Postgres::parse(url).unwrap())), sql);
}

fn execute_on(database: Database, sql: &str) {
    let sql = sql.to_owned();
    let run = move || match database.open(Access::Write).unwrap() {
        DbConnection::Sqlite(mut c) => c.batch_execute(&sql).unwrap(),
        DbConnection::Postgres(mut c) => c.batch_execute(&sql).unwrap(),
    };
    // On a separate thread, because a runtime's thread must not block.
    std::thread::spawn(run).join().unwrap();
}

fn drop_quietly(url: &str, sql: &str) {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    let run = move || {
        let server = Postgres::parse(&url).ok()?;
        match Database::Postgres(Box::new(server)).open(Access::Write).ok()? {
            DbConnection::Postgres(mut c) => c.batch_execute(&sql).ok(),
            DbConnection::Sqlite(_) => None,
        }
    };
    drop(std::thread::spawn(run).join());
}
