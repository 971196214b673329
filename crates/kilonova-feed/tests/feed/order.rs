//! The order of events, however they are announced.

use kilonova_feed::{Feed, StartAt, Update};
use kilonova_pubsub::PubSub;

use crate::support::{ALL, Site, Toy, Viewer, Wish, feed, soon};

const EVENTS: i64 = 2_000;
const WRITERS: i64 = 8;

/// Announcements and reads of the log bring events to the relay at the same time.
#[actix::test]
async fn every_event_goes_out_once_and_in_order_though_every_third_is_not_announced() {
    let toy = Toy::new();
    let feed = feed(&toy).await;
    let mut heard =
        feed.pubsub().subscribe_with_capacity(2 * EVENTS as usize, ["a"]).await.unwrap();
    let mut read = feed.subscribe(["a"], StartAt::Now, Viewer::Staff).await.unwrap();
    for _ in 0..WRITERS {
        let (toy, feed) = (toy.clone(), feed.clone());
        std::thread::spawn(move || {
            for _ in 0..EVENTS / WRITERS {
                let event = toy.commit("a");
                if event.position() % 3 != 0 {
                    feed.committed([event]);
                }
            }
        });
    }
    for expected in 1..=EVENTS {
        let envelope = soon(heard.next()).await.expect("the registry");
        assert_eq!((envelope.position(), envelope.lagged()), (Some(expected), None));
    }
    let mut expected = 1..=EVENTS;
    while !expected.is_empty() {
        match soon(read.next()).await {
            Some(Update::Event(event)) => assert_eq!(Some(event.position()), expected.next()),
            Some(Update::Position(position)) => assert!(position < *expected.start()),
            other => panic!("{other:?}"),
        }
    }
    soon(feed.stop()).await;
}

#[actix::test]
async fn hints_may_be_lost_doubled_late_or_beyond_the_end() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let feed = site.feed();
    let mut readers = Vec::new();
    for transport in ALL {
        readers.push(site.open(transport, &Wish::new(&["a"]).after(0)).await);
    }
    let events: Vec<_> = (0..10).map(|_| toy.commit("a")).collect();
    feed.committed(events[5..8].iter().rev().cloned());
    feed.committed([]);
    feed.committed(events[..3].iter().chain(&events[..3]).cloned());
    feed.committed_through(2);
    feed.committed_through(10);
    feed.committed_through(1_000);
    feed.committed_through(-1);
    feed.committed(events[..8].to_vec());
    for reader in &mut readers {
        assert_eq!(reader.ids(10).await, (1..=10).collect::<Vec<_>>());
    }
    feed.committed([toy.commit("a")]);
    toy.commit("a");
    for reader in &mut readers {
        assert_eq!(reader.ids(2).await, [11, 12]);
    }
    drop((feed, readers));
    site.stop().await;
}

#[actix::test]
async fn several_feeds_of_one_log_each_deliver_everything() {
    let toy = Toy::new();
    // Two nodes, and two feeds on the registry of one of them.
    let one = feed(&toy).await;
    let beside = Feed::start(one.pubsub().clone(), toy.clone()).await.unwrap();
    let other = Feed::start(PubSub::start("other"), toy.clone()).await.unwrap();
    let feeds = [one, beside, other];
    let mut readers = Vec::new();
    for feed in &feeds {
        readers.push(feed.subscribe(["a"], StartAt::Now, Viewer::Staff).await.unwrap());
    }
    for n in 0..300 {
        // Announces clones of one event to all feeds or only to some.
        let event = toy.commit("a");
        for feed in feeds.iter().skip(n % 4) {
            feed.committed([event.clone()]);
        }
        if n % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for reader in &mut readers {
        let mut expected = 1..=300;
        while !expected.is_empty() {
            match soon(reader.next()).await {
                Some(Update::Event(event)) => assert_eq!(Some(event.position()), expected.next()),
                Some(Update::Position(position)) => assert!(position < *expected.start()),
                other => panic!("{other:?}"),
            }
        }
    }
    for feed in &feeds {
        soon(feed.stop()).await;
    }
}
