//! The database restarts under writers and subscribers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::guarantees::client::{Client, positions};
use crate::guarantees::kills::until;
use crate::guarantees::ledger::{Ledger, Writer};
use crate::support::{Site, within};

const WRITERS: usize = 4;

/// Runs blocking work, such as starting and stopping a server.
async fn blocking(work: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(work).await.unwrap();
}

#[actix_web::test]
async fn database_restarts_neither_lose_nor_duplicate_events() {
    let Some((cluster, home)) = super::start() else { return };
    let cluster = Arc::new(cluster);
    let site = Site::start_in(home, |_| ()).await;
    let client = Client::new(site.port);
    let mut socket = site.socket("/feed?channels=posts,comments,notes").await;
    let seen: Rc<RefCell<Vec<Value>>> = Rc::default();
    let frames = Rc::clone(&seen);
    // One connection that must last from before the first restart to the end, without a reconnect.
    let listening = actix_web::rt::spawn(async move {
        loop {
            let frame = socket.next_json().await;
            frames.borrow_mut().push(frame);
        }
    });

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
    for mode in ["immediate", "fast", "immediate"] {
        let enough = written.get() + 20;
        until("writes are acknowledged", || written.get() >= enough).await;
        let stopping = Arc::clone(&cluster);
        blocking(move || stopping.down(mode)).await;
        // During the outage, reads and writes are refused soon, with a Retry-After.
        let begun = Instant::now();
        for path in ["/api/notes", "/health/ready"] {
            let answer = site.get(path).await;
            assert_eq!(answer.status, 503, "{path}");
            assert!(answer.headers.contains_key("retry-after"), "{path}");
        }
        let note = json!({"title": "Refused", "body": "b", "author": "A"});
        let refused = client.once(&Method::POST, "/api/notes", None, Some(&note)).await.unwrap();
        assert_eq!(refused.status, 503);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        let starting = Arc::clone(&cluster);
        blocking(move || starting.up()).await;
    }
    let enough = written.get() + 20;
    until("writes work again without a restart", || written.get() >= enough).await;
    stop.set(true);
    let mut ledger = Ledger::default();
    for writer in writers {
        ledger.add(within("a writer finishes", writer).await.unwrap());
    }
    assert!(ledger.retried > 0, "no request was refused");
    let log = ledger.assert_log(&client).await;
    ledger.assert_rows(&client).await;
    ledger.assert_index(&client).await;
    let of_the_feed = |event: &&Value| {
        ["posts", "comments", "notes"].contains(&event["channel"].as_str().unwrap())
    };
    let expected: Vec<Value> = log.iter().filter(of_the_feed).cloned().collect();
    until("the socket has got all events", || seen.borrow().len() >= expected.len()).await;
    assert_eq!(positions(&seen.borrow()), positions(&expected));
    listening.abort();
    site.stop().await;
}
