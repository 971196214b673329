//! Mailboxes that are full: the members' and the registry's.

use std::sync::mpsc;

use actix::Arbiter;
use kilonova_pubsub::{Envelope, Payload, PubSub, TryBroadcastError};
use tokio::sync::oneshot;

use kilonova_test::member::{Probe, barrier, say, soon};

const SENT: u64 = 50;

/// A member with a small mailbox that missed some of `SENT` messages, the number it got, and its
/// notice.
async fn lagging(pubsub: &PubSub) -> (Probe, u64, Envelope) {
    let mut member = Probe::with_capacity(4);
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    let release = member.hold().await;
    for n in 0..SENT {
        say(pubsub, "notes", &n.to_string()).await;
    }
    barrier(pubsub).await;
    drop(release);
    let mut got = 0;
    loop {
        let envelope = member.next().await;
        if envelope.lagged().is_some() {
            return (member, got, envelope);
        }
        assert_eq!(envelope.topic(), got.to_string());
        got += 1;
    }
}

/// A member of "notes", where it missed messages, and of "posts". It gets its notice once released.
async fn gap_in_one_of_two_channels(pubsub: &PubSub) -> (Probe, oneshot::Sender<()>) {
    let member = Probe::with_capacity(4);
    for channel in ["notes", "posts"] {
        pubsub.join(channel, member.addr.clone()).await.unwrap();
    }
    let release = member.hold().await;
    for _ in 0..SENT {
        say(pubsub, "notes", "old").await;
    }
    barrier(pubsub).await;
    (member, release)
}

#[actix::test]
async fn full_mailbox_lagged_once() {
    let pubsub = PubSub::start("node");
    // Nothing is sent after the gap: the notice arrives without a further message.
    let (mut member, got, notice) = lagging(&pubsub).await;
    assert!((1..10).contains(&got), "a mailbox of 4 held {got}");
    assert_eq!(notice.lagged(), Some(SENT - got));
    assert_eq!(notice.channel(), &"notes");
    assert!(notice.sender().member.is_none());

    say(&pubsub, "notes", "newer").await;
    let newer = member.next().await;
    assert_eq!((newer.topic(), newer.lagged()), ("newer", None));
}

#[actix::test]
async fn lagged_before_anything_newer() {
    let pubsub = PubSub::start("node");
    let mut member = Probe::with_capacity(4);
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    pubsub.join("posts", member.addr.clone()).await.unwrap();
    let release = member.hold().await;
    for n in 0..SENT {
        say(&pubsub, if n % 2 == 0 { "notes" } else { "posts" }, "old").await;
    }
    barrier(&pubsub).await;
    drop(release);

    let mut accounted = 0;
    while accounted < SENT {
        let envelope = member.next().await;
        say(&pubsub, "posts", "newer").await;
        if let Some(missed) = envelope.lagged() {
            accounted += missed;
        } else {
            assert_eq!(envelope.topic(), "old", "newer overtook the notice");
            accounted += 1;
        }
    }
}

#[actix::test]
async fn slow_member_does_not_hold_up_others() {
    let pubsub = PubSub::start("node");
    let (slow, mut quick) = (Probe::with_capacity(1), Probe::with_capacity(1000));
    pubsub.join("notes", slow.addr.clone()).await.unwrap();
    pubsub.join("notes", quick.addr.clone()).await.unwrap();
    let release = slow.hold().await;
    for n in 0..SENT {
        say(&pubsub, "notes", &n.to_string()).await;
    }
    for n in 0..SENT {
        assert_eq!(quick.topic().await, n.to_string());
    }
    drop(release);
}

#[actix::test]
async fn each_gap_is_told() {
    let pubsub = PubSub::start("node");
    let (mut member, _, _) = lagging(&pubsub).await;
    let release = member.hold().await;
    for _ in 0..SENT {
        say(&pubsub, "notes", "again").await;
    }
    barrier(&pubsub).await;
    drop(release);
    let mut accounted = 0;
    while accounted < SENT {
        accounted += member.next().await.lagged().unwrap_or(1);
    }
    assert_eq!(accounted, SENT);
}

#[actix::test]
async fn gap_outlives_one_of_two_channels() {
    let pubsub = PubSub::start("node");
    let (mut member, release) = gap_in_one_of_two_channels(&pubsub).await;
    pubsub.leave("notes", member.addr.clone()).await.unwrap();
    drop(release);
    while member.next().await.lagged().is_none() {}
}

#[actix::test]
async fn gap_ends_with_the_last_channel() {
    let pubsub = PubSub::start("node");
    let (mut member, release) = gap_in_one_of_two_channels(&pubsub).await;
    pubsub.leave("notes", member.addr.clone()).await.unwrap();
    pubsub.leave("posts", member.addr.clone()).await.unwrap();
    pubsub.join("posts", member.addr.clone()).await.unwrap();
    for _ in 0..SENT {
        say(&pubsub, "posts", "new").await;
    }
    barrier(&pubsub).await;
    drop(release);
    // A new clone of its address may have had room for one message.
    let mut heard = 0;
    let missed = loop {
        let envelope = member.next().await;
        match envelope.lagged() {
            Some(missed) => break missed,
            None => heard += u64::from(envelope.topic() == "new"),
        }
    };
    assert_eq!(heard + missed, SENT, "the notice counts messages from before it rejoined");
}

#[actix::test]
async fn notice_cannot_be_faked() {
    let pubsub = PubSub::start("node");
    let (_member, _, notice) = lagging(&pubsub).await;
    let mut other = Probe::start();
    pubsub.join("notes", other.addr.clone()).await.unwrap();
    say(&pubsub, "notes", "lagged").await;
    pubsub.publish(notice).await.unwrap();
    for _ in 0..2 {
        assert_eq!(other.next().await.lagged(), None);
    }
}

#[actix::test]
async fn busy_registry_pushes_back() {
    let arbiter = Arbiter::new();
    let pubsub = PubSub::start_in(&arbiter.handle(), "node");
    let mut member = Probe::with_capacity(5000);
    pubsub.join("notes", member.addr.clone()).await.unwrap();

    let (release, held) = mpsc::channel::<()>();
    let (holding, is_held) = oneshot::channel();
    arbiter.spawn_fn(move || {
        holding.send(()).ok();
        held.recv().ok();
    });
    is_held.await.unwrap();

    let mut room: u64 = 0;
    let full = loop {
        match pubsub.clone().try_broadcast("notes", room.to_string(), Payload::null()) {
            Ok(()) => room += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((full, room), (TryBroadcastError::Full, 1024));

    let waiting = pubsub.broadcast("notes", room.to_string(), Payload::null());
    let mut waiting = std::pin::pin!(waiting);
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("a full mailbox took one more"),
        () = std::future::ready(()) => {}
    }
    drop(release);
    soon(waiting).await.unwrap();
    for n in 0..=room {
        assert_eq!(member.topic().await, n.to_string());
    }
    arbiter.stop();
}
