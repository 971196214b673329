//! Pruned events: readers that still need them get a resync.

use kilonova_feed::{StartAt, Update};

use crate::support::{ALL, Fault, Site, Toy, Transport, Viewer, Wish, builder, feed, soon};

#[actix::test]
async fn a_reader_resyncs_only_if_events_that_it_needs_are_gone() {
    let toy = Toy::new();
    for _ in 0..20 {
        toy.commit("a");
    }
    let site = Site::start(&toy).await;
    toy.prune(15);
    for transport in ALL {
        let end = toy.end();
        for after in [14, 15, end] {
            let mut reader = site.open(transport, &Wish::new(&["a"]).after(after)).await;
            let expected: Vec<i64> = (after + 1..=end).collect();
            assert_eq!(reader.ids(expected.len()).await, expected, "{transport:?} {after}");
        }
        let other = StartAt::After { position: 15, log: Some("another".to_owned()) };
        let mut readers = Vec::new();
        for start in [
            StartAt::after(0),
            StartAt::after(13),
            StartAt::after(end + 1),
            StartAt::after(i64::MAX),
            other,
        ] {
            let wish = Wish { start, ..Wish::new(&["a"]) };
            let mut reader = site.open(transport, &wish).await;
            assert_eq!(reader.resync().await, end, "{transport:?} {wish:?}");
            readers.push(reader);
        }
        // After the resync they are live.
        site.feed().committed([toy.commit("a")]);
        for reader in &mut readers {
            assert_eq!(reader.ids(1).await, [end + 1]);
        }
    }
    site.stop().await;
}

#[actix::test]
async fn an_empty_log_is_up_to_date_at_zero() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let mut readers = Vec::new();
    for transport in ALL {
        readers.push(site.open(transport, &Wish::new(&["a"]).after(0)).await);
        let mut early = site.open(transport, &Wish::new(&["a"]).after(1)).await;
        assert_eq!(early.resync().await, 0);
        readers.push(early);
    }
    site.feed().committed([toy.commit("a")]);
    for reader in &mut readers {
        assert_eq!(reader.ids(1).await, [1]);
    }
    drop(readers);
    site.stop().await;
}

#[actix::test]
async fn a_subscription_whose_replay_is_overtaken_by_pruning_resyncs_and_goes_on() {
    let toy = Toy::new();
    for _ in 0..20 {
        toy.commit("a");
    }
    let site = Site::start(&toy).await;
    let wish = Wish::new(&["a"]).after(0);
    let mut reader = site.open(Transport::Subscription, &wish).await;
    assert_eq!(reader.ids(7).await, (1..=7).collect::<Vec<_>>());
    toy.prune(15);
    assert_eq!(reader.resync().await, 20);
    site.feed().committed([toy.commit("a")]);
    assert_eq!(reader.event().await.id, Some(21));
    drop(reader);
    site.stop().await;
}

#[actix::test]
async fn events_deleted_before_they_were_sent_cause_a_resync() {
    let toy = Toy::new();
    toy.commit("a");
    let feed = feed(&toy).await;
    let mut reader = feed.subscribe(["a"], StartAt::after(0), Viewer::Staff).await.unwrap();
    let first = soon(reader.next()).await;
    assert!(matches!(first, Some(Update::Event(event)) if event.position() == 1));
    toy.set(Fault::Fails);
    for _ in 0..5 {
        toy.commit("a");
    }
    toy.prune(4);
    toy.set(Fault::Nothing);
    let resync = loop {
        match soon(reader.next()).await.expect("it goes on") {
            Update::Resync(position) => break position,
            Update::Position(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!((3..=6).contains(&resync), "{resync}");
    let mut seen: Vec<i64> = Vec::new();
    while seen.last() != Some(&6) && resync < 6 {
        if let Update::Event(event) = soon(reader.next()).await.expect("it goes on") {
            seen.push(event.position());
        }
    }
    assert_eq!(seen, (resync + 1..=6).collect::<Vec<_>>());
    // All events that were sent may be pruned.
    let toy = Toy::new();
    let feed = builder(&toy).start().await.unwrap();
    let mut reader = feed.subscribe(["a"], StartAt::after(0), Viewer::Staff).await.unwrap();
    feed.committed([toy.commit("a"), toy.commit("a")]);
    while feed.sent() < 2 {
        soon(reader.next()).await.expect("it goes on");
    }
    toy.prune(3);
    toy.is_read(2).await;
    let event = toy.commit("a");
    feed.committed([event]);
    while feed.sent() < 3 {
        soon(reader.next()).await.expect("it goes on");
    }
}
