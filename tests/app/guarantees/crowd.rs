//! Writers and subscribers that continue through failures of their servers, and the check of
//! everything they wrote and saw.

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

/// The transport, path and channels of each subscriber.
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

/// A subscriber's task, the events it has seen, and its channels.
type Following = (Rc<RefCell<Vec<Value>>>, &'static [&'static str], JoinHandle<()>);

impl Crowd {
    /// Starts this many writers, and one subscriber for each entry of [`FOLLOWED`], on each node.
    pub(super) fn start(ports: &[u16], writers: usize) -> Crowd {
        Crowd::paced(ports, writers, Duration::ZERO)
    }

    /// The same, with a pause between two writes of a writer.
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

    /// Waits until `more` further writes are acknowledged, on any nodes.
    pub(super) async fn writes(&self, more: usize) {
        let enough = self.written.get() + more;
        until("writes are acknowledged", || self.written.get() >= enough).await;
    }

    /// Stops the writers and checks everything against the log: every acknowledged write exists
    /// once, and every subscriber on every node saw every event once, in order. All nodes must be
    /// running.
    pub(super) async fn finish(self) -> Ledger {
        self.stop.set(true);
        let mut ledger = Ledger::default();
        for writer in self.writers {
            ledger.add(within("a writer finishes", writer).await.unwrap());
        }
        let log = ledger.assert_log(&self.clients[0]).await;
        for (seen, channels, following) in self.followers {
            let on = |event: &&Value| channels.contains(&event["channel"].as_str().unwrap());
            let expected: Vec<Value> = log.iter().filter(on).cloned().collect();
            until("a subscriber has seen all", || seen.borrow().len() >= expected.len()).await;
            following.abort();
            assert_eq!(positions(&seen.borrow()), positions(&expected), "{channels:?}");
            for (frame, event) in seen.borrow().iter().zip(&expected) {
                assert_eq!(frame["event"], event["event"]);
                // The frame may have been sent before the redaction, so only the ids agree.
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
