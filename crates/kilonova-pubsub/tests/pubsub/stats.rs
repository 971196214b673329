//! The counts of the process groups.

use kilonova_pubsub::{PubSub, Stats};
use kilonova_test::member::{Probe, barrier, say, soon};

/// Waits until the registry has published counts that satisfy `reached`.
async fn until(pubsub: &PubSub, reached: impl Fn(&Stats) -> bool) -> Stats {
    soon(async {
        while !reached(&pubsub.stats()) {
            tokio::task::yield_now().await;
        }
        pubsub.stats()
    })
    .await
}

#[actix::test]
async fn members_and_channels_are_counted_once() {
    let pubsub = PubSub::start("node");
    let (one, other) = (Probe::start(), Probe::start());
    for channel in ["notes", "posts"] {
        pubsub.join(channel, one.addr.clone()).await.unwrap();
    }
    pubsub.join("notes", other.addr.clone()).await.unwrap();
    let stats = until(&pubsub, |stats| stats.local_members == 2).await;
    assert_eq!((stats.channels, stats.remote_members, stats.peers), (2, 0, 0));
    assert_eq!((stats.missed, stats.waiting), (0, 0));
    for channel in ["notes", "posts"] {
        pubsub.leave(channel, one.addr.clone()).await.unwrap();
    }
    let stats = until(&pubsub, |stats| stats.local_members == 1).await;
    assert_eq!(stats.channels, 1);
}

#[actix::test]
async fn messages_for_full_mailboxes_are_counted() {
    let pubsub = PubSub::start("node");
    let member = Probe::with_capacity(4);
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    let release = member.hold().await;
    for n in 0..50 {
        say(&pubsub, "notes", &n.to_string()).await;
    }
    barrier(&pubsub).await;
    let stats = until(&pubsub, |stats| stats.missed > 0).await;
    assert!((40..50).contains(&stats.missed), "{}", stats.missed);
    drop(release);
}
