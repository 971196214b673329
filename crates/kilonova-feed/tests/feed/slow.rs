//! Readers that are slow, stuck or silent.

use std::time::Duration;

use kilonova_feed::{Bounds, Heartbeat, Limits};
use kilonova_pubsub::Payload;
use kilonova_test::raw::{Raw, masked};

use crate::support::{
    BOTH, HEARTBEAT, Serving, Site, Told, Toy, Transport, Wish, builder, new_event, soon,
};

/// Backlogs are small, and events are large.
const SLOW: Limits = Limits {
    sockets: 10,
    sockets_per_address: 10,
    handshakes: 0,
    client_frames: 0,
    queue: Bounds { messages: 64, bytes: 256 * 1024 },
    replay_bytes: 32 * 1024 * 1024,
};

const LARGE: usize = 16 * 1024;
const MANY: i64 = 200;

#[actix::test]
async fn a_slow_consumer_is_closed_with_1013_and_resumes_without_a_loss() {
    let toy = Toy::new();
    let heartbeat = Heartbeat { ping: Duration::from_secs(3600), ..HEARTBEAT };
    let site = Site::serve(builder(&toy).limits(SLOW).heartbeat(heartbeat), Serving::Own).await;
    let wish = Wish::new(&["a"]);
    let mut slow = site.open(Transport::WebSocket, &wish.clone().after(0)).await;
    let mut other = site.open(Transport::Subscription, &wish.clone().after(0)).await;
    for _ in 0..MANY {
        site.feed().committed([toy.commit_event(new_event("a", &"x".repeat(LARGE)))]);
    }
    // Now everything has gone out, and the slow reader has read nothing.
    assert_eq!(other.ids(MANY as usize).await, (1..=MANY).collect::<Vec<_>>());
    let mut seen = Vec::new();
    let code = loop {
        match slow.next().await {
            Told::Event(said) => seen.push(said.id.expect("an event of the log")),
            Told::Position(_) => {}
            Told::End(code) => break code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, Some(1013));
    assert!(seen.len() < MANY as usize);
    let last = seen.last().copied().unwrap_or(0);
    // Replays wait for their reader, however long they are.
    let mut again = site.open(Transport::WebSocket, &wish.after(last)).await;
    seen.extend(again.ids(MANY as usize - seen.len()).await);
    assert_eq!(seen, (1..=MANY).collect::<Vec<_>>());
    drop((slow, again, other));
    site.stop().await;
}

#[actix::test]
#[expect(clippy::await_holding_lock, reason = "the lock is what holds the thread up")]
async fn sessions_whose_thread_is_stuck_lose_their_live_events_and_resume_without_a_loss() {
    let toy = Toy::new();
    let heartbeat = Heartbeat { ping: Duration::from_secs(3600), ..HEARTBEAT };
    let site = Site::serve(builder(&toy).heartbeat(heartbeat), Serving::Own).await;
    let mut readers = Vec::new();
    for transport in [Transport::WebSocket, Transport::Stream] {
        for channels in [&["a"][..], &["a", "b"]] {
            let wish = Wish::new(channels);
            let mut reader = site.open(transport, &wish.clone().after(toy.end())).await;
            site.feed().committed([toy.commit("a")]);
            assert_eq!(reader.ids(1).await, [toy.end()]);
            readers.push((transport, wish, reader, vec![toy.end()]));
        }
    }
    let mut other = site.open(Transport::Subscription, &Wish::new(&["b"]).after(4)).await;
    let gate = toy.gate.lock().unwrap();
    site.feed().committed([toy.commit_for("a", "stuck")]);
    let feed = site.feed();
    let is_sent = async {
        while feed.sent() < toy.end() {
            tokio::task::yield_now().await;
        }
    };
    soon(is_sent).await;
    // After it come more messages than may wait for a thread.
    let pubsub = feed.pubsub();
    let large = Payload::encode(&"x".repeat(64 * 1024)).expect("JSON");
    for _ in 0..1_100 {
        pubsub.local_broadcast("a", "noise", large.clone()).await.expect("the registry runs");
    }
    // A stuck thread delays the others once, not for each batch.
    for _ in 0..1_000 {
        site.feed().committed([toy.commit("b"), toy.commit("a")]);
    }
    assert_eq!(other.ids(1_000).await.last(), Some(&2004));
    drop(gate);
    for (transport, wish, mut reader, mut seen) in readers {
        loop {
            match soon(reader.next()).await {
                Told::Event(said) => seen.push(said.id.expect("an event of the log")),
                Told::Position(_) => {}
                Told::End(code) => {
                    assert!(code.is_none_or(|code| code == 1013), "{code:?}");
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        let last = *seen.last().expect("the first");
        let mut again = site.open(transport, &wish.clone().after(last)).await;
        let expected = toy.seen(wish.viewer, &wish.channels, seen[0] - 1, toy.end());
        seen.extend(again.ids(expected.len() - seen.len()).await);
        assert_eq!(seen, expected);
    }
    site.stop().await;
}

#[actix::test]
async fn readers_that_do_not_read_delay_no_other_replay() {
    let toy = Toy::new();
    for n in 0..MANY {
        // Some are larger than the part of a slice that goes out at once.
        let length = if n % 10 == 3 { 64 * LARGE } else { LARGE };
        toy.commit_event(new_event("a", &"x".repeat(length)));
    }
    // Each half has room for one slice. The feed has none of these events in memory.
    let limits = Limits { replay_bytes: 1, ..Limits::default() };
    for serving in BOTH {
        let site = Site::serve(builder(&toy).limits(limits), serving).await;
        let mut idle = Vec::new();
        for transport in [Transport::WebSocket, Transport::Stream, Transport::WebSocket] {
            idle.push((transport, site.open(transport, &Wish::new(&["a"]).after(0)).await));
        }
        for transport in [Transport::WebSocket, Transport::Stream] {
            let mut reader = site.open(transport, &Wish::new(&["a"]).after(0)).await;
            let all: Vec<i64> = (1..=toy.end()).collect();
            assert_eq!(reader.ids(all.len()).await, all, "{transport:?}");
        }
        // The idle readers have missed nothing, or are closed so that they can resume.
        for (transport, mut reader) in idle {
            let mut seen = 0;
            loop {
                match soon(reader.next()).await {
                    Told::Event(said) => {
                        assert_eq!(said.id, Some(seen + 1), "{transport:?}");
                        seen += 1;
                    }
                    Told::Position(_) => {}
                    Told::End(code) => {
                        assert!(code.is_none_or(|code| code == 1013), "{code:?}");
                        break;
                    }
                    other => panic!("{other:?}"),
                }
                if seen == toy.end() {
                    break;
                }
            }
            assert!(seen > 0);
        }
        site.stop().await;
    }
}

#[actix::test]
async fn the_session_of_a_reader_that_reads_nothing_ends() {
    for serving in BOTH {
        for transport in [Transport::WebSocket, Transport::Stream] {
            let toy = Toy::new();
            let heartbeat = Heartbeat { grace: Duration::from_millis(100), ..HEARTBEAT };
            let builder = builder(&toy).limits(SLOW).heartbeat(heartbeat);
            let site = Site::serve(builder, serving).await;
            let slow = site.open(transport, &Wish::new(&["a"]).after(0)).await;
            for _ in 0..MANY {
                site.feed().committed([toy.commit_event(new_event("a", &"x".repeat(LARGE)))]);
            }
            soon(site.feed().sockets().all_closed()).await;
            drop(slow);
            site.stop().await;
        }
    }
}

#[actix::test]
async fn a_stall_ends_a_reader_with_a_small_backlog() {
    let toy = Toy::new();
    // More than a kernel buffers for a reader that does not read.
    for _ in 0..MANY {
        toy.commit_event(new_event("a", &"x".repeat(8 * LARGE)));
    }
    let (stall, grace) = (Duration::from_millis(100), Duration::from_millis(100));
    for serving in BOTH {
        for transport in [Transport::WebSocket, Transport::Stream] {
            let heartbeat = Heartbeat { stall, grace, ..HEARTBEAT };
            let site = Site::serve(builder(&toy).heartbeat(heartbeat), serving).await;
            // A replay, because its backlog is bounded by the slice.
            let slow = site.open(transport, &Wish::new(&["a"]).after(0)).await;
            soon(site.feed().sockets().all_closed()).await;
            drop(slow);
            site.stop().await;
        }
    }
}

#[actix::test]
async fn a_silent_client_is_cut() {
    let toy = Toy::new();
    for serving in BOTH {
        let silence = Duration::from_millis(100);
        let heartbeat = Heartbeat { silence, ..HEARTBEAT };
        let site = Site::serve(builder(&toy).heartbeat(heartbeat), serving).await;
        // It answers no ping.
        let mut raw = Raw::upgrade(site.address, &Wish::new(&["a"]).path()).await;
        soon(raw.hung_up()).await;
        soon(site.feed().sockets().all_closed()).await;
        site.stop().await;
    }
}

#[actix::test]
async fn a_client_that_sends_a_frame_byte_by_byte_is_cut_like_a_silent_one() {
    let toy = Toy::new();
    for serving in BOTH {
        let heartbeat = Heartbeat { silence: Duration::from_millis(200), ..HEARTBEAT };
        let site = Site::serve(builder(&toy).heartbeat(heartbeat), serving).await;
        let mut raw = Raw::upgrade(site.address, &Wish::new(&["a"]).path()).await;
        let long = masked(0x81, &[b'x'; 1000]);
        let mut sent = 0;
        // Sends a byte with every ping, so that the frame would end long after the timeout.
        while raw.frame().await.is_some() {
            raw.send(&long[sent..=sent]).await;
            sent += 1;
            assert!(sent < 500, "it is still there after {sent} bytes");
        }
        assert!(sent > 2, "it was cut at once");
        soon(site.feed().sockets().all_closed()).await;
        site.stop().await;
    }
}

#[actix::test]
async fn a_subscription_that_is_not_read_falls_back_to_the_log_and_loses_nothing() {
    for wish in [Wish::new(&["a"]), Wish::new(&["a", "b"])] {
        let toy = Toy::new();
        let site = Site::start(&toy).await;
        let mut slow = site.open(Transport::Subscription, &wish).await;
        let mut other = site.open(Transport::WebSocket, &wish).await;
        for _ in 0..3 {
            let before = toy.end();
            // More than its buffer holds.
            for _ in 0..MANY {
                site.feed().committed([toy.commit("a"), toy.commit("b")]);
            }
            let expected = toy.seen(wish.viewer, &wish.channels, before, toy.end());
            assert_eq!(other.ids(expected.len()).await, expected);
            assert_eq!(slow.ids(expected.len()).await, expected);
        }
        drop((slow, other));
        site.stop().await;
    }
}
