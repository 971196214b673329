//! Watching a channel.

use kilonova_pubsub::{Change, PubSub};

use kilonova_test::member::{Die, Probe, barrier, soon};

#[actix::test]
async fn nothing_between_list_and_changes() {
    let pubsub = PubSub::start("node");
    let (ann, mut bob) = (Probe::start(), Probe::start());
    pubsub.join("notes", ann.addr.clone()).await.unwrap();
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    assert_eq!(monitor.channel(), &"notes");
    assert_eq!(monitor.members(), pubsub.get_members("notes").await.unwrap());
    let ann_member = monitor.members()[0].clone();

    pubsub.join("notes", bob.addr.clone()).await.unwrap();
    pubsub.join("posts", bob.addr.clone()).await.unwrap();
    let bob_member = pubsub.get_members("posts").await.unwrap()[0].clone();
    pubsub.join("notes", bob.addr.clone()).await.unwrap();
    pubsub.leave("notes", ann.addr.clone()).await.unwrap();
    bob.die(Die::Stop).await;
    barrier(&pubsub).await;

    let expected = [
        Change::Joined(bob_member.clone()),
        Change::Joined(bob_member.clone()),
        Change::Left(ann_member),
        Change::Left(bob_member.clone()),
        Change::Left(bob_member),
    ];
    for change in expected {
        assert_eq!(soon(monitor.next()).await, Some(change));
    }
}

#[actix::test]
async fn channel_may_come_and_go() {
    let pubsub = PubSub::start("node");
    let member = Probe::start();
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    assert!(monitor.members().is_empty());
    for _ in 0..2 {
        pubsub.join("notes", member.addr.clone()).await.unwrap();
        pubsub.leave("notes", member.addr.clone()).await.unwrap();
        assert!(matches!(soon(monitor.next()).await, Some(Change::Joined(_))));
        assert!(matches!(soon(monitor.next()).await, Some(Change::Left(_))));
    }
}

#[actix::test]
async fn dead_before_monitoring() {
    let pubsub = PubSub::start("node");
    let (mut dead, alive) = (Probe::start(), Probe::start());
    pubsub.join("notes", dead.addr.clone()).await.unwrap();
    pubsub.join("notes", alive.addr.clone()).await.unwrap();
    dead.die(Die::Panic).await;
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    assert_eq!(monitor.members().len(), 1);
    pubsub.leave("notes", alive.addr.clone()).await.unwrap();
    let left = Change::Left(monitor.members()[0].clone());
    assert_eq!(soon(monitor.next()).await, Some(left), "an old death is reported");
}

#[actix::test]
async fn monitor_that_falls_behind_ends() {
    let pubsub = PubSub::start("node");
    let member = Probe::start();
    let mut behind = pubsub.monitor("notes").await.unwrap();
    let mut reading = pubsub.monitor("notes").await.unwrap();
    for _ in 0..600 {
        pubsub.join("notes", member.addr.clone()).await.unwrap();
        pubsub.leave("notes", member.addr.clone()).await.unwrap();
        assert!(matches!(soon(reading.next()).await, Some(Change::Joined(_))));
        assert!(matches!(soon(reading.next()).await, Some(Change::Left(_))));
    }
    let mut kept = 0;
    while soon(behind.next()).await.is_some() {
        kept += 1;
    }
    assert_eq!(kept, 1024);
}
