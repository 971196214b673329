//! The real binary, killed at random moments under concurrent writes. Subscribers resume each time.

use std::time::Duration;

use rand::RngExt;

use super::crowd::Crowd;
use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::support::within;

const KILLS: usize = 10;
const WRITERS: usize = 6;

/// Starts a server on existing data, on the port that its clients know.
pub(crate) async fn start(home: &Home, port: u16, failpoint: Option<String>) -> Server {
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
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let polled = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(what, polled).await;
}

#[actix_web::test]
async fn acknowledged_writes_survive_kills_and_arrive_once() {
    let home = Home::new();
    let mut server = start(&home, 0, None).await;
    let port = server.port;
    let crowd = Crowd::start(&[port], WRITERS);
    for kill in 0..KILLS {
        crowd.writes(rand::rng().random_range(10..40)).await;
        tokio::time::sleep(Duration::from_micros(rand::rng().random_range(0..4000))).await;
        server.signal("KILL");
        assert_eq!(server.ended().code(), None, "kill {kill}");
        server = start(&home, port, None).await;
    }
    let ledger = crowd.finish().await;
    assert!(ledger.retried > 0, "no kill hit a request");
    drop(server);
}
