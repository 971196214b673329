//! Situations that only PostgreSQL has: outages, several nodes, and locks held by a frozen node.
//! Each test has its own server; the tests are skipped if PostgreSQL is not installed, unless
//! KILONOVA_TEST_REQUIRE has `postgres`.

mod away;
pub(crate) mod copying;
mod frozen;
mod lost;
pub(crate) mod nodes;
mod refusals;
mod reindexing;
mod replaced;
mod restart;
mod tls;

use kilonova::connection::{Database, Postgres};

use crate::databases::Home;
use kilonova_test::postgres::Cluster;

/// Starts a server with a database.
pub(crate) fn start() -> Option<(Cluster, Home)> {
    let cluster = Cluster::start(&[])?;
    let home = Home::on(&cluster.url());
    Some((cluster, home))
}

/// The database of a URL.
fn at(url: &str) -> Database {
    Database::Postgres(Box::new(Postgres::parse(url).unwrap()))
}
