//! A database that does not answer or has no free connections: requests fail soon, and the site
//! recovers with the database.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kilonova::connection::{Access, Database, Postgres};
use serde_json::json;

use super::at;
use crate::databases::Home;
use crate::support::{Site, within};
use kilonova_test::postgres::Cluster;

/// A port that accepts connections but never answers, like a stopped server's.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[test]
fn a_silent_server_is_abandoned_after_the_timeout() {
    let (_listener, port) = silent();
    for mode in ["disable", "prefer", "verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"]
    {
        let url = format!("postgres://ada:hunter2@127.0.0.1:{port}/blog?connect_timeout=1");
        let Ok(server) = Postgres::parse(&format!("{url}&sslmode={mode}")) else { continue };
        let begun = Instant::now();
        let refused = Database::Postgres(Box::new(server)).open(Access::Write).err().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{mode}: {:?}", begun.elapsed());
        let said = refused.to_string();
        assert!(said.contains("no answer") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn the_primary_is_found_behind_a_dead_host_and_a_standby() {
    let Some(primary) = Cluster::start(&[]) else { return };
    let Some(standby) = Cluster::start(&["default_transaction_read_only=on"]) else { return };
    let (_listener, silent) = silent();
    let hosts =
        format!("127.0.0.1:{silent},127.0.0.1:{},127.0.0.1:{}", standby.port(), primary.port());
    let url = format!("postgres://postgres@{hosts}/postgres?connect_timeout=1");
    let home = Home::on(&primary.url());
    for access in [Access::Write, Access::Read] {
        at(&url).open(access).unwrap();
    }
    let neither = format!("127.0.0.1:{silent},127.0.0.1:{}", standby.port());
    let url = format!("postgres://postgres@{neither}/postgres?connect_timeout=1");
    let said = at(&url).open(Access::Write).err().unwrap().to_string();
    for words in [format!(":{silent}: no answer"), format!(":{}: database does", standby.port())] {
        assert!(said.contains(&words), "{said}");
    }
    // A site does not start on a read-only server.
    let refused = kilonova::db::Db::open(&at(&standby.url()), Box::new(|_| {})).err();
    let said = refused.unwrap().to_string();
    assert!(said.contains("does not allow writes"), "{said}");
    drop(home);
}

#[actix_web::test]
async fn a_frozen_database_is_503_and_the_site_recovers() {
    let Some((cluster, home)) = super::start() else { return };
    let site = Site::start_in(home, |_| ()).await;
    let mut socket = site.socket("/notifications").await;
    site.new_note("Before").await;
    socket.next_json().await;

    cluster.freeze();
    let note = json!({"title": "Refused", "body": "b", "author": "A"});
    for round in ["on open connections", "on new ones"] {
        let begun = Instant::now();
        let reads = join_all((0..30).map(|_| site.get("/api/notes")));
        let writes = join_all((0..3).map(|_| site.post("/api/notes", &note)));
        let (reads, writes, ready) = tokio::join!(reads, writes, site.get("/health/ready"));
        for answer in reads.iter().chain(&writes).chain([&ready]) {
            assert_eq!(answer.status, 503, "{round}");
            assert!(answer.headers.contains_key("retry-after"), "{round}");
        }
        assert!(begun.elapsed() < Duration::from_secs(25), "{round}: {:?}", begun.elapsed());
    }
    cluster.thaw();
    let back = async {
        while site.get("/health/ready").await.status != 200 {}
        while site.post("/api/notes", &note).await.status != 201 {}
    };
    within("the site serves again", back).await;
    let log = site.get("/api/events?after=1").await.json(200);
    assert_eq!(log["events"].as_array().unwrap().len(), 1, "a refused write took effect");
    assert_eq!(socket.next_json().await["data"]["title"], "Refused");
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_database_without_a_free_connection_is_503_at_once() {
    let Some(cluster) = Cluster::start(&["max_connections=12"]) else { return };
    let home = Home::on(&cluster.url());
    let elsewhere = at(&home.url().unwrap());
    let site = Site::start_in(home, |_| ()).await;
    site.new_note("There").await;
    // Other clients take all remaining connections.
    let hogs: Vec<_> = within("others connect", async {
        tokio::task::spawn_blocking(move || {
            std::iter::from_fn(|| elsewhere.open(Access::Read).ok()).collect()
        })
        .await
        .unwrap()
    })
    .await;
    assert!(!hogs.is_empty());
    let begun = Instant::now();
    let answers = join_all((0..40).map(|_| site.get("/api/notes"))).await;
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status)));
    assert!(answers.iter().any(|answer| answer.status == 200), "the site has none");
    assert_eq!(site.new_note("The writer has one, too").await["id"], 2);
    // Dropping connections blocks, so this uses a thread.
    std::thread::spawn(move || drop(hogs)).join().unwrap();
    let all = async {
        loop {
            let answers = join_all((0..40).map(|_| site.get("/api/notes"))).await;
            if answers.iter().all(|answer| answer.status == 200) {
                break;
            }
        }
    };
    within("all requests are served again", all).await;
    site.stop().await;
}
