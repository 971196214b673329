//! Writers and subscribers that go on whatever happens to their servers, and what they must have
//! seen in the end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use rand::RngExt;
use serde_json::Value;

use super::client::{Client, positions};
use super::follower::{Follower, Transport};
use super::kills::until;
use super::ledger::{Ledger, Writer};
use crate::support::within;

/// What subscribers follow.
pub(super) const FOLLOWED: [(Transport, &str, &[&str]); 4] = [
    (Transport::WebSocket, "/feed", &["posts", "comments"]),
    (Transport::WebSocket, "/notifications", &["notes"]),
    (Transport::ServerSentEvents, "/feed", &["posts", "comments"]),
    (Transport::ServerSentEvents, "/notifications", &["notes"]),
];

/// Clients of one or several nodes.
pub(super) struct Crowd {
    clients: Vec<Client>,
    written: Rc<Cell<usize>>,
    stop: Rc<Cell<bool>>,
    writers: Vec<JoinHandle<Ledger>>,
    followers: Vec<Following>,
}

/// A subscriber that goes on: what it has seen, of which channels.
type Following = (Rc<RefCell<Vec<Value>>>, &'static [&'static str], JoinHandle<()>);

impl Crowd {
    /// So many writers, and as many subscribers as there are things to follow, on each node.
    pub(super) fn start(ports: &[u16], writers: usize) -> Crowd {
        Crowd::paced(ports, writers, Duration::ZERO)
    }

    /// The same, where each writer rests between two writes.
    pub(super) fn paced(ports: &[u16], writers: usize, pause: Duration) -> Crowd {
        let clients: Vec<_> = ports.iter().map(|port| Client::new(*port)).collect();
        let (written, stop) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let writing = (0..writers * clients.len()).map(|number| {
            let mut writer = Writer::new(&clients[number % clients.len()], number);
            let (written, stop) = (Rc::clone(&written), Rc::clone(&stop));
            actix_web::rt::spawn(async move {
                while !stop.get() {
                    writer.write().await;
                    written.set(written.get() + 1);
                    tokio::time::sleep(pause).await;
                }
                writer.ledger
            })
        });
        let following = clients.iter().flat_map(|client| {
            FOLLOWED.map(|(transport, path, channels)| {
                let mut follower = Follower::new(client, transport, path);
                let seen = Rc::clone(&follower.seen);
                let following = actix_web::rt::spawn(async move {
                    loop {
                        follower.take(rand::rng().random_range(1..40)).await;
                    }
                });
                (seen, channels, following)
            })
        });
        let (writers, followers) = (writing.collect(), following.collect());
        Crowd { clients, written, stop, writers, followers }
    }

    /// Waits until so many more writes are acknowledged, on whichever nodes.
    pub(super) async fn writes(&self, more: usize) {
        let enough = self.written.get() + more;
        until("writes are acknowledged", || self.written.get() >= enough).await;
    }

    /// Lets the writers come to their end, and holds everything against the log: what was
    /// acknowledged is there once, and every subscriber on every node has seen every event once, in
    /// order. The nodes must all be there.
    pub(super) async fn finish(self) -> Ledger {
        self.stop.set(true);
        let mut ledger = Ledger::default();
        for writer in self.writers {
            ledger.add(within("a writer comes to its end", writer).await.unwrap());
        }
        let log = ledger.assert_log(&self.clients[0]).await;
        for (seen, channels, following) in self.followers {
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
        for client in &self.clients {
            ledger.assert_rows(client).await;
            ledger.assert_index(client).await;
        }
        ledger
    }
}
