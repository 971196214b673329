//! The real binary, killed at random moments under concurrent writers, while subscribers come back
//! each time from where they were.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use rand::RngExt;
use serde_json::Value;

use super::client::{Client, positions};
use super::follower::{Follower, Transport};
use super::ledger::{Ledger, Writer};
use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::support::within;

const KILLS: usize = 10;
const WRITERS: usize = 6;

/// A server on data that is there already, on the port that its clients know.
pub(super) async fn start(home: &Home, port: u16, failpoint: Option<String>) -> Server {
    let mut command = serve(home, &format!("127.0.0.1:{port}"));
    let started = tokio::task::spawn_blocking(move || {
        if let Some(failpoint) = failpoint {
            command.env("KILONOVA_FAILPOINT", failpoint);
        }
        Server::of(command)
    });
    started.await.unwrap()
}

/// Waits until a condition holds.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let polled = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(what, polled).await;
}

#[actix_web::test]
async fn a_kill_loses_or_doubles_something() {
    let home = Home::new();
    let mut server = start(&home, 0, None).await;
    let port = server.port;
    let client = Client::new(port);

    let (written, stop) = (Rc::new(Cell::new(0_usize)), Rc::new(Cell::new(false)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (mut writer, written, stop) =
                (Writer::new(&client, number), Rc::clone(&written), Rc::clone(&stop));
            actix_web::rt::spawn(async move {
                while !stop.get() {
                    writer.write().await;
                    written.set(written.get() + 1);
                }
                writer.ledger
            })
        })
        .collect();

    let followers: Vec<_> = [
        (Transport::WebSocket, "/feed", &["posts", "comments"][..]),
        (Transport::WebSocket, "/notifications", &["notes"]),
        (Transport::ServerSentEvents, "/feed", &["posts", "comments"]),
        (Transport::ServerSentEvents, "/notifications", &["notes"]),
    ]
    .into_iter()
    .map(|(transport, path, channels)| {
        let mut follower = Follower::new(&client, transport, path);
        let seen = Rc::clone(&follower.seen);
        let following = actix_web::rt::spawn(async move {
            loop {
                follower.take(rand::rng().random_range(1..40)).await;
            }
        });
        (seen, channels, following)
    })
    .collect();

    for kill in 0..KILLS {
        let enough = written.get() + rand::rng().random_range(10..40);
        until("writes are acknowledged", || written.get() >= enough).await;
        tokio::time::sleep(Duration::from_micros(rand::rng().random_range(0..4000))).await;
        server.signal("KILL");
        assert_eq!(server.ended().code(), None, "kill {kill}");
        server = start(&home, port, None).await;
    }
    stop.set(true);
    let mut ledger = Ledger::default();
    for writer in writers {
        ledger.add(within("a writer comes to its end", writer).await.unwrap());
    }
    assert!(ledger.retried > 0, "no kill hit a request: it shows little");

    let log = ledger.assert_log(&client).await;
    for (seen, channels, following) in followers {
        let on = |event: &&Value| channels.contains(&event["channel"].as_str().unwrap());
        let expected: Vec<Value> = log.iter().filter(on).cloned().collect();
        until("a subscriber has seen as many", || seen.borrow().len() >= expected.len()).await;
        following.abort();
        assert_eq!(positions(&seen.borrow()), positions(&expected), "{channels:?}");
        for (frame, event) in seen.borrow().iter().zip(&expected) {
            assert_eq!(frame["event"], event["event"]);
            // It was seen before it was redacted, or after.
            assert_eq!(frame["data"]["id"], event["data"]["id"]);
        }
    }
    ledger.assert_rows(&client).await;
    ledger.assert_index(&client).await;
    drop(server);
}
