//! What a socket does beside carrying events: under the library's server, which hands sockets over,
//! and under actix-web's own, where they stay with HTTP.

use std::time::Duration;

use kilonova_feed::{Bounds, Heartbeat, Limits};
use kilonova_test::raw::{Raw, masked, opcode};

use crate::support::{
    ALL, HEARTBEAT, Serving, Site, Told, Toy, Transport, Wish, builder, new_event, soon,
};

const BOTH: [Serving; 2] = [Serving::Own, Serving::Plain];

async fn site(toy: &Toy, serving: Serving) -> Site {
    Site::serve(builder(toy), serving).await
}

/// Sends this, and reads up to the code that the server closes with.
async fn closed_with(raw: &mut Raw, bytes: &[u8]) -> Option<u16> {
    raw.send(bytes).await;
    loop {
        let frame = raw.frame().await?;
        if let Some(code) = frame.close_code() {
            return Some(code);
        }
    }
}

#[actix::test]
async fn events_come_live_and_after_a_resume_under_either_server() {
    for serving in BOTH {
        let toy = Toy::new();
        let site = site(&toy, serving).await;
        for transport in ALL {
            let before = toy.end();
            let mut reader = site.open(transport, &Wish::new(&["a"])).await;
            site.feed().committed([toy.commit("a"), toy.commit("b"), toy.commit("a")]);
            assert_eq!(reader.ids(2).await, [before + 1, before + 3], "{serving:?} {transport:?}");
            drop(reader);
            toy.commit("a");
            let mut reader = site.open(transport, &Wish::new(&["a"]).after(before + 1)).await;
            assert_eq!(reader.ids(2).await, [before + 3, before + 4], "{serving:?} {transport:?}");
        }
        site.stop().await;
    }
}

#[actix::test]
async fn a_quiet_channel_is_told_how_far_the_log_has_come() {
    for serving in BOTH {
        let toy = Toy::new();
        let site = site(&toy, serving).await;
        for transport in ALL {
            let mut reader = site.open(transport, &Wish::new(&["quiet"]).after(toy.end())).await;
            site.feed().committed([toy.commit("a"), toy.commit("a")]);
            loop {
                match reader.next().await {
                    Told::Position(position) if position == toy.end() => break,
                    Told::Position(position) => assert!(position < toy.end()),
                    other => panic!("{serving:?} {transport:?}: {other:?}"),
                }
            }
        }
        site.stop().await;
    }
}

#[actix::test]
async fn pings_are_answered_and_a_close_is() {
    for serving in BOTH {
        let toy = Toy::new();
        let heartbeat = Heartbeat { ping: Duration::from_secs(3600), ..HEARTBEAT };
        let site = Site::serve(builder(&toy).heartbeat(heartbeat), serving).await;
        let mut raw = Raw::upgrade(site.address, &Wish::new(&["a"]).path()).await;
        raw.send(&masked(opcode::TEXT, b"ping")).await;
        let frame = raw.frame().await.expect("an answer");
        assert_eq!((frame.opcode, frame.payload.as_slice()), (opcode::TEXT, &b"pong"[..]));
        raw.send(&masked(opcode::PING, b"payload")).await;
        let frame = raw.frame().await.expect("an answer");
        assert_eq!((frame.opcode, frame.payload.as_slice()), (opcode::PONG, &b"payload"[..]));
        // What else is said is not answered.
        raw.send(&masked(opcode::TEXT, b"hello")).await;
        raw.send(&masked(2, b"ping")).await;
        raw.send(&masked(opcode::PONG, b"ping")).await;
        let close = [&1000_u16.to_be_bytes()[..], b"bye"].concat();
        assert_eq!(closed_with(&mut raw, &masked(opcode::CLOSE, &close)).await, Some(1000));
        drop(raw);
        soon(site.feed().sockets().all_closed()).await;
        site.stop().await;
    }
}

#[actix::test]
async fn a_client_that_hangs_up_is_gone_at_once() {
    for serving in BOTH {
        let toy = Toy::new();
        let site = site(&toy, serving).await;
        for transport in [Transport::WebSocket, Transport::Stream] {
            let reader = site.open(transport, &Wish::new(&["a"])).await;
            assert_eq!(site.feed().sockets().open(), 1);
            drop(reader);
            soon(site.feed().sockets().all_closed()).await;
        }
        let groups = site.feed().pubsub().get_members("a").await.unwrap();
        assert_eq!(groups.len(), 0, "{serving:?}");
        site.stop().await;
    }
}

#[actix::test]
async fn a_client_that_breaks_the_rules_is_told_which() {
    for serving in BOTH {
        let toy = Toy::new();
        let limits = Limits { client_frames: 20, ..Limits::default() };
        let site = Site::serve(builder(&toy).limits(limits), serving).await;
        let path = Wish::new(&["a"]).path();
        let announced = [&[0x81, 0xff][..], &(64 * 1024 + 1_u64).to_be_bytes()].concat();
        for (bytes, code) in [
            (masked(opcode::PING, b"x").repeat(50), 1008),
            (announced, 1009),
            (masked(opcode::TEXT, &[0xff]), 1007),
            // Without a mask, and a piece of nothing.
            (vec![0x81, 1, b'x'], 1002),
            (masked(0, b"x"), 1002),
        ] {
            let mut raw = Raw::upgrade(site.address, &path).await;
            assert_eq!(closed_with(&mut raw, &bytes).await, Some(code), "{serving:?}");
        }
        let mut raw = Raw::upgrade(site.address, &path).await;
        raw.send(&masked(opcode::TEXT, &[b'x'; 64 * 1024])).await;
        raw.send(&masked(opcode::TEXT, b"ping")).await;
        let frame = loop {
            let frame = raw.frame().await.expect("it goes on");
            if frame.opcode != opcode::PING {
                break frame;
            }
        };
        assert_eq!(frame.payload, b"pong", "the largest message is none too many");
        drop(raw);
        site.stop().await;
    }
}

#[actix::test]
async fn a_shape_of_the_applications_is_what_it_says() {
    let toy = Toy::new();
    toy.commit("a");
    let heartbeat = Heartbeat { ping: Duration::from_secs(3600), ..HEARTBEAT };
    let site = Site::serve(builder(&toy).heartbeat(heartbeat), Serving::Own).await;
    site.feed().committed([toy.commit("a")]);
    let path = format!("{}&custom=true", Wish::new(&["a"]).after(0).path());
    let mut raw = Raw::upgrade(site.address, &path).await;
    for _ in 0..2 {
        let frame = raw.frame().await.expect("a frame");
        assert_eq!(frame.payload, br#"{"topic":"happened"}"#);
    }
    let mut raw = Raw::try_stream(site.address, &path).await.unwrap();
    assert_eq!(raw.block().await.as_deref(), Some(": welcome\n\n"));
    for id in 1..=2 {
        let block = raw.block().await.expect("a block");
        let expected = format!("id: {id}\nevent: happened\ndata: {{\"topic\":\"happened\"}}\n\n");
        assert_eq!(block, expected);
    }
    drop(raw);
    site.stop().await;
}

/// Little may wait, and events are large.
const SLOW: Limits = Limits {
    sockets: 10,
    sockets_per_address: 10,
    handshakes: 0,
    client_frames: 0,
    queue: Bounds { messages: 64, bytes: 256 * 1024 },
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
    // By then everything has gone out, and the slow one has read nothing.
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
    // Replays wait for their reader, however much there is.
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
    // A mailbox takes at least a batch.
    let queue = Bounds { messages: 1, ..Limits::default().queue };
    let limits = Limits { queue, ..Limits::default() };
    let site = Site::serve(builder(&toy).limits(limits), Serving::Own).await;
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
    // More than a mailbox takes.
    for _ in 0..100 {
        site.feed().committed([toy.commit("b"), toy.commit("a")]);
    }
    assert_eq!(other.ids(100).await.last(), Some(&204));
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
async fn the_session_of_a_reader_that_takes_nothing_ends() {
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
async fn a_stall_ends_a_reader_that_little_waits_for() {
    let toy = Toy::new();
    // More than a kernel takes for a reader that does not read.
    for _ in 0..MANY {
        toy.commit_event(new_event("a", &"x".repeat(8 * LARGE)));
    }
    let (stall, grace) = (Duration::from_millis(100), Duration::from_millis(100));
    for serving in BOTH {
        for transport in [Transport::WebSocket, Transport::Stream] {
            let heartbeat = Heartbeat { stall, grace, ..HEARTBEAT };
            let site = Site::serve(builder(&toy).heartbeat(heartbeat), serving).await;
            // A replay, which is bounded by itself.
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
async fn a_rhythm_of_zero_holds_nobody_up() {
    let toy = Toy::new();
    let heartbeat = Heartbeat { ping: Duration::ZERO, ..HEARTBEAT };
    let site = Site::serve(builder(&toy).heartbeat(heartbeat), Serving::Own).await;
    for transport in ALL {
        let mut reader = site.open(transport, &Wish::new(&["a"]).after(toy.end())).await;
        site.feed().committed([toy.commit("a")]);
        assert_eq!(reader.ids(1).await, [toy.end()]);
    }
    site.stop().await;
}
