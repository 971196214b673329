//! The limit on the number of channels.

use actix::Arbiter;
use kilonova_pubsub::{JoinError, PubSub};

use kilonova_test::member::{Die, Probe, barrier, count, say};

#[actix::test]
async fn one_channel_too_many() {
    let pubsub = PubSub::builder("node").max_channels(2).start();
    let (mut ann, bob) = (Probe::start(), Probe::start());
    for channel in ["notes", "posts"] {
        pubsub.join(channel, ann.addr.clone()).await.unwrap();
    }
    let refused = pubsub.join("users", ann.addr.clone()).await;
    assert_eq!(refused, Err(JoinError::TooManyChannels));

    // Existing channels keep working: others join, messages arrive, and the refused join left
    // nothing behind.
    pubsub.join("notes", bob.addr.clone()).await.unwrap();
    pubsub.join("notes", ann.addr.clone()).await.unwrap();
    assert_eq!((count(&pubsub, "notes").await, count(&pubsub, "users").await), (3, 0));
    say(&pubsub, "users", "to nobody").await;
    say(&pubsub, "posts", "heard").await;
    barrier(&pubsub).await;
    assert_eq!(ann.topics().await, ["heard"]);
}

#[actix::test]
async fn room_for_a_channel_comes_back() {
    let arbiter = Arbiter::new();
    let pubsub = PubSub::builder("node").max_channels(1).start_in(&arbiter.handle());
    let (mut ann, bob) = (Probe::start(), Probe::start());
    ann.keep(pubsub.lifeline(ann.addr.clone())).await;
    pubsub.join("notes", bob.addr.clone()).await.unwrap();
    pubsub.leave("notes", bob.addr.clone()).await.unwrap();
    pubsub.join("posts", ann.addr.clone()).await.unwrap();
    let refused = pubsub.join("notes", bob.addr.clone()).await;
    assert_eq!(refused, Err(JoinError::TooManyChannels));

    ann.die(Die::Panic).await;
    pubsub.join("notes", bob.addr.clone()).await.unwrap();
    assert_eq!(pubsub.which_groups().await.unwrap(), ["notes"]);
    arbiter.stop();
}
