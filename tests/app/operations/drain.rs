//! Draining: the node reports that it leaves, keeps serving for a while, and then closes its
//! sockets in batches.

use std::time::{Duration, Instant};

use awc::ws::CloseCode;
use futures_util::future::{join_all, select_all};
use serde_json::json;

use super::{get, metrics, start_with};
use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::support::{Raw, within};

/// The close code of a stopping node.
const AWAY: u16 = 1001;

#[actix_web::test]
async fn a_draining_node_serves_as_before_and_is_not_ready() {
    let site = start_with(|config| config.drain = Duration::from_secs(3600)).await;
    let mut socket = site.socket("/notifications").await;
    site.begin_stop();
    let draining = async { while site.get("/health/ready").await.status != 503 {} };
    within("it drains", draining).await;
    for answer in [site.get("/health/ready").await, get(&site, "/health/ready").await] {
        assert_eq!(answer.error(503), "draining: use another node");
    }
    get(&site, "/health/live").await.json(200);
    assert_eq!(metrics(&site).await.value("kilonova_draining"), 1.0);
    // Connections, sockets and writes are accepted as before.
    let mut late = site.socket("/notifications").await;
    let note = site.new_note("While it drains").await;
    assert_eq!(socket.next_json().await["data"], note);
    assert_eq!(late.next_json().await["data"], note);
    // A second stop ends the draining, and the node stops as usual.
    site.begin_stop();
    assert_eq!(socket.close_code().await, Some(CloseCode::Away));
    assert_eq!(late.close_code().await, Some(CloseCode::Away));
    site.stop().await;
}

#[actix_web::test]
async fn many_sockets_are_closed_in_batches_within_the_grace() {
    const SOCKETS: usize = 100;
    let site = start_with(|config| config.grace = Duration::from_secs(12)).await;
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        sockets.push(Raw::upgrade(&site, "/notifications").await);
    }
    assert_eq!(site.sockets().open(), SOCKETS);
    let begun = Instant::now();
    site.begin_stop();
    let told = sockets.into_iter().map(|socket| Box::pin(code(socket)));
    let (first, _, others) = within("one socket is closed", select_all(told)).await;
    assert_eq!(first, Some(AWAY));
    let codes = within("all sockets are closed", join_all(others)).await;
    assert_eq!(codes, vec![Some(AWAY); SOCKETS - 1]);
    // Three batches at intervals of a second.
    assert!(begun.elapsed() > Duration::from_millis(1_500), "{:?}", begun.elapsed());
    site.stop().await;
}

/// The server's close code for a socket.
async fn code(mut socket: Raw) -> Option<u16> {
    loop {
        let frame = socket.frame().await?;
        if let Some(code) = frame.close_code() {
            return Some(code);
        }
    }
}

#[test]
fn a_node_stops_cleanly_after_draining() {
    let home = Home::new();
    let mut command = serve(&home, "127.0.0.1:0");
    command.args(["--drain", "1"]);
    let server = Server::of(command);
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn a_second_signal_ends_a_draining_node_at_once() {
    let home = Home::new();
    let mut command = serve(&home, "127.0.0.1:0");
    command.env("KILONOVA_DRAIN", "3600");
    let server = Server::of(command);
    server.signal("TERM");
    let told = Instant::now();
    while server.call("GET", "/health/ready", None).0 != 503 {
        assert!(told.elapsed() < Duration::from_secs(30), "the server does not drain");
    }
    let note = json!({"title": "Served", "body": "b", "author": "A"});
    assert_eq!(server.call("POST", "/api/notes", Some(&note)).0, 201);
    assert!(server.log().iter().any(|line| line.contains("SIGTERM: draining for 3600s")));
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(1));
}
