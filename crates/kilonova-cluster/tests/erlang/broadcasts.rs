//! Which broadcasts cross, in which form, and which do not.

use std::time::Duration;

use kilonova_pubsub::{Envelope, Payload, PubSub};
use serde_json::json;

use super::{Here, within};
use kilonova_test::erlang::{Node, is_installed};

#[actix::test]
async fn a_broadcast_crosses_both_ways() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    let mut posts = here.pubsub.subscribe(["posts"]).await.unwrap();
    nova.is("register(m, probe:start([posts, comments])), probe:await(posts, 2)", "ok");
    here.await_members("comments", 1).await;

    nova.is("nova_pubsub:broadcast(posts, \"post_created\", #{id => 1, <<\"t\">> => [a]})", "ok");
    let heard = within(posts.next()).await.unwrap();
    assert_eq!((heard.topic(), heard.sender().origin()), ("post_created", Some("erlang")));
    assert_eq!(*heard.payload(), json!({"id": 1, "t": ["a"]}));
    assert_eq!((&*heard.sender().node, heard.sender().is_remote()), (nova.name(), true));
    assert_eq!(heard.position(), None);

    let payload = Payload::from(json!({"id": 7, "title": "é", "gone": null}));
    here.pubsub.broadcast("comments", "comment_created", payload).await.unwrap();
    nova.is(
        "lists:last(probe:heard(whereis(m), 2)) =:= {comments, <<\"comment_created\">>, \
         #{<<\"id\">> => 7, <<\"title\">> => <<195,169>>, <<\"gone\">> => null}}",
        "true",
    );
    nova.lives();
}

#[actix::test]
async fn a_broadcast_crosses_once_for_all_members_here() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    let mut one = here.pubsub.subscribe(["posts", "posts"]).await.unwrap();
    nova.is("probe:await(posts, 1)", "ok");
    nova.is("nova_pubsub:broadcast(posts, <<\"t\">>, 1)", "ok");
    nova.is("nova_pubsub:broadcast(posts, <<\"end\">>, 2)", "ok");
    let topics = async |subscription: &mut kilonova_pubsub::Subscription| {
        let mut topics = Vec::new();
        for _ in 0..4 {
            topics.push(within(subscription.next()).await.unwrap().topic().to_owned());
        }
        topics
    };
    assert_eq!(topics(&mut one).await, ["t", "t", "end", "end"]);
}

#[actix::test]
async fn messages_that_are_not_shared_do_not_cross() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    nova.is("register(m, probe:start([posts, system, users])), probe:await(posts, 2)", "ok");
    here.await_members("posts", 1).await;
    let mut posts = here.pubsub.subscribe(["posts", "system"]).await.unwrap();
    here.pubsub.broadcast("system", "deploy", Payload::null()).await.unwrap();
    here.pubsub.local_broadcast("posts", "local", Payload::null()).await.unwrap();
    publish(&here.pubsub).await;
    here.erlang.broadcast(Envelope::new("users", "logged_in", Payload::null()));
    here.pubsub.broadcast("posts", "end", Payload::null()).await.unwrap();
    nova.is("probe:heard(whereis(m), 1)", "[{posts,<<\"end\">>,null}]");
    for expected in ["deploy", "local", "published", "end"] {
        assert_eq!(within(posts.next()).await.unwrap().topic(), expected);
    }
    nova.is("nova_pubsub:broadcast(system, \"deploy\", #{})", "ok");
    // Payloads that JSON cannot represent do not arrive either.
    nova.is("nova_pubsub:broadcast(posts, \"tuple\", {1, 2})", "ok");
    nova.is("nova_pubsub:broadcast(posts, \"pid\", #{pid => self()})", "ok");
    nova.is("nova_pubsub:broadcast(posts, \"end\", #{})", "ok");
    assert_eq!(within(posts.next()).await.unwrap().topic(), "end");
    nova.is("length(pg:get_members(nova_scope, system))", "1");
}

async fn publish(pubsub: &PubSub) {
    pubsub.publish(Envelope::new("posts", "published", Payload::null())).await.unwrap();
}

#[actix::test]
async fn a_broadcast_of_one_erlang_node_is_not_forwarded_to_another() {
    if !is_installed() {
        return;
    }
    let (mut one, mut other) = (Node::start("one"), Node::start("other"));
    let here = Here::start(&[one.peer(), other.peer()]);
    let mut posts = here.pubsub.subscribe(["posts"]).await.unwrap();
    for node in [&mut one, &mut other] {
        node.is("register(m, probe:start([posts])), probe:await(posts, 2)", "ok");
    }
    here.await_members("posts", 3).await;
    one.is("nova_pubsub:broadcast(posts, \"from_one\", 1)", "ok");
    assert_eq!(within(posts.next()).await.unwrap().topic(), "from_one");
    here.pubsub.broadcast("posts", "from_here", Payload::null()).await.unwrap();
    other.is("probe:heard(whereis(m), 1)", "[{posts,<<\"from_here\">>,null}]");
    one.is("length(probe:heard(whereis(m), 2))", "2");
}

#[actix::test]
async fn a_flood_arrives_in_order_and_its_losses_are_bounded() {
    if !is_installed() {
        return;
    }
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    let mut posts = here.pubsub.subscribe_with_capacity(100_000, ["posts"]).await.unwrap();
    nova.is("register(m, probe:start([posts])), probe:await(posts, 2)", "ok");
    here.await_members("posts", 2).await;
    nova.is("probe:flood(posts, 20000, #{})", "ok");
    let mut last = 0;
    'heard: loop {
        // This one may be lost too, while many broadcasts wait.
        nova.is("nova_pubsub:broadcast(posts, \"end\", 1)", "ok");
        while let Ok(Some(heard)) =
            tokio::time::timeout(Duration::from_millis(500), posts.next()).await
        {
            if heard.topic() == "end" {
                break 'heard;
            }
            let n = heard.payload().decode::<serde_json::Value>().unwrap()["n"].as_u64().unwrap();
            assert!(n > last, "{n} behind {last}");
            last = n;
        }
    }
    assert!(last > 1_000, "{last}");
    nova.lives();
}
