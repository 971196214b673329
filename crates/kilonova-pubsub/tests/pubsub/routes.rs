//! Members that receive messages from their thread's dispatcher, without a mailbox each.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Arbiter, Context, Handler};
use kilonova_pubsub::{Dispatcher, Envelope, Payload, PubSub, Receive, Receiving};
use kilonova_test::member::{Probe, barrier, count, say, soon};
use tokio::sync::oneshot;

/// A member that records topics, and `lagged N` for a notice.
#[derive(Default)]
struct Ear {
    heard: RefCell<Vec<String>>,
    unflushed: Cell<bool>,
    flushes: Cell<usize>,
    panics: Cell<bool>,
    failed: Cell<bool>,
}

impl Receive for Ear {
    fn receive(&self, envelopes: &[Envelope]) -> bool {
        assert!(!self.panics.get(), "this panic is part of the test");
        self.heard.borrow_mut().extend(envelopes.iter().map(|envelope| match envelope.lagged() {
            Some(missed) => format!("lagged {missed}"),
            None => envelope.topic().to_owned(),
        }));
        !self.unflushed.replace(true)
    }

    fn flush(&self) {
        assert!(self.unflushed.replace(false), "there is nothing to pass on");
        self.flushes.set(self.flushes.get() + 1);
    }

    fn fail(&self) {
        self.failed.set(true);
    }
}

struct Routed {
    ear: Rc<Ear>,
    actor: Probe,
    receiving: Receiving,
}

impl Routed {
    async fn join(pubsub: &PubSub, channels: &[&str]) -> Routed {
        let (ear, actor) = (Rc::<Ear>::default(), Probe::start());
        let receiving = Dispatcher::current().register(Rc::clone(&ear) as Rc<dyn Receive>);
        for channel in channels {
            let route = receiving.route().clone();
            pubsub.join_by(*channel, actor.addr.clone(), route, None).await.unwrap();
        }
        Routed { ear, actor, receiving }
    }

    fn heard(&self) -> Vec<String> {
        self.ear.heard.take()
    }
}

/// Returns when the members of this thread have received everything sent before.
async fn turn(pubsub: &PubSub) {
    barrier(pubsub).await;
    let turn = Dispatcher::current().post().turn().unwrap();
    assert!(soon(turn).await.is_err(), "the turn is dropped");
}

#[actix::test]
async fn routed_members_get_every_message_once_in_order_and_others_too() {
    let pubsub = PubSub::start("node");
    let mut members = Vec::new();
    for _ in 0..200 {
        members.push(Routed::join(&pubsub, &["a", "b"]).await);
    }
    let mut other = Probe::start();
    pubsub.join("a", other.addr.clone()).await.unwrap();
    // A member that joins twice gets everything twice.
    let twice = &members[7];
    let route = twice.receiving.route().clone();
    pubsub.join_by("b", twice.actor.addr.clone(), route, None).await.unwrap();

    let mut expected = Vec::new();
    for n in 0..20 {
        let channel = if n % 3 == 0 { "b" } else { "a" };
        say(&pubsub, channel, &n.to_string()).await;
        expected.push((channel, n.to_string()));
    }
    turn(&pubsub).await;
    for (n, member) in members.iter().enumerate() {
        let times = |channel| if n == 7 && channel == "b" { 2 } else { 1 };
        let all = expected.iter().flat_map(|(channel, topic)| vec![topic.clone(); times(*channel)]);
        assert_eq!(member.heard(), all.collect::<Vec<_>>());
    }
    for (_, topic) in expected.iter().filter(|(channel, _)| *channel == "a") {
        assert_eq!(other.next().await.topic(), topic);
    }
    assert_eq!(count(&pubsub, "a").await, 201);
}

#[actix::test]
async fn a_member_of_several_channels_passes_on_together_what_was_sent_together() {
    let pubsub = PubSub::start("node");
    let both = Routed::join(&pubsub, &["a", "b"]).await;
    let one = Routed::join(&pubsub, &["b"]).await;
    // A member that joined twice is sent to directly, but still in order.
    let twice = Routed::join(&pubsub, &["a", "b", "b"]).await;
    let envelopes = (0..10).map(|n| {
        let channel = if n % 2 == 0 { "a" } else { "b" };
        Envelope::new(channel, n.to_string(), Payload::null())
    });
    pubsub.publish_all(envelopes.collect()).await.unwrap();
    turn(&pubsub).await;
    assert_eq!(both.heard(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(one.heard(), ["1", "3", "5", "7", "9"]);
    assert_eq!(twice.heard().join(""), "011233455677899");
    let before = both.ear.flushes.get();
    assert!(before <= 6, "{before}");
    pubsub.leave("b", twice.actor.addr.clone()).await.unwrap();
    let envelopes = (0..10).map(|n| {
        let channel = if n % 2 == 0 { "a" } else { "b" };
        Envelope::new(channel, n.to_string(), Payload::null())
    });
    pubsub.publish_all(envelopes.collect()).await.unwrap();
    turn(&pubsub).await;
    assert_eq!(both.heard().len(), 10);
    assert_eq!(both.ear.flushes.get(), before + 1);
}

#[actix::test]
async fn a_flood_for_one_member_makes_no_other_miss_anything() {
    let pubsub = PubSub::start_in(&Arbiter::new().handle(), "node");
    let (_flooded, other) =
        (Routed::join(&pubsub, &["a"]).await, Routed::join(&pubsub, &["b"]).await);
    let theirs = pubsub.clone();
    let flood = std::thread::spawn(move || {
        actix::System::new().block_on(async {
            for _ in 0..20_000 {
                say(&theirs, "a", "noise").await;
            }
            say(&theirs, "b", "heard").await;
            barrier(&theirs).await;
        });
    });
    // This thread does not run its dispatcher in the meantime.
    flood.join().unwrap();
    turn(&pubsub).await;
    assert_eq!(other.heard(), ["heard"]);
}

#[actix::test]
async fn a_thread_without_room_misses_messages_and_each_member_is_told_how_many() {
    const SENT: usize = 2_000;
    let large = Payload::encode(&"x".repeat(64 * 1024)).unwrap();
    let pubsub = PubSub::start_in(&Arbiter::new().handle(), "node");
    let members = [
        Routed::join(&pubsub, &["a"]).await,
        Routed::join(&pubsub, &["a"]).await,
        Routed::join(&pubsub, &["b"]).await,
    ];
    // This thread does not run its dispatcher in the meantime.
    let flood = |sent: usize| {
        let (pubsub, large) = (pubsub.clone(), large.clone());
        let (done, finished) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix::System::new().block_on(async {
                for n in 0..sent {
                    pubsub.broadcast("a", n.to_string(), large.clone()).await.unwrap();
                }
                barrier(&pubsub).await;
            });
            done.send(()).unwrap();
        });
        finished.recv().unwrap();
    };
    flood(SENT);
    // The registry sends each member its notice with the next tick.
    let knows = |member: &Routed| {
        let heard = member.ear.heard.borrow();
        heard.last().is_some_and(|last| last.starts_with("lagged"))
    };
    let told = async {
        while !members[..2].iter().all(knows) {
            turn(&pubsub).await;
        }
    };
    soon(told).await;
    let heard = members[0].heard();
    let got = heard.len() - 1;
    assert!((900..1_024).contains(&got), "64 MiB have room for {got}");
    assert_eq!(heard[..got], (0..got).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(heard[got], format!("lagged {}", SENT - got));
    assert_eq!(members[1].heard(), heard);
    assert!(members[2].heard().is_empty(), "it is in another channel");
    say(&pubsub, "a", "newer").await;
    turn(&pubsub).await;
    assert_eq!(members[0].heard(), ["newer"]);
}

#[actix::test]
async fn a_message_to_a_member_that_left_does_not_reach_a_later_member() {
    let pubsub = PubSub::start("node");
    let gone = Routed::join(&pubsub, &["secret"]).await;
    // The registry has sent the message, and this thread has not received it yet.
    let sent = pubsub.publish_all(vec![Envelope::new("secret", "told", Payload::null())]);
    let (sent, later) = tokio::join!(sent, async {
        drop(gone);
        Routed::join(&pubsub, &["public"]).await
    });
    sent.unwrap();
    say(&pubsub, "public", "heard").await;
    turn(&pubsub).await;
    assert_eq!(later.heard(), ["heard"]);
}

#[actix::test]
async fn a_member_that_panics_takes_no_other_with_it() {
    let pubsub = PubSub::start("node");
    let mut members = Vec::new();
    for _ in 0..10 {
        members.push(Routed::join(&pubsub, &["a"]).await);
    }
    members[4].ear.panics.set(true);
    say(&pubsub, "a", "one").await;
    say(&pubsub, "a", "two").await;
    turn(&pubsub).await;
    for (n, member) in members.iter().enumerate() {
        assert_eq!(member.ear.failed.get(), n == 4);
        assert_eq!(member.heard().len(), if n == 4 { 0 } else { 2 });
    }
}

/// An actor that, for the registry, outlives its thread's dispatcher.
struct Sleeper(#[expect(dead_code, reason = "it ends with the actor")] Receiving);

impl Actor for Sleeper {
    type Context = Context<Sleeper>;
}

impl Handler<Envelope> for Sleeper {
    type Result = ();

    fn handle(&mut self, _: Envelope, _: &mut Context<Sleeper>) {}
}

#[actix::test]
async fn the_members_of_a_thread_that_ended_are_gone() {
    let pubsub = PubSub::start("node");
    let arbiter = Arbiter::new();
    let (joined, joins) = oneshot::channel();
    let theirs = pubsub.clone();
    let member = async move || {
        let receiving = Dispatcher::current().register(Rc::new(Ear::default()));
        let route = receiving.route().clone();
        let actor = Sleeper(receiving).start();
        theirs.join_by("a", actor, route, None).await.unwrap();
        joined.send(()).unwrap();
    };
    arbiter.spawn_fn(move || drop(actix::spawn(member())));
    soon(joins).await.unwrap();
    assert_eq!(count(&pubsub, "a").await, 1);
    arbiter.stop();
    arbiter.join().unwrap();
    say(&pubsub, "a", "nobody hears it").await;
    assert_eq!(count(&pubsub, "a").await, 0);
}

#[actix::test]
async fn members_are_roused_without_an_envelope_until_their_route_ends() {
    let pubsub = PubSub::start("node");
    let members = [Routed::join(&pubsub, &["a"]).await, Routed::join(&pubsub, &["b"]).await];
    Dispatcher::current().post().rouse();
    turn(&pubsub).await;
    let flushes = members.each_ref().map(|member| member.ear.flushes.get());
    assert_eq!(flushes, [1, 1], "each member is flushed once");
    let [ended, other] = members;
    let Routed { ear, actor: _actor, receiving } = ended;
    drop(receiving);
    assert_eq!(Rc::strong_count(&ear), 1, "the dispatcher still holds it");
    say(&pubsub, "a", "nobody hears it").await;
    Dispatcher::current().post().rouse();
    turn(&pubsub).await;
    assert_eq!((ear.flushes.get(), other.ear.flushes.get()), (1, 2));
    assert_eq!(ear.heard.take(), [""; 0]);
}

#[test]
fn a_thread_has_one_dispatcher_until_its_system_ends() {
    let mut before = None;
    for _ in 0..2 {
        actix::System::new().block_on(async {
            let post = Dispatcher::current().post().clone();
            assert_eq!(Dispatcher::current().post(), &post);
            assert!(before.as_ref() != Some(&post), "it is the previous system's");
            // The new dispatcher works.
            let pubsub = PubSub::start("node");
            let member = Routed::join(&pubsub, &["a"]).await;
            say(&pubsub, "a", "heard").await;
            turn(&pubsub).await;
            assert_eq!(member.heard(), ["heard"]);
            before = Some(post);
        });
    }
}

/// Is slow, and records how often other tasks have run.
struct Slow {
    others: Rc<Cell<usize>>,
    seen: Rc<RefCell<Vec<usize>>>,
}

impl Receive for Slow {
    fn receive(&self, _: &[Envelope]) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(50) {}
        self.seen.borrow_mut().push(self.others.get());
        false
    }

    fn flush(&self) {}

    fn fail(&self) {}
}

#[actix::test]
async fn many_members_yield_to_the_rest_of_their_thread() {
    let pubsub = PubSub::start("node");
    let (others, seen) = (Rc::new(Cell::new(0)), Rc::<RefCell<Vec<usize>>>::default());
    let mut members = Vec::new();
    for _ in 0..200 {
        let slow = Slow { others: Rc::clone(&others), seen: Rc::clone(&seen) };
        let (receiving, actor) = (Dispatcher::current().register(Rc::new(slow)), Probe::start());
        let route = receiving.route().clone();
        pubsub.join_by("a", actor.addr.clone(), route, None).await.unwrap();
        members.push((receiving, actor));
    }
    let turns = Rc::clone(&others);
    actix::spawn(async move {
        loop {
            turns.set(turns.get() + 1);
            tokio::task::yield_now().await;
        }
    });
    say(&pubsub, "a", "slow").await;
    turn(&pubsub).await;
    let seen = seen.take();
    assert_eq!(seen.len(), 200);
    assert!(seen[199] - seen[0] >= 2, "{} and {}", seen[0], seen[199]);
}

/// Requests an encoding, and counts how often it is made and requested.
struct Encoder(Arc<[AtomicUsize; 2]>);

impl Receive for Encoder {
    fn receive(&self, envelopes: &[Envelope]) -> bool {
        for envelope in envelopes {
            self.0[1].fetch_add(1, Ordering::Relaxed);
            let frame = envelope.encoded(0, |envelope| {
                self.0[0].fetch_add(1, Ordering::Relaxed);
                envelope.topic().to_owned()
            });
            assert_eq!(frame, envelope.topic());
        }
        false
    }

    fn flush(&self) {}

    fn fail(&self) {
        panic!("the frames differ");
    }
}

#[actix::test]
async fn an_envelope_is_encoded_once_for_all_threads() {
    let pubsub = PubSub::start("node");
    let (made, threads) = (Arc::<[AtomicUsize; 2]>::default(), [Arbiter::new(), Arbiter::new()]);
    let mut turns = Vec::new();
    for thread in &threads {
        let (pubsub, made) = (pubsub.clone(), Arc::clone(&made));
        let (ready, readies) = oneshot::channel();
        let (go, goes) = oneshot::channel::<()>();
        let (done, dones) = oneshot::channel();
        let members = async move || {
            let mut members = Vec::new();
            for _ in 0..20 {
                let receiving = Dispatcher::current().register(Rc::new(Encoder(Arc::clone(&made))));
                let actor = Probe::start();
                let route = receiving.route().clone();
                pubsub.join_by("a", actor.addr.clone(), route, None).await.unwrap();
                members.push((actor, receiving));
            }
            ready.send(()).unwrap();
            goes.await.unwrap();
            turn(&pubsub).await;
            done.send(()).unwrap();
        };
        thread.spawn_fn(move || drop(actix::spawn(members())));
        soon(readies).await.unwrap();
        turns.push((go, dones));
    }
    for topic in ["one", "two", "three"] {
        say(&pubsub, "a", topic).await;
    }
    for (go, dones) in turns {
        go.send(()).unwrap();
        soon(dones).await.unwrap();
    }
    let [made, asked] = made.each_ref().map(|number| number.load(Ordering::Relaxed));
    assert_eq!((made, asked), (3, 3 * 2 * 20));
}
