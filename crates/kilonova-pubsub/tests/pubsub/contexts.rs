//! Joining from an actor's own context.

use std::cell::Cell;
use std::rc::Rc;

use actix::dev::AsyncContextParts;
use actix::prelude::*;
use futures_util::FutureExt;
use kilonova_pubsub::supervise;
use kilonova_pubsub::{Change, ContextExt, Envelope, JoinError, MAILBOX, Payload, PubSub};
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};

use kilonova_test::member::{at_once, barrier, count, say, soon};

/// Joins the given channels when it starts, and passes on what it receives.
struct Ear {
    pubsub: PubSub,
    channels: &'static [&'static str],
    heard: mpsc::UnboundedSender<Envelope>,
    starts: Rc<Cell<u32>>,
}

impl Ear {
    fn new(
        pubsub: &PubSub,
        channels: &'static [&'static str],
    ) -> (Ear, mpsc::UnboundedReceiver<Envelope>) {
        let (heard, hearing) = mpsc::unbounded_channel();
        (Ear { pubsub: pubsub.clone(), channels, heard, starts: Rc::default() }, hearing)
    }
}

impl Actor for Ear {
    type Context = Context<Ear>;

    fn started(&mut self, ctx: &mut Context<Ear>) {
        self.starts.set(self.starts.get() + 1);
        for channel in self.channels {
            ctx.join_as(&self.pubsub, *channel, json!({ "start": self.starts.get() }).into());
        }
    }
}

impl Supervised for Ear {}

impl Handler<Envelope> for Ear {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, ctx: &mut Context<Ear>) {
        match envelope.topic() {
            "stop" => ctx.stop(),
            "panic" => panic!("this panic is part of the test"),
            "join" => ctx.join(&self.pubsub, "late"),
            _ => {}
        }
        self.heard.send(envelope).ok();
    }
}

/// Returns when an actor has handled all earlier messages, and therefore has joined.
#[derive(Message)]
#[rtype(result = "usize")]
struct Ready;

impl Handler<Ready> for Ear {
    type Result = usize;

    fn handle(&mut self, _: Ready, ctx: &mut Context<Ear>) -> usize {
        ctx.parts().capacity()
    }
}

#[actix::test]
async fn an_actor_that_joins_as_it_starts_hears_a_hundred_awaited_broadcasts() {
    let pubsub = PubSub::start("node");
    let (ear, mut hearing) = Ear::new(&pubsub, &["notes"]);
    let addr = ear.start();
    assert_eq!(soon(addr.send(Ready)).await.unwrap(), MAILBOX);
    for n in 0..100 {
        say(&pubsub, "notes", &n.to_string()).await;
    }
    for n in 0..100 {
        let envelope = soon(hearing.recv()).await.unwrap();
        assert_eq!((envelope.lagged(), envelope.topic()), (None, &*n.to_string()));
    }
}

#[actix::test]
async fn a_mailbox_that_the_actor_chose_stays_as_it_is() {
    let pubsub = PubSub::start("node");
    let (ear, _hearing) = Ear::new(&pubsub, &["notes"]);
    let addr = Ear::create(|ctx| {
        ctx.set_mailbox_capacity(17);
        ear
    });
    assert_eq!(soon(addr.send(Ready)).await.unwrap(), 17);
}

#[actix::test]
async fn an_actor_that_joins_again_is_one_member_and_shows_its_newest_metadata() {
    let pubsub = PubSub::start("node");
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    let (ear, mut hearing) = Ear::new(&pubsub, &["notes", "notes"]);
    ear.starts.set(6);
    let addr = ear.start();
    soon(addr.send(Ready)).await.unwrap();
    assert_eq!(count(&pubsub, "notes").await, 1);
    assert!(matches!(at_once(monitor.next()), Some(Change::Joined(_))));
    assert!(monitor.next().now_or_never().is_none(), "the same metadata is no change");
    say(&pubsub, "notes", "once").await;
    barrier(&pubsub).await;
    soon(addr.send(Ready)).await.unwrap();
    assert_eq!(hearing.try_recv().unwrap().topic(), "once");
    assert!(hearing.try_recv().is_err());
    let members = pubsub.get_members("notes").await.unwrap();
    assert_eq!(*members[0].meta().unwrap(), json!({ "start": 7 }));
}

#[actix::test]
async fn an_actor_leaves_when_it_stops_or_panics() {
    let pubsub = PubSub::start("node");
    for end in ["stop", "panic"] {
        let (ear, mut hearing) = Ear::new(&pubsub, &["notes", "posts"]);
        let addr = ear.start();
        soon(addr.send(Ready)).await.unwrap();
        let mut monitor = pubsub.monitor("posts").await.unwrap();
        assert_eq!(monitor.members().len(), 1);
        say(&pubsub, "notes", end).await;
        soon(async { while hearing.recv().await.is_some() {} }).await;
        barrier(&pubsub).await;
        // The death is known by now, so the sweep plays no part in it.
        assert!(matches!(at_once(monitor.next()), Some(Change::Left(_))));
        assert_eq!(pubsub.count_members().await.unwrap(), []);
    }
}

#[actix::test]
async fn a_supervisor_restarts_an_actor_that_stays_a_member_and_misses_nothing() {
    let pubsub = PubSub::start("node");
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    let (ear, mut hearing) = Ear::new(&pubsub, &["notes"]);
    let starts = Rc::clone(&ear.starts);
    let addr = Supervisor::start(|_| ear);
    soon(addr.send(Ready)).await.unwrap();
    for round in 1..=3 {
        say(&pubsub, "notes", "stop").await;
        say(&pubsub, "notes", "after").await;
        for topic in ["stop", "after"] {
            assert_eq!(soon(hearing.recv()).await.unwrap().topic(), topic);
        }
        assert_eq!(starts.get(), round + 1);
        assert_eq!(count(&pubsub, "notes").await, 1);
    }
    assert!(hearing.try_recv().is_err());
    drop(addr);
    // Each start brings new metadata, which is reported as a leave and a join.
    let mut members = 0;
    for _ in 0..7 {
        match soon(monitor.next()).await {
            Some(Change::Joined(_)) => members += 1,
            Some(Change::Left(_)) => members -= 1,
            other => panic!("{other:?}"),
        }
        assert!((0..=1).contains(&members));
    }
    assert_eq!(members, 1);
}

#[actix::test]
async fn an_actor_that_is_recreated_after_a_panic_is_one_member() {
    let pubsub = PubSub::start("node");
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let (shutdown, stopping) = watch::channel(false);
    let starts = Rc::new(Cell::new(0));
    let keeper = actix::spawn({
        let (pubsub, starts) = (pubsub.clone(), Rc::clone(&starts));
        supervise::keep("ear", stopping, move || {
            let (pubsub, heard, starts) = (pubsub.clone(), heard.clone(), Rc::clone(&starts));
            let ear = Ear { pubsub, channels: &["notes"], heard, starts };
            Ok::<_, JoinError>((ear, Context::new()))
        })
    });
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    assert!(matches!(soon(monitor.next()).await, Some(Change::Joined(_))));
    say(&pubsub, "notes", "panic").await;
    assert!(matches!(soon(monitor.next()).await, Some(Change::Left(_))));
    assert!(matches!(soon(monitor.next()).await, Some(Change::Joined(_))));
    assert_eq!((count(&pubsub, "notes").await, starts.get()), (1, 2));
    say(&pubsub, "notes", "after").await;
    assert_eq!(soon(hearing.recv()).await.unwrap().topic(), "after");

    shutdown.send_replace(true);
    say(&pubsub, "notes", "stop").await;
    soon(keeper).await.unwrap();
    assert_eq!(count(&pubsub, "notes").await, 0);
}

#[actix::test]
async fn an_actor_that_left_ends_when_nobody_has_its_address() {
    let pubsub = PubSub::start("node");
    let (ear, mut hearing) = Ear::new(&pubsub, &["notes"]);
    let addr = ear.start();
    soon(addr.send(Ready)).await.unwrap();
    pubsub.leave("notes", addr.clone()).await.unwrap();
    drop(addr);
    assert!(soon(hearing.recv()).await.is_none());
}

#[actix::test]
async fn an_actor_stays_while_it_is_a_member_although_nobody_else_has_its_address() {
    let pubsub = PubSub::start("node");
    let (ear, mut hearing) = Ear::new(&pubsub, &["notes"]);
    drop(ear.start());
    let mut monitor = pubsub.monitor("late").await.unwrap();
    let mut notes = pubsub.monitor("notes").await.unwrap();
    if notes.members().is_empty() {
        soon(notes.next()).await.unwrap();
    }
    say(&pubsub, "notes", "join").await;
    assert_eq!(soon(hearing.recv()).await.unwrap().topic(), "join");
    assert!(matches!(soon(monitor.next()).await, Some(Change::Joined(_))));
}

#[actix::test]
async fn an_actor_that_cannot_join_stops_or_decides_itself() {
    struct Refused(PubSub, Option<oneshot::Sender<JoinError>>);

    impl Actor for Refused {
        type Context = Context<Refused>;

        fn started(&mut self, ctx: &mut Context<Refused>) {
            let pubsub = self.0.clone();
            match self.1.take() {
                None => ctx.join(&pubsub, "posts"),
                Some(told) => ctx.join_then(&pubsub, "posts", None, |_, joined, _| {
                    told.send(joined.unwrap_err()).unwrap();
                }),
            }
        }
    }

    impl Handler<Envelope> for Refused {
        type Result = ();
        fn handle(&mut self, _: Envelope, _: &mut Context<Refused>) {}
    }

    let pubsub = PubSub::builder("node").max_channels(1).start();
    let _full = pubsub.subscribe(["notes"]).await.unwrap();
    let stops = Refused(pubsub.clone(), None).start();
    soon(async {
        while stops.connected() {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let (told, error) = oneshot::channel();
    let decides = Refused(pubsub, Some(told)).start();
    assert_eq!(soon(error).await, Ok(JoinError::TooManyChannels));
    assert!(decides.connected());
}

#[actix::test]
async fn metadata_that_is_too_long_is_refused_whoever_joins() {
    let pubsub = PubSub::start("node");
    let long = |bytes: usize| Payload::from(json!("x".repeat(bytes - 2)));
    let (ear, _hearing) = Ear::new(&pubsub, &[]);
    let addr = ear.start();
    let refused = Err(JoinError::MetaTooLong { bytes: 4097 });
    assert_eq!(pubsub.join_as("notes", addr.clone(), long(4097)).await, refused);
    let subscription = pubsub.subscribe([""; 0]).await.unwrap();
    assert_eq!(subscription.join_as("notes", long(4097)).await, refused);
    assert_eq!(pubsub.count_members().await.unwrap(), []);
    assert_eq!(pubsub.join_as("notes", addr, long(4096)).await, Ok(()));
}
