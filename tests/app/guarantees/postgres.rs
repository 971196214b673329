//! What only PostgreSQL can do to a site: go away and come back, serve several nodes, and wait for
//! one of them that has frozen. Each test has a server of its own; they skip where PostgreSQL is not
//! installed, unless KILONOVA_TEST_REQUIRE has `postgres`.

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

/// A server and a database on it.
pub(crate) fn start() -> Option<(Cluster, Home)> {
    let cluster = Cluster::start(&[])?;
    let home = Home::on(&cluster.url());
    Some((cluster, home))
}

/// The database of a URL.
fn at(url: &str) -> Database {
    Database::Postgres(Box::new(Postgres::parse(url).unwrap()))
}
