//! Pruning, which keeps the log from growing forever.

use std::time::Duration;

use kilonova_feed::diesel::{DieselLog, Pruned, Retention, prune, state};
use kilonova_feed::{Feed, StartAt, Update};
use kilonova_pubsub::PubSub;

use crate::support::{Db, Home, Number, event};

fn prune_all<C: Db>(home: &Home<C>, retention: Retention) -> usize {
    let mut events = 0;
    loop {
        let pruned = home.write(|connection| prune(connection, retention)).unwrap();
        if pruned == Pruned::default() {
            return events;
        }
        events += pruned.events;
    }
}

pub(crate) async fn the_oldest_events_go_by_each_limit<C: Db>(home: Home<C>)
where
    diesel::query_builder::SqlQuery: for<'a> diesel::query_dsl::LoadQuery<'a, C, Number>,
{
    let first = |home: &Home<C>| {
        let connection: &mut C = &mut home.pool.get().unwrap();
        let state = state(connection).unwrap();
        (state.oldest, state.position)
    };
    assert_eq!(first(&home), (1, 0));
    home.append((0..1200).map(|_| event("notes", "ten bytes")));
    assert_eq!(prune_all(&home, Retention::default()), 0, "everything is kept");
    let count = Retention { count: Some(100), ..Retention::default() };
    assert_eq!(prune_all(&home, count), 1100);
    assert_eq!(first(&home), (1101, 1200));
    home.assert_size();
    let bytes = Retention { bytes: Some(11 * 40), ..Retention::default() };
    assert_eq!(prune_all(&home, bytes), 60);
    home.assert_size();
    let connection: &mut C = &mut home.pool.get().unwrap();
    let aged =
        "UPDATE kilonova_events SET inserted_at = '2001-01-01 00:00:00' WHERE position < 1191";
    connection.batch_execute(aged).unwrap();
    let age = chrono::TimeDelta::days(1);
    assert_eq!(prune_all(&home, Retention { age: Some(age), ..Retention::default() }), 30);
    assert_eq!(first(&home), (1191, 1200));
    let none = Retention { count: Some(0), ..Retention::default() };
    assert_eq!(prune_all(&home, none), 10);
    assert_eq!(first(&home), (1201, 1200), "positions stay as they are");
    assert_eq!(home.append([event("notes", "next")])[0].position(), 1201);
    home.assert_size();
}

pub(crate) async fn a_reader_of_pruned_events_gets_a_resync<C: Db>(home: Home<C>) {
    home.append((0..10).map(|_| event("notes", "gone soon")));
    let count = Retention { count: Some(4), ..Retention::default() };
    assert_eq!(prune_all(&home, count), 6);
    let feed = Feed::start(PubSub::start("node"), DieselLog::new(home.pool.clone())).await.unwrap();
    let first = async |position| {
        let start = StartAt::after(position);
        let mut reader = feed.subscribe(["notes"], start, ()).await.unwrap();
        tokio::time::timeout(Duration::from_secs(30), reader.next()).await.unwrap().unwrap()
    };
    assert!(matches!(first(5).await, Update::Resync(10)));
    assert!(matches!(first(6).await, Update::Event(event) if event.position() == 7));
    feed.stop().await;
}
