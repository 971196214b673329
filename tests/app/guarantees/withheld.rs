//! Events that are committed but not announced, like those of another process.

use std::time::{Duration, Instant};

use futures_util::future::join;
use serde_json::{Value, json};

use super::client::positions;
use super::rows::{Failure, add_note, open};
use crate::support::{Site, Socket};

/// The next `count` events, without position frames.
async fn events(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(socket.next_json().await);
    }
    events
}

#[actix_web::test]
async fn an_unannounced_event_is_still_sent() {
    let site = Site::start().await;
    let other = open(site.database(), Box::new(|_| {})).await;
    let mut socket = site.socket("/notifications").await;
    let mut delays = Vec::new();
    for number in 1..=9 {
        let title = format!("Withheld {number}");
        let told = title.clone();
        let at = other.transaction(move |tx| add_note(tx, &title)).await.unwrap();
        let committed = Instant::now();
        let frame = socket.next_json().await;
        delays.push(committed.elapsed());
        assert_eq!((&frame["id"], &frame["data"]["title"]), (&json!(number), &json!(told)));
        assert_eq!(at.position, number);
    }
    // The median, because a busy machine may delay single events.
    delays.sort_unstable();
    assert!(delays[delays.len() / 2] < Duration::from_secs(1), "{delays:?}");
    other.close().await;
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn an_unannounced_event_is_not_overtaken() {
    const EACH: usize = 60;
    let site = Site::start().await;
    let other = open(site.database(), Box::new(|_| {})).await;
    let (mut live, mut resumed) =
        (site.socket("/notifications").await, site.socket("/notifications?last_event_id=0").await);
    let announced = async {
        for number in 0..EACH {
            site.new_note(&format!("Announced {number}")).await;
        }
    };
    let withheld = async {
        for number in 0..EACH {
            let title = format!("Withheld {number}");
            other.transaction(move |tx| add_note(tx, &title)).await.unwrap();
        }
    };
    join(announced, withheld).await;
    let expected: Vec<i64> = (1..=2 * EACH as i64).collect();
    for socket in [&mut live, &mut resumed] {
        let frames = events(socket, 2 * EACH).await;
        assert_eq!(positions(&frames), expected);
        for kind in ["Announced", "Withheld"] {
            let titles = frames.iter().filter_map(|frame| frame["data"]["title"].as_str());
            let of_kind: Vec<_> = titles.filter(|title| title.starts_with(kind)).collect();
            let in_order: Vec<_> = (0..EACH).map(|number| format!("{kind} {number}")).collect();
            assert_eq!(of_kind, in_order);
        }
    }
    other.close().await;
    live.close().await;
    resumed.close().await;
    site.stop().await;
}

/// A transaction that is rolled back in one process uses up no position.
#[actix_web::test]
async fn a_failed_transaction_leaves_no_gap() {
    let site = Site::start().await;
    let other = open(site.database(), Box::new(|_| {})).await;
    let mut socket = site.socket("/notifications").await;
    for number in 1..=10_i64 {
        let failed = other.transaction(|tx| {
            add_note(tx, "Never")?;
            Err::<(), _>(Failure::Refused)
        });
        assert!(matches!(failed.await, Err(Failure::Refused)));
        let note = site.new_note(&format!("{number}")).await;
        let frame = socket.next_json().await;
        assert_eq!((frame["id"].as_i64(), &frame["data"]), (Some(number), &note));
    }
    other.close().await;
    socket.close().await;
    site.stop().await;
}
