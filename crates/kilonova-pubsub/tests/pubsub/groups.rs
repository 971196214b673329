//! Joining, leaving and the lists.

use actix::Arbiter;
use kilonova_pubsub::{LeaveError, PubSub};

use kilonova_test::member::{Probe, barrier, count, say};

#[actix::test]
async fn double_join() {
    let pubsub = PubSub::start("node");
    let mut member = Probe::start();
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    assert_eq!(count(&pubsub, "notes").await, 2);

    say(&pubsub, "notes", "twice").await;
    assert_eq!([member.topic().await, member.topic().await], ["twice", "twice"]);

    pubsub.leave("notes", member.addr.clone()).await.unwrap();
    say(&pubsub, "notes", "once").await;
    barrier(&pubsub).await;
    assert_eq!(member.topics().await, ["once"]);

    pubsub.leave("notes", member.addr.clone()).await.unwrap();
    let third = pubsub.leave("notes", member.addr.clone()).await;
    assert_eq!(third, Err(LeaveError::NotJoined));
}

#[actix::test]
async fn leave_without_join() {
    let pubsub = PubSub::start("node");
    let (inside, outside) = (Probe::start(), Probe::start());
    pubsub.join("notes", inside.addr.clone()).await.unwrap();
    for channel in ["notes", "no such channel"] {
        let left = pubsub.leave(channel, outside.addr.clone()).await;
        assert_eq!(left, Err(LeaveError::NotJoined));
    }
    assert_eq!(count(&pubsub, "notes").await, 1);
}

#[actix::test]
async fn empty_channel_gone() {
    let pubsub = PubSub::start("node");
    let member = Probe::start();
    assert!(pubsub.which_groups().await.unwrap().is_empty());
    assert!(pubsub.get_members("notes").await.unwrap().is_empty());

    pubsub.join("notes", member.addr.clone()).await.unwrap();
    pubsub.join("", member.addr.clone()).await.unwrap();
    let mut channels = pubsub.which_groups().await.unwrap();
    channels.sort();
    assert_eq!(channels, ["", "notes"]);

    pubsub.leave("notes", member.addr.clone()).await.unwrap();
    assert_eq!(pubsub.which_groups().await.unwrap(), [""]);
}

#[actix::test]
async fn listing_does_not_create_channels() {
    let pubsub = PubSub::start("node");
    count(&pubsub, "notes").await;
    say(&pubsub, "posts", "to nobody").await;
    let _monitor = pubsub.monitor("users").await.unwrap();
    assert!(pubsub.which_groups().await.unwrap().is_empty());
}

#[actix::test]
async fn members_are_those_that_joined() {
    let pubsub = PubSub::start("here");
    let (ann, bob) = (Probe::start(), Probe::start());
    pubsub.join("notes", ann.addr.clone()).await.unwrap();
    pubsub.join("posts", bob.addr.clone()).await.unwrap();

    let members = pubsub.get_members("notes").await.unwrap();
    assert_eq!(members, pubsub.get_local_members("notes").await.unwrap());
    assert_ne!(members, pubsub.get_local_members("posts").await.unwrap());
    let [member] = members.as_slice() else { panic!("one member, not {members:?}") };
    assert_eq!(member.node(), "here");
    assert_eq!(member.recipient(), Some(&ann.recipient()));
}

#[actix::test]
async fn registries_share_nothing() {
    let (one, other) = (PubSub::start("one"), PubSub::start("other"));
    let member = Probe::start();
    one.join("notes", member.addr.clone()).await.unwrap();
    assert_eq!(count(&other, "notes").await, 0);
    assert_eq!((one.node(), other.node()), ("one", "other"));
}

#[actix::test]
async fn usable_from_every_arbiter() {
    fn everywhere<T: Send + Sync + 'static>(_: &T) {}

    let arbiter = Arbiter::new();
    let pubsub = PubSub::start_in(&arbiter.handle(), "node");
    everywhere(&pubsub);
    let mut member = Probe::start();
    let elsewhere = Arbiter::new();
    let (remote, recipient) = (pubsub.clone(), member.recipient());
    elsewhere.spawn(async move {
        remote.join("notes", recipient).await.unwrap();
        say(&remote, "notes", "from afar").await;
    });
    assert_eq!(member.topic().await, "from afar");
    assert_eq!(count(&pubsub, "notes").await, 1);
    arbiter.stop();
    elsewhere.stop();
}
