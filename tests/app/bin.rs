//! The bin: a text deleted on a page appears nowhere else, and is restored as it was.

mod content;
mod ends;
mod kept;
mod races;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use kilonova::connection::{Access, DbConnection};
use serde_json::Value;

use crate::support::{Answer, Raw, Site};

/// Submits a form, as a browser without an account does.
async fn send(site: &Site, path: &str, fields: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    Raw::connect(site).await.request("POST", path, &headers, fields.as_bytes()).await
}

/// The address that a response redirects to.
#[track_caller]
fn led(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("location").unwrap().to_owned()
}

/// Deletes from a page and returns the id of the entry in the bin.
async fn delete(site: &Site, path: &str) -> i64 {
    let to = led(&send(site, &format!("{path}/delete"), "").await);
    let (_, entry) = to.split_once("binned=").unwrap_or_else(|| panic!("{to}"));
    entry.split('#').next().unwrap().parse().unwrap()
}

async fn restore(site: &Site, entry: i64) -> Answer {
    send(site, &format!("/bin/{entry}/restore"), "").await
}

/// The HTML of a page.
async fn page(site: &Site, path: &str) -> String {
    let headers = [("accept", "text/html")];
    let answer = Raw::connect(site).await.request("GET", path, &headers, b"").await;
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

async fn log(site: &Site, after: usize) -> Vec<Value> {
    let page = site.get(&format!("/api/events?after={after}&limit=100")).await.json(200);
    page["events"].as_array().unwrap().clone()
}

fn topics(log: &[Value]) -> Vec<&str> {
    log.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

/// The number of rows of a table, optionally with a `WHERE` clause.
fn count(site: &Site, rows: &str) -> i64 {
    let (database, rows) = (site.database(), rows.to_owned());
    let query = move || {
        let count = diesel::dsl::sql::<BigInt>(&format!("(SELECT COUNT(*) FROM {rows})"));
        let query = diesel::select(count);
        match database.open(Access::Read).unwrap() {
            DbConnection::Sqlite(mut c) => query.get_result(&mut c).unwrap(),
            DbConnection::Postgres(mut c) => query.get_result(&mut c).unwrap(),
        }
    };
    std::thread::spawn(query).join().unwrap()
}

/// Every table of the bin.
const TABLES: [&str; 6] = [
    "bin_entries",
    "bin_posts",
    "bin_post_tags",
    "bin_comments",
    "bin_upload_uses",
    "bin_old_addresses",
];

/// The number of rows of all tables of the bin.
fn rows(site: &Site) -> i64 {
    TABLES.iter().map(|table| count(site, table)).sum()
}
