//! Sessions that are present on a channel: their metadata, the messages that they get, and their
//! clients' texts.

use kilonova_feed::{Presence, TEXT_MAX};
use kilonova_pubsub::{Change, Envelope, META_MAX, Payload};
use kilonova_test::raw::{Raw, masked, opcode};
use serde_json::json;

use crate::support::{BOTH, HEARTBEAT, Reader, Site, Toy, Transport, Wish, builder, soon};

const BOTH_WIRES: [Transport; 2] = [Transport::WebSocket, Transport::Stream];

fn says(text: &str) -> Payload {
    Payload::encode(text).unwrap()
}

/// The next text. Skips pings.
async fn text(raw: &mut Raw) -> Vec<u8> {
    loop {
        let frame = soon(raw.frame()).await.unwrap();
        if frame.opcode == opcode::TEXT {
            return frame.payload;
        }
    }
}

#[actix::test]
async fn each_view_gets_its_version_on_this_node() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let feed = site.feed();
    for transport in BOTH_WIRES {
        let mut readers = Vec::new();
        for view in [0, 1, 2] {
            readers.push(site.open(transport, &Wish::new(&["a"]).present("room", view)).await);
        }
        let mut absent = site.open(transport, &Wish::new(&["a"])).await;
        let versions = [(vec![0, 2], says("few")), (vec![1], says("all"))];
        feed.tell("room", "readers", versions).await.unwrap();
        feed.tell("other", "readers", [(vec![0, 1, 2], says("elsewhere"))]).await.unwrap();
        for (reader, expected) in readers.iter_mut().zip(["few", "all", "few"]) {
            let said = reader.event().await;
            assert_eq!(
                (said.id, said.channel.as_str(), said.topic.as_str()),
                (None, "room", "readers")
            );
            assert_eq!(said.data, json!(expected));
        }
        // Nobody got anything else.
        feed.committed([toy.commit("a")]);
        for reader in readers.iter_mut().chain([&mut absent]) {
            assert_eq!(reader.event().await.id, Some(toy.end()));
        }
    }
    drop(feed);
    site.stop().await;
}

#[actix::test]
async fn a_message_has_the_shape_of_its_session() {
    let site = Site::start(&Toy::new()).await;
    let wish = Wish::new(&["a"]).present("room", 0).custom();
    let Reader::WebSocket(mut raw) = site.open(Transport::WebSocket, &wish).await else {
        panic!("no socket")
    };
    site.feed().tell("room", "readers", [(vec![0], says("x"))]).await.unwrap();
    assert_eq!(text(&mut raw).await, b"{\"topic\":\"readers\"}");
    site.stop().await;
}

#[actix::test]
async fn members_of_the_groups_cannot_speak_where_sessions_are_present() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let feed = site.feed();
    for transport in BOTH_WIRES {
        let mut reader = site.open(transport, &Wish::new(&["a"]).present("room", 0)).await;
        feed.pubsub().broadcast("room", "forged", says("x")).await.unwrap();
        feed.pubsub().local_broadcast("room", "forged", says("x")).await.unwrap();
        let forged = Envelope::new("room", "forged", says("x")).with_position(toy.end() + 1);
        feed.pubsub().publish(forged).await.unwrap();
        feed.committed([toy.commit("a")]);
        assert_eq!(reader.event().await.topic, "happened");
    }
    drop(feed);
    site.stop().await;
}

#[actix::test]
async fn a_session_is_a_member_with_its_metadata_until_its_socket_ends() {
    let site = Site::start(&Toy::new()).await;
    let pubsub = site.feed().pubsub().clone();
    for transport in BOTH_WIRES {
        let reader = site.open(transport, &Wish::new(&["a"]).present("room", 7)).await;
        let members = pubsub.get_members("room").await.unwrap();
        let meta: Vec<_> = members.iter().map(|member| member.meta().unwrap().as_json()).collect();
        assert_eq!(meta, ["7"]);
        drop(reader);
        soon(async { while !pubsub.get_members("room").await.unwrap().is_empty() {} }).await;
    }
    let long = says(&"x".repeat(META_MAX));
    assert!(Presence::new("room", long).is_err());
    site.stop().await;
}

#[actix::test]
async fn a_session_leaves_when_its_socket_begins_to_close() {
    let site = Site::start(&Toy::new()).await;
    let feed = site.feed();
    for (transport, grant) in BOTH_WIRES.into_iter().zip(1..) {
        // The client leaves the connection open.
        let wish = Wish::new(&["a"]).present("room", 0).under(grant, 0);
        let reader = site.open(transport, &wish).await;
        let mut monitor = feed.pubsub().monitor("room").await.unwrap();
        assert_eq!(monitor.members().len(), 1);
        feed.revoke([(grant, grant)]);
        let left = tokio::time::timeout(HEARTBEAT.grace / 2, monitor.next()).await;
        assert!(matches!(left, Ok(Some(Change::Left(_)))), "{left:?}");
        drop(reader);
    }
    drop(feed);
    site.stop().await;
}

#[actix::test]
async fn a_listener_gets_the_short_texts_of_its_client() {
    for serving in BOTH {
        let site = Site::serve(builder(&Toy::new()), serving).await;
        let present = Wish::new(&["a"]).present("room", 0);
        for wish in [Wish::new(&["a"]), present] {
            let Reader::WebSocket(mut raw) = site.open(Transport::WebSocket, &wish).await else {
                panic!("no socket")
            };
            let long = "x".repeat(TEXT_MAX + 1);
            for text in ["one", &long, "ping", &long[1..]] {
                raw.send(&masked(opcode::TEXT, text.as_bytes())).await;
            }
            assert_eq!(text(&mut raw).await, b"pong", "it goes on");
            if wish.presence.is_some() {
                soon(async {
                    while site.said.lock().unwrap().len() < 2 {
                        tokio::task::yield_now().await
                    }
                })
                .await;
                assert_eq!(*site.said.lock().unwrap(), ["one", &long[1..]]);
            } else {
                assert!(site.said.lock().unwrap().is_empty(), "nobody listens");
            }
        }
        site.halt().await;
    }
}
