//! Subscribers that drop their connections at random under concurrent writes.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::join_all;
use rand::RngExt;
use serde_json::Value;

use super::client::{Client, positions};
use super::follower::{Follower, Transport};
use super::ledger::{Ledger, Writer};
use crate::support::{Site, within};

const DROPS: u32 = 40;
const WRITERS: usize = 3;

#[actix_web::test]
async fn dropped_connections_neither_lose_nor_duplicate_events() {
    let site = Site::start().await;
    let client = Client::new(site.port);
    let stop = Rc::new(Cell::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (mut writer, stop) = (Writer::new(&client, number), Rc::clone(&stop));
            actix_web::rt::spawn(async move {
                while !stop.get() {
                    writer.write().await;
                }
                writer.ledger
            })
        })
        .collect();

    let followers = [
        (Transport::WebSocket, "/feed", &["posts", "comments"][..]),
        (Transport::WebSocket, "/notifications", &["notes"]),
        (
            Transport::WebSocket,
            "/feed?channels=posts,comments,notes",
            &["posts", "comments", "notes"],
        ),
        (Transport::ServerSentEvents, "/feed", &["posts", "comments"]),
        (Transport::ServerSentEvents, "/notifications", &["notes"]),
    ];
    let following = followers.map(|(transport, path, channels)| {
        let mut follower = Follower::new(&client, transport, path);
        async move {
            while follower.connections < DROPS {
                // In about three of eight cases before any event.
                let count = rand::rng().random_range(0..8_usize).saturating_sub(2);
                follower.take(count).await;
            }
            (follower, channels)
        }
    });
    let followers = within("all connections", join_all(following)).await;
    stop.set(true);
    let mut ledger = Ledger::default();
    for writer in writers {
        ledger.add(within("a writer finishes", writer).await.unwrap());
    }

    let log = ledger.assert_log(&client).await;
    for (mut follower, channels) in followers {
        let on = |event: &&Value| channels.contains(&event["channel"].as_str().unwrap());
        let expected: Vec<Value> = log.iter().filter(on).cloned().collect();
        follower.take_up_to(expected.len()).await;
        let (transport, path) = (follower.transport, follower.path);
        assert_eq!(
            positions(&follower.seen.borrow()),
            positions(&expected),
            "{transport:?} {path}"
        );
    }
    ledger.assert_rows(&client).await;
    drop(client);
    site.stop().await;
}
