//! Other messages on the channels of a registry, and those of them that reach a feed's readers.

use kilonova_feed::Feed;
use kilonova_pubsub::{Envelope, Payload};
use serde_json::json;

use crate::support::{
    ALL, HEARTBEAT, Serving, Site, Told, Toy, Transport, Viewer, Wish, new_event,
};

fn says(text: &str) -> Payload {
    Payload::encode(text).unwrap()
}

#[actix::test]
async fn a_broadcast_on_a_channel_of_the_log_reaches_no_reader() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let feed = site.feed();
    for transport in ALL {
        let before = toy.end();
        let mut live = site.open(transport, &Wish::new(&["a"])).await;
        let mut resumed = site.open(transport, &Wish::new(&["a"]).after(before)).await;
        feed.pubsub().broadcast("a", "forged", says("x")).await.unwrap();
        feed.pubsub().local_broadcast("a", "forged", says("x")).await.unwrap();
        let forged = Envelope::new("a", "forged", says("x")).with_position(before + 1);
        feed.pubsub().publish(forged).await.unwrap();
        let committed = toy.commit("a");
        // The envelope of a real event, which the feed has not sent.
        feed.pubsub().publish(committed.envelope().clone()).await.unwrap();
        feed.committed([committed]);
        for reader in [&mut live, &mut resumed] {
            let said = reader.event().await;
            assert_eq!((said.id, said.topic.as_str()), (Some(before + 1), "happened"));
        }
    }
    drop(feed);
    site.stop().await;
}

#[actix::test]
async fn requested_ephemeral_channels_pass_once() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let feed = site.feed();
    for transport in [Transport::WebSocket, Transport::Stream] {
        let before = toy.end();
        let mut deaf = site.open(transport, &Wish::new(&["a"])).await;
        // Even if a channel is named twice, or is also a channel of the log.
        let wish = Wish::new(&["a", "a"]).hearing(&["system", "system", "a"]);
        let mut hears = site.open(transport, &wish).await;
        feed.pubsub().broadcast("system", "deploy", says("v2")).await.unwrap();
        feed.pubsub().broadcast("a", "typing", says("ada")).await.unwrap();
        feed.pubsub().broadcast("other", "deploy", says("v3")).await.unwrap();
        feed.committed([toy.commit("a")]);
        for (id, channel, topic, data) in [
            (None, "system", "deploy", json!("v2")),
            (None, "a", "typing", json!("ada")),
            (Some(before + 1), "a", "happened", json!(before + 1)),
        ] {
            let said = hears.event().await;
            assert_eq!(
                (said.id, said.channel.as_str(), said.topic.as_str(), said.data),
                (id, channel, topic, data)
            );
        }
        assert_eq!(deaf.event().await.id, Some(before + 1));
    }
    drop(feed);
    site.stop().await;
}

#[actix::test]
async fn events_come_only_from_channels_of_the_log() {
    let (toy, strange) = (Toy::new(), Toy::new());
    let site = Site::start(&toy).await;
    let feed = site.feed();
    let other = Feed::start(feed.pubsub().clone(), strange.clone()).await.unwrap();
    // It gets broadcasts on `b`, but does not follow `b`, in this log or the other one.
    let mut hears = site.open(Transport::WebSocket, &Wish::new(&["a"]).hearing(&["b"])).await;
    other.committed([strange.commit_event(new_event("b", "of another log"))]);
    kilonova_test::member::soon(async {
        while other.sent() < 1 {
            tokio::task::yield_now().await
        }
    })
    .await;
    feed.committed([toy.commit("b"), toy.commit("a")]);
    let said = hears.event().await;
    assert_eq!((said.id, said.channel.as_str()), (Some(2), "a"));
    drop((feed, hears));
    other.stop().await;
    site.stop().await;
}

#[actix::test]
async fn two_feeds_on_one_registry_do_not_mix() {
    let (one, two) = (Toy::new(), Toy::new());
    let first = Site::start(&one).await;
    let builder = Feed::builder(first.feed().pubsub().clone(), two.clone()).heartbeat(HEARTBEAT);
    let second = Site::serve(builder, Serving::Own).await;
    for transport in ALL {
        let mut of_one = first.open(transport, &Wish::new(&["a"]).after(one.end())).await;
        let mut of_two = second.open(transport, &Wish::new(&["a"]).after(two.end())).await;
        for n in 0..20 {
            let event = one.commit_event(new_event("a", &format!("one {n}")));
            let at_one = event.position();
            first.feed().committed([event]);
            let said = of_one.event().await;
            assert_eq!((said.id, said.data), (Some(at_one), json!(format!("one {n}"))));
            if n % 2 == 0 {
                let event = two.commit_event(new_event("a", &format!("two {n}")));
                let at_two = event.position();
                second.feed().committed([event]);
                let said = of_two.event().await;
                assert_eq!((said.id, said.data), (Some(at_two), json!(format!("two {n}"))));
            }
        }
        // They ignore the other feed's position frames, too.
        if transport != Transport::Subscription {
            for _ in 0..3 {
                assert_eq!(of_two.next().await, Told::Position(two.end()));
            }
        }
    }
    assert_eq!(one.seen(Viewer::Staff, &["a"], 0, one.end()).len(), 60);
    second.stop().await;
    first.stop().await;
}
