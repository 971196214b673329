//! The behavior of sockets beyond events: under the library's server, which hands sockets over, and
//! under actix-web's own, where they stay with HTTP.

use std::time::Duration;

use kilonova_feed::{Heartbeat, Limits};
use kilonova_test::raw::{Raw, masked, opcode};

use crate::support::{
    ALL, BOTH, HEARTBEAT, Reader, Serving, Site, Told, Toy, Transport, Wish, builder, soon,
};

async fn site(toy: &Toy, serving: Serving) -> Site {
    Site::serve(builder(toy), serving).await
}

/// Sends these bytes, and returns the code that the server closes with.
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
async fn readers_of_a_quiet_channel_get_the_position_of_the_log() {
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
async fn a_revoked_grant_closes_its_own_sockets_and_streams() {
    for serving in BOTH {
        let toy = Toy::new();
        let site = site(&toy, serving).await;
        for (transport, code) in [(Transport::WebSocket, Some(1008)), (Transport::Stream, None)] {
            let wish = Wish::new(&["a"]);
            // A stream begins with its position.
            let end = async |reader: &mut Reader| loop {
                match reader.next().await {
                    Told::Position(_) => {}
                    told => break told,
                }
            };
            let number = |n| if transport == Transport::Stream { n + 10 } else { n };
            let mut ended = site.open(transport, &wish.clone().under(7, number(0))).await;
            let mut other = site.open(transport, &wish.clone().under(8, number(0))).await;
            let mut free = site.open(transport, &wish).await;
            site.feed().revoke([(9, number(1)), (7, number(2))]);
            assert_eq!(end(&mut ended).await, Told::End(code), "{serving:?} {transport:?}");
            // A session that was allowed before the revocation and opens only now.
            let mut late = site.open(transport, &wish.clone().under(7, number(1))).await;
            assert_eq!(end(&mut late).await, Told::End(code), "{serving:?} {transport:?}");
            // A session that was allowed after the revocation; repeating the revocation changes
            // nothing.
            let mut again = site.open(transport, &wish.clone().under(7, number(2))).await;
            site.feed().revoke([(7, number(2))]);
            site.feed().committed([toy.commit("a")]);
            for reader in [&mut other, &mut free, &mut again] {
                assert_eq!(reader.ids(1).await, [toy.end()], "{serving:?} {transport:?}");
            }
        }
        site.stop().await;
    }
}

#[actix::test]
async fn pings_and_a_close_are_answered() {
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
        // Other messages are not answered.
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
async fn each_protocol_error_has_its_close_code() {
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
            // A frame without a mask, and a continuation of nothing.
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
        assert_eq!(frame.payload, b"pong", "the largest message is allowed");
        drop(raw);
        site.stop().await;
    }
}

/// A browser reconnects with the last id that it saw.
#[actix::test]
async fn an_event_stream_begins_with_a_position_to_resume_from() {
    for serving in BOTH {
        let toy = Toy::new();
        toy.commit("a");
        let site = site(&toy, serving).await;
        let path = Wish::new(&["a"]).path();
        let mut raw = Raw::try_stream(site.address, &path).await.unwrap();
        assert_eq!(raw.block().await.as_deref(), Some(": welcome\n\n"));
        assert_eq!(raw.block().await.as_deref(), Some("id: 1\n\n"), "{serving:?}");
        drop(raw);
        site.feed().committed([toy.commit("a")]);
        let mut reader = site.open(Transport::Stream, &Wish::new(&["a"]).after(1)).await;
        assert_eq!(reader.ids(1).await, [2]);
        site.stop().await;
    }
}

#[actix::test]
async fn a_ping_interval_of_zero_delays_nobody() {
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
