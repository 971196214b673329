//! A feed over the log, and pages of it.

use kilonova_feed::diesel::{DieselLog, page};
use kilonova_feed::{Event, Feed, NewEvent, StartAt, Update, Visibility};
use kilonova_pubsub::{Payload, PubSub};

use crate::support::{Db, Home, event};

pub(crate) async fn a_subscriber_sees_every_commit_once_in_order_without_hints<C: Db>(
    home: Home<C>,
) {
    const COUNT: i64 = 120;
    home.append([event("notes", "before")]);
    let feed = Feed::start(PubSub::start("node"), DieselLog::new(home.pool.clone())).await.unwrap();
    let mut all = feed.subscribe(["notes", "comments"], StartAt::after(0), ()).await.unwrap();
    let mut some = feed.subscribe(["comments"], StartAt::Now, ()).await.unwrap();
    let writing = std::thread::spawn({
        let feed = feed.clone();
        move || {
            for n in 2..=COUNT {
                let channel = if n % 3 == 0 { "comments" } else { "notes" };
                let committed = home.append([event(channel, "one")]);
                // Some hints are lost.
                if n % 4 == 0 {
                    feed.committed(committed);
                }
            }
            home
        }
    });
    for expected in 1..=COUNT {
        assert_eq!(next(&mut all).await.position(), expected);
    }
    for expected in (1..=COUNT).filter(|n| n % 3 == 0) {
        assert_eq!(next(&mut some).await.position(), expected);
    }
    drop(writing.join().unwrap());
    feed.stop().await;
    assert!(all.next().await.is_none());
}

pub(crate) async fn the_rule_applies_live_and_in_replay<C: Db>(home: Home<C>) {
    let rule = |viewer: &String, event: &Event| match event.audience() {
        "" => Visibility::Whole,
        audience if audience == viewer.as_str() => Visibility::Whole,
        "hidden" => Visibility::Hidden,
        _ => Visibility::Reduced(event.with_payload("secret", Payload::null())),
    };
    let write = || {
        let told = |text: &str| NewEvent::new("notes", "told", text).unwrap();
        home.append([
            told("for all"),
            told("for ada").for_audience("ada"),
            told("for nobody").for_audience("hidden"),
        ])
    };
    let log = DieselLog::new(home.pool.clone()).visible(rule);
    let feed = Feed::start(PubSub::start("node"), log).await.unwrap();
    let open = async |viewer: &str, start| {
        feed.subscribe(["notes"], start, viewer.to_owned()).await.unwrap()
    };
    let (mut ada, mut bob) = (open("ada", StartAt::Now).await, open("bob", StartAt::Now).await);
    feed.committed(write());
    let mut late = open("bob", StartAt::after(0)).await;
    feed.committed(write());
    for base in [0, 3] {
        let seen = [next(&mut ada).await, next(&mut ada).await];
        assert_eq!(seen[1].payload().as_json(), r#""for ada""#);
        assert_eq!([seen[0].position(), seen[1].position()], [base + 1, base + 2]);
        for reader in [&mut bob, &mut late] {
            let seen = [next(reader).await, next(reader).await];
            assert_eq!(seen[0].payload().as_json(), r#""for all""#);
            assert_eq!((seen[1].topic(), seen[1].payload().as_json()), ("secret", "null"));
            assert_eq!([seen[0].position(), seen[1].position()], [base + 1, base + 2]);
        }
    }
    feed.stop().await;
}

pub(crate) async fn pages_are_bounded_in_number_and_in_bytes<C: Db>(home: Home<C>) {
    const LARGE: usize = 400 * 1024;
    home.append((0..10).map(|n| event(if n % 2 == 0 { "even" } else { "odd" }, "small")));
    home.append((0..4).map(|_| event("even", &"x".repeat(LARGE))));
    let connection: &mut C = &mut home.pool.get().unwrap();
    let mut read = |after, channels: Option<&[&str]>, limit| {
        let channels: Option<Vec<_>> =
            channels.map(|channels| channels.iter().map(|name| (*name).into()).collect());
        let page = page(connection, after, channels.as_deref(), limit).unwrap();
        (page.events.iter().map(Event::position).collect::<Vec<_>>(), page.through)
    };
    assert_eq!(read(0, None, 4), (vec![1, 2, 3, 4], 4));
    assert_eq!(read(4, Some(&["odd"]), 2), (vec![6, 8], 8));
    assert_eq!(read(8, Some(&["odd"]), 2), (vec![10], 14), "nothing follows on this channel");
    assert_eq!(read(10, None, 100), (vec![11, 12], 12), "a third large one exceeds 1 MiB");
    assert_eq!(read(14, None, 100), (vec![], 14));
    let both: &[&str] = &["odd", "even", "odd"];
    assert_eq!(read(0, Some(both), 4), (vec![1, 2, 3, 4], 4));
    assert_eq!(read(8, Some(both), 100), (vec![9, 10, 11, 12], 12));
    assert_eq!(read(13, Some(both), 100), (vec![14], 14));
    assert_eq!(read(0, Some(&[]), 100), (vec![], 14));
}

pub(crate) async fn a_page_takes_time_for_its_own_events_only<C: Db>(home: Home<C>) {
    const EVENTS: i64 = 400;
    for n in 0..EVENTS {
        home.append([event(if n % 2 == 0 { "even" } else { "odd" }, &"x".repeat(256 * 1024))]);
    }
    let channels = ["even".into(), "odd".into()];
    let connection: &mut C = &mut home.pool.get().unwrap();
    let mut fastest = |after| {
        let times = (0..5).map(|_| {
            let begun = std::time::Instant::now();
            assert!(!page(connection, after, Some(&channels), 200).unwrap().events.is_empty());
            begun.elapsed()
        });
        times.min().unwrap()
    };
    let (last, first) = (fastest(EVENTS - 5), fastest(0));
    assert!(first < last * 10, "{first:?} for a page at the beginning, {last:?} at the end");
}

/// The next event.
async fn next<L: kilonova_feed::Log>(subscription: &mut kilonova_feed::Subscription<L>) -> Event {
    let next = async {
        loop {
            match subscription.next().await.unwrap() {
                Update::Event(event) => return event,
                Update::Position(_) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), next).await.unwrap()
}
