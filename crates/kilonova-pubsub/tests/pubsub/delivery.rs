//! Which members get which messages, and in which order.

use kilonova_pubsub::{Envelope, Payload, PubSub};

use kilonova_test::member::{Probe, barrier, say};

#[actix::test]
async fn self_delivery() {
    let pubsub = PubSub::start("node");
    let (mut ann, mut bob) = (Probe::start(), Probe::start());
    pubsub.join("notes", ann.addr.clone()).await.unwrap();
    pubsub.join("notes", bob.addr.clone()).await.unwrap();

    say(&pubsub.sent_by(ann.addr.clone()), "notes", "mine").await;
    for member in [&mut ann, &mut bob] {
        let envelope = member.next().await;
        assert_eq!(envelope.topic(), "mine");
    }
}

#[actix::test]
async fn sender_is_named() {
    let pubsub = PubSub::start("here");
    let (mut ann, bob) = (Probe::start(), Probe::start());
    pubsub.join("notes", ann.addr.clone()).await.unwrap();

    say(&pubsub.sent_by(bob.addr.clone()), "notes", "from bob").await;
    let envelope = ann.next().await;
    assert!(envelope.sender().is(&bob.recipient()));
    assert!(!envelope.sender().is(&ann.recipient()));
    assert_eq!(&*envelope.sender().node, "here");

    say(&pubsub, "notes", "from nobody").await;
    let envelope = ann.next().await;
    assert!(envelope.sender().member.is_none());
    assert_eq!(&*envelope.sender().node, "here");
}

#[actix::test]
async fn sender_order() {
    const MESSAGES: usize = 500;
    let pubsub = PubSub::start("node");
    let mut member = Probe::with_capacity(2 * MESSAGES);
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    for n in 0..MESSAGES {
        let (topic, nothing) = (n.to_string(), Payload::null());
        match n % 4 {
            0 => pubsub.broadcast("notes", topic, nothing).await.unwrap(),
            1 => pubsub.try_broadcast("notes", topic, nothing).unwrap(),
            2 => pubsub.local_broadcast("notes", topic, nothing).await.unwrap(),
            _ => pubsub.publish(Envelope::new("notes", topic, nothing)).await.unwrap(),
        }
    }
    for n in 0..MESSAGES {
        assert_eq!(member.topic().await, n.to_string());
    }
}

#[actix::test]
async fn large_broadcasts_leave_the_members_no_time() {
    const MESSAGES: usize = 100;
    // Everything runs on one thread, and mailboxes hold far fewer messages than wait in the
    // registry.
    let pubsub = PubSub::start("node");
    let mut members: Vec<_> = (0..1000).map(|_| Probe::with_capacity(16)).collect();
    for member in &members {
        pubsub.join("notes", member.addr.clone()).await.unwrap();
    }
    for n in 0..MESSAGES {
        pubsub.try_broadcast("notes", n.to_string(), Payload::null()).unwrap();
    }
    for member in members.iter_mut().step_by(100) {
        for n in 0..MESSAGES {
            assert_eq!(member.topic().await, n.to_string());
        }
    }
}

#[actix::test]
async fn only_members_of_the_channel() {
    let pubsub = PubSub::start("node");
    let mut member = Probe::start();
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    say(&pubsub, "posts", "elsewhere").await;
    say(&pubsub, "note", "elsewhere").await;
    say(&pubsub, "notes", "here").await;
    barrier(&pubsub).await;
    assert_eq!(member.topics().await, ["here"]);
}

#[actix::test]
async fn payload_and_position_arrive() {
    let pubsub = PubSub::start("node");
    let mut member = Probe::start();
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    let payload = Payload::encode(&serde_json::json!({"id": 7})).unwrap();
    let envelope = Envelope::new("notes", "note_created", payload).with_position(41);
    pubsub.publish(envelope).await.unwrap();

    let envelope = member.next().await;
    assert_eq!(envelope.channel(), &"notes");
    assert_eq!(envelope.position(), Some(41));
    assert_eq!(envelope.payload().as_json(), r#"{"id":7}"#);
    assert_eq!(envelope.lagged(), None);
}

#[actix::test]
async fn plain_thread_broadcasts() {
    let pubsub = PubSub::start("node");
    let mut member = Probe::start();
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    let remote = pubsub.clone();
    let thread =
        std::thread::spawn(move || remote.try_broadcast("notes", "hello", Payload::null()));
    assert_eq!(member.topic().await, "hello");
    thread.join().unwrap().unwrap();
}
