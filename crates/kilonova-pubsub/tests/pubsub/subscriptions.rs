//! Receiving without an actor.

use std::thread;

use futures_util::StreamExt;
use kilonova_pubsub::{Change, JoinError, LeaveError, PubSub, Subscription};

use kilonova_test::member::{at_once, barrier, count, say, soon};

/// The topics that are buffered now.
fn buffered(subscription: &mut Subscription) -> Vec<String> {
    std::iter::from_fn(|| subscription.next_buffered()).map(|e| e.topic().to_owned()).collect()
}

#[actix::test]
async fn a_subscription_hears_all_its_channels_in_order() {
    let pubsub = PubSub::start("node");
    let mut subscription = pubsub.subscribe(["notes", "posts"]).await.unwrap();
    say(&pubsub, "notes", "1").await;
    say(&pubsub, "elsewhere", "unheard").await;
    say(&pubsub, "posts", "2").await;
    assert_eq!(soon(subscription.next()).await.unwrap().topic(), "1");
    let second = soon(StreamExt::next(&mut subscription)).await.unwrap();
    assert_eq!((second.topic(), second.channel().as_str()), ("2", "posts"));
    assert!(subscription.next_buffered().is_none());
}

#[test]
fn a_subscription_works_on_a_thread_without_actix() {
    fn movable<T: Send + Unpin + 'static>(_: &T) {}

    let system = actix::System::new();
    system.block_on(async {
        let arbiter = actix::Arbiter::new();
        let pubsub = PubSub::start_in(&arbiter.handle(), "node");
        let elsewhere = thread::spawn({
            let pubsub = pubsub.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    let mut subscription = pubsub.subscribe(["notes"]).await.unwrap();
                    movable(&subscription);
                    say(&pubsub, "notes", "from a plain thread").await;
                    subscription.next().await.unwrap().topic().to_owned()
                })
            }
        });
        assert_eq!(elsewhere.join().unwrap(), "from a plain thread");
        assert_eq!(count(&pubsub, "notes").await, 0);
        arbiter.stop();
    });
}

#[actix::test]
async fn a_subscription_is_a_member() {
    let pubsub = PubSub::start("here");
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    let subscription = pubsub.subscribe(["notes"]).await.unwrap();
    let members = pubsub.get_members("notes").await.unwrap();
    let [member] = &members[..] else { panic!("one member, not {members:?}") };
    assert_eq!((member.node(), member.recipient()), ("here", None));
    assert_eq!(at_once(monitor.next()), Some(Change::Joined(member.clone())));

    let other = pubsub.subscribe(["notes"]).await.unwrap();
    let members = pubsub.get_members("notes").await.unwrap();
    assert_ne!(members[0], members[1]);
    drop((subscription, other));
    assert_eq!(count(&pubsub, "notes").await, 0);
}

#[actix::test]
async fn a_dropped_subscription_has_left_all_channels_at_once() {
    let pubsub = PubSub::start("node");
    let subscription = pubsub.subscribe(["notes", "posts", "notes"]).await.unwrap();
    let mut monitor = pubsub.monitor("posts").await.unwrap();
    assert_eq!(count(&pubsub, "notes").await, 2);
    drop(subscription);
    barrier(&pubsub).await;
    assert!(matches!(at_once(monitor.next()), Some(Change::Left(_))));
    assert!(pubsub.which_groups().await.unwrap().is_empty());
}

#[actix::test]
async fn a_subscription_joins_and_leaves_while_it_lives() {
    let pubsub = PubSub::start("node");
    let mut subscription = pubsub.subscribe(["notes"]).await.unwrap();
    subscription.join("notes").await.unwrap();
    say(&pubsub, "notes", "twice").await;
    subscription.leave("notes").await.unwrap();
    say(&pubsub, "notes", "once").await;
    subscription.leave("notes").await.unwrap();
    assert_eq!(subscription.leave("notes").await, Err(LeaveError::NotJoined));
    say(&pubsub, "notes", "unheard").await;
    assert!(pubsub.which_groups().await.unwrap().is_empty());

    // It is in no channel, but stays open.
    subscription.join("posts").await.unwrap();
    say(&pubsub, "posts", "again").await;
    barrier(&pubsub).await;
    assert_eq!(buffered(&mut subscription), ["twice", "twice", "once", "again"]);
}

#[actix::test]
async fn a_subscription_to_no_channel_waits_for_one() {
    let pubsub = PubSub::start("node");
    let mut subscription = pubsub.subscribe([""; 0]).await.unwrap();
    assert!(pubsub.which_groups().await.unwrap().is_empty());
    subscription.join("notes").await.unwrap();
    say(&pubsub, "notes", "heard").await;
    assert_eq!(soon(subscription.next()).await.unwrap().topic(), "heard");
}

#[actix::test]
async fn a_full_buffer_misses_and_says_so_before_anything_newer() {
    let pubsub = PubSub::start("node");
    let mut subscription = pubsub.subscribe_with_capacity(3, ["notes", "posts"]).await.unwrap();
    for n in 0..5 {
        say(&pubsub, "notes", &n.to_string()).await;
    }
    say(&pubsub, "posts", "5").await;
    barrier(&pubsub).await;
    assert_eq!(buffered(&mut subscription), ["0", "1", "2"]);

    say(&pubsub, "posts", "6").await;
    barrier(&pubsub).await;
    let notice = subscription.next_buffered().unwrap();
    assert_eq!((notice.lagged(), notice.channel().as_str()), (Some(3), "notes"));
    assert_eq!(buffered(&mut subscription), ["6"]);
}

#[actix::test]
async fn a_gap_on_a_quiet_channel_is_told_without_a_message() {
    let pubsub = PubSub::start("node");
    let mut subscription = pubsub.subscribe_with_capacity(0, ["notes"]).await.unwrap();
    for n in 0..5 {
        say(&pubsub, "notes", &n.to_string()).await;
    }
    barrier(&pubsub).await;
    assert_eq!(soon(subscription.next()).await.unwrap().topic(), "0");
    assert_eq!(soon(subscription.next()).await.unwrap().lagged(), Some(4));
}

#[actix::test]
async fn a_subscription_refused_one_channel_has_joined_none() {
    let pubsub = PubSub::builder("node").max_channels(2).start();
    let refused = pubsub.subscribe(["a", "b", "c"]).await;
    assert_eq!(refused.err(), Some(JoinError::TooManyChannels));
    assert!(pubsub.which_groups().await.unwrap().is_empty());
    let subscription = pubsub.subscribe(["a", "b"]).await.unwrap();
    assert_eq!(subscription.join("c").await, Err(JoinError::TooManyChannels));
}

#[actix::test]
async fn a_subscription_ends_with_its_registry_after_what_is_buffered() {
    let pubsub = PubSub::start("node");
    let mut subscription = pubsub.subscribe(["notes"]).await.unwrap();
    say(&pubsub, "notes", "last").await;
    drop(pubsub);
    assert_eq!(soon(subscription.next()).await.unwrap().topic(), "last");
    assert!(soon(subscription.next()).await.is_none());
    assert_eq!(subscription.join("notes").await, Err(JoinError::Stopped));
    assert_eq!(subscription.leave("notes").await, Err(LeaveError::Stopped));
}

#[actix::test]
async fn an_abandoned_subscribe_request_leaves_no_member_behind() {
    let pubsub = PubSub::start("node");
    for _ in 0..200 {
        let asked = pubsub.subscribe(["notes"]);
        let mut asked = std::pin::pin!(asked);
        tokio::select! {
            biased;
            _ = &mut asked => {}
            () = std::future::ready(()) => {}
        }
    }
    barrier(&pubsub).await;
    // The registry has dropped each subscription by now, and their leaves come before this request.
    assert_eq!(count(&pubsub, "notes").await, 0);
}
