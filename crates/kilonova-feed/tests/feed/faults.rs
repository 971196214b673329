//! Logs that break their promises cause an error, a wait or an end, but never a wrong event.

use std::time::Duration;

use kilonova_feed::{Feed, StartAt};
use kilonova_pubsub::PubSub;

use crate::support::{
    ALL, Fault, Reader, Serving, Site, Told, Toy, Transport, Viewer, Wish, builder, soon,
};

/// The faults that a log may recover from.
const PASSING: [Fault; 9] = [
    Fault::Fails,
    Fault::Hangs,
    Fault::Panics,
    Fault::PanicsAtOnce,
    Fault::Unsorted,
    Fault::Doubled,
    Fault::Stranger,
    Fault::Covers(5),
    Fault::Claims(5),
];

/// The timeout of a read that hangs.
const TIMEOUT: Duration = Duration::from_millis(50);

async fn site(toy: &Toy) -> Site {
    Site::serve(builder(toy).log_timeout(TIMEOUT), Serving::Own).await
}

#[actix::test]
async fn a_log_that_cannot_be_read_starts_no_feed() {
    let toy = Toy::new();
    for (fault, told) in [
        (Fault::Fails, "the log cannot be read: on purpose"),
        (Fault::Hangs, "reading the log took longer than 50ms"),
        (Fault::Panics, "reading the log panicked"),
        (Fault::PanicsAtOnce, "reading the log panicked"),
        (Fault::Backwards(1), "the log is broken: it cannot begin at position 1 and end at -1"),
    ] {
        toy.set(fault);
        let started = builder(&toy).log_timeout(TIMEOUT).start().await;
        assert_eq!(started.map_err(|error| error.to_string()).err().as_deref(), Some(told));
    }
    toy.set(Fault::Nothing);
    assert!(builder(&toy).start().await.is_ok());
}

/// Unannounced events wait until the log can be read again, and then arrive in order.
#[actix::test]
async fn live_readers_miss_nothing_through_a_fault_that_passes() {
    for fault in PASSING.into_iter().chain([Fault::Gap(10)]) {
        let toy = Toy::new();
        let site = site(&toy).await;
        let mut readers = Vec::new();
        for transport in ALL {
            readers.push(site.open(transport, &Wish::new(&["a"]).after(0)).await);
        }
        site.feed().committed([toy.commit("a"), toy.commit("a"), toy.commit("b")]);
        for reader in &mut readers {
            assert_eq!(reader.ids(2).await, [1, 2]);
        }
        toy.set(fault);
        for n in 4..=20 {
            let event = toy.commit("a");
            if n % 5 == 0 {
                site.feed().committed([event]);
            }
        }
        toy.is_read(2).await;
        assert!(site.feed().sent() <= 20, "{fault:?}");
        toy.set(Fault::Nothing);
        for reader in &mut readers {
            assert_eq!(reader.ids(17).await, (4..=20).collect::<Vec<_>>(), "{fault:?}");
        }
        drop(readers);
        site.stop().await;
    }
}

/// A new feed has nothing in memory, so replays read the log.
#[actix::test]
async fn a_replay_from_a_faulty_log_is_refused_or_ends_or_waits_and_misses_nothing() {
    for fault in PASSING {
        let toy = Toy::new();
        for _ in 0..20 {
            toy.commit("a");
        }
        let site = site(&toy).await;
        let mut readers = Vec::new();
        for transport in ALL {
            toy.set(fault);
            let mut seen = Vec::new();
            let unreadable =
                matches!(fault, Fault::Fails | Fault::Hangs | Fault::Panics | Fault::PanicsAtOnce);
            match site.try_open(transport, &Wish::new(&["a"]).after(0)).await {
                Err(status) => assert!(unreadable && status == 503, "{fault:?} {transport:?}"),
                Ok(mut reader) => {
                    assert!(!unreadable, "{fault:?} {transport:?}");
                    if transport == Transport::Subscription && fault != Fault::Claims(5) {
                        // It waits and retries.
                        let read = toy.is_read(1);
                        tokio::select! {
                            () = read => {}
                            told = reader.next() => panic!("{fault:?}: {told:?}"),
                        }
                        toy.set(Fault::Nothing);
                    }
                    read_on(&mut reader, &mut seen, 20, fault, transport).await;
                    if let Fault::Claims(_) = fault {
                        readers.push(reader);
                    }
                }
            }
            toy.set(Fault::Nothing);
            let after = seen.last().copied().unwrap_or(0);
            let mut reader = site.open(transport, &Wish::new(&["a"]).after(after)).await;
            let mut rest = Vec::new();
            read_on(&mut reader, &mut rest, 20, fault, transport).await;
            seen.extend(rest);
            assert_eq!(seen, (1..=20).collect::<Vec<_>>(), "{fault:?} {transport:?}");
        }
        // The log does not have the events that it claims: the next event arrives.
        toy.set(if let Fault::Claims(_) = fault { fault } else { Fault::Nothing });
        for transport in ALL {
            readers.push(site.open(transport, &Wish::new(&["a"]).after(20)).await);
            let lost = Wish { start: StartAt::after(99), ..Wish::new(&["a"]) };
            let mut lost = site.open(transport, &lost).await;
            assert_eq!(lost.resync().await, 20, "{fault:?} {transport:?}");
            readers.push(lost);
        }
        toy.set(Fault::Nothing);
        toy.commit("a");
        for reader in &mut readers {
            assert_eq!(reader.ids(1).await, [21], "{fault:?}");
        }
        drop(readers);
        site.stop().await;
    }
}

/// Reads up to an event, or to an end that must be 1013. No position may be beyond the events seen.
async fn read_on(
    reader: &mut Reader,
    seen: &mut Vec<i64>,
    until: i64,
    fault: Fault,
    transport: Transport,
) {
    let start = seen.last().copied();
    while seen.last() != Some(&until) {
        match reader.next().await {
            Told::Event(said) => seen.push(said.id.expect("an event of the log")),
            Told::Position(at) => {
                let reached = seen.last().copied().or(start).unwrap_or(0);
                assert!(at <= reached || at == until, "{at} after {seen:?}");
                if at == until {
                    return;
                }
            }
            Told::End(code) => {
                let expected = (transport == Transport::WebSocket).then_some(1013);
                assert_eq!(code, expected, "{fault:?} {transport:?}");
                return;
            }
            Told::Resync(at) => panic!("{fault:?} {transport:?}: resync at {at}"),
        }
    }
}

#[actix::test]
async fn a_log_that_was_replaced_ends_the_feed_with_a_reason() {
    for fault in [Fault::Another, Fault::Backwards(1)] {
        let toy = Toy::new();
        let site = site(&toy).await;
        let feed = site.feed();
        let mut readers = Vec::new();
        for transport in ALL {
            readers.push((transport, site.open(transport, &Wish::new(&["a"]).after(0)).await));
        }
        feed.committed([toy.commit("a")]);
        for (_, reader) in &mut readers {
            assert_eq!(reader.ids(1).await, [1]);
        }
        toy.set(fault);
        assert_eq!(
            &*soon(feed.ended()).await,
            "the log was replaced or restored while the server was running; restart the server"
        );
        for (transport, reader) in &mut readers {
            let code = (*transport == Transport::WebSocket).then_some(1001);
            assert_eq!(reader.end().await, code, "{fault:?} {transport:?}");
        }
        // It stays ended, whatever the log says now, and sends nothing more.
        toy.set(Fault::Nothing);
        feed.committed([toy.commit("a")]);
        for transport in ALL {
            assert_eq!(site.try_open(transport, &Wish::new(&["a"])).await.err(), Some(503));
        }
        assert_eq!(feed.sent(), 1);
        drop((feed, readers));
        site.stop().await;
        // A new feed on the same log continues.
        let again = Feed::start(PubSub::start("again"), toy.clone()).await.unwrap();
        let mut reader = again.subscribe(["a"], StartAt::after(1), Viewer::Staff).await.unwrap();
        let next = soon(reader.next()).await;
        assert!(matches!(next, Some(kilonova_feed::Update::Event(event)) if event.position() == 2));
    }
}

#[actix::test]
async fn an_outage_is_reported_when_it_lasts_and_when_it_ends() {
    // A log that fails immediately, and a log whose first failure takes over a second.
    for (fault, timeout) in [(Fault::Fails, 20_000), (Fault::Hangs, 1_100)] {
        let toy = Toy::new();
        let builder = builder(&toy).log_timeout(Duration::from_millis(timeout));
        let feed = builder.start().await.unwrap();
        let begun = std::time::Instant::now();
        toy.set(fault);
        assert_eq!(soon(feed.reachable_changed(true)).await, Some(false));
        assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&begun.elapsed()));
        toy.set(Fault::Nothing);
        assert_eq!(soon(feed.reachable_changed(false)).await, Some(true));
    }
}
