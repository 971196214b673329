//! The counts of a feed.

use std::time::Duration;

use kilonova_feed::{Limits, Stats};

use crate::support::{Fault, Reader, Serving, Site, Told, Toy, Transport, Wish, builder, soon};

/// The number of sockets that ended for this reason.
fn closed(stats: &Stats, reason: &str) -> u64 {
    stats.closed.iter().filter(|one| one.reason == reason).map(|one| one.count).sum()
}

/// Waits until the counts meet a condition.
async fn until(site: &Site, reached: impl Fn(&Stats) -> bool) -> Stats {
    soon(async {
        loop {
            let stats = site.feed().stats();
            if reached(&stats) {
                return stats;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

async fn end(mut reader: Reader) {
    while !matches!(reader.next().await, Told::End(_)) {}
}

#[actix::test]
async fn sockets_and_their_frames_are_counted_by_kind() {
    let toy = Toy::new();
    let site = Site::serve(builder(&toy), Serving::Own).await;
    site.feed().committed([toy.commit("a"), toy.commit("a")]);
    until(&site, |stats| stats.sent == 2).await;
    let mut replayed = site.open(Transport::WebSocket, &Wish::new(&["a"]).after(0)).await;
    assert_eq!(replayed.ids(2).await, [1, 2]);
    let mut stream = site.open(Transport::Stream, &Wish::new(&["a"])).await;
    site.feed().committed([toy.commit("a"), toy.commit("b")]);
    assert_eq!((replayed.ids(1).await, stream.ids(1).await), (vec![3], vec![3]));
    let stats = site.feed().stats();
    assert_eq!((stats.websockets.open, stats.websockets.total), (1, 1));
    assert_eq!((stats.event_streams.open, stats.event_streams.total), (1, 1));
    assert_eq!((stats.live_frames, stats.replayed_frames), (2, 2));
    assert_eq!((stats.replays.begun, stats.replays.running), (1, 0));
    drop(replayed);
    let stats = until(&site, |stats| stats.websockets.open == 0).await;
    assert_eq!((stats.websockets.total, closed(&stats, "client")), (1, 1));
    site.feed().sockets().close_all();
    end(stream).await;
    let stats = until(&site, |stats| stats.event_streams.open == 0).await;
    assert_eq!((closed(&stats, "stopping"), closed(&stats, "client")), (1, 1));
    let away = stats.closed.iter().find(|one| one.reason == "stopping");
    assert_eq!(away.and_then(|one| one.code), Some(1001));
    site.stop().await;
}

#[actix::test]
async fn refusals_are_counted_by_reason() {
    let toy = Toy::new();
    let limits = Limits { sockets: 1, ..Limits::default() };
    let site = Site::serve(builder(&toy).limits(limits), Serving::Own).await;
    let wish = Wish::new(&["a"]);
    let held = site.open(Transport::WebSocket, &wish).await;
    for transport in [Transport::WebSocket, Transport::Stream] {
        assert_eq!(site.try_open(transport, &wish).await.err(), Some(503));
    }
    let refused = site.feed().stats().refused;
    let refused: Vec<_> = refused.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(refused, [("too_many", 2)]);
    drop(held);
    site.stop().await;
}

#[actix::test]
async fn the_lag_covers_committed_events_that_have_not_gone_out() {
    let toy = Toy::new();
    let site = Site::serve(builder(&toy), Serving::Own).await;
    let mut reader = site.open(Transport::WebSocket, &Wish::new(&["a"])).await;
    site.feed().committed([toy.commit("a")]);
    assert_eq!(reader.ids(1).await, [1]);
    let stats = until(&site, |stats| stats.sent == 1).await;
    assert_eq!((stats.position, stats.lag), (1, Duration::ZERO));
    assert_eq!(stats.broadcasts.count, 1);
    assert!(stats.broadcasts.sum > 0.0);
    // The log has the event but cannot be read.
    toy.set(Fault::Fails);
    toy.commit("a");
    site.feed().committed_through(2);
    let stats = until(&site, |stats| !stats.reachable).await;
    assert_eq!((stats.position, stats.sent), (2, 1));
    assert!(stats.lag >= Duration::from_millis(500), "{:?}", stats.lag);
    assert!(site.feed().lag() >= stats.lag);
    toy.set(Fault::Nothing);
    assert_eq!(reader.ids(1).await, [2]);
    let stats = until(&site, |stats| stats.sent == 2).await;
    assert_eq!((stats.lag, stats.broadcasts.count), (Duration::ZERO, 1));
    assert!(stats.reachable);
    site.stop().await;
}
