//! The registry's start and end: no caller waits without end.

use std::panic::catch_unwind;
use std::thread;

use actix::Arbiter;
use kilonova_pubsub::{
    Error, JoinError, LeaveError, Payload, PubSub, StartError, TryBroadcastError,
};

use kilonova_test::member::{Probe, soon};

#[actix::test]
async fn stopped_registry_says_so() {
    let arbiter = Arbiter::new();
    let pubsub = PubSub::start_in(&arbiter.handle(), "node");
    let member = Probe::start();
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    let _lifeline = pubsub.lifeline(member.addr.clone());
    arbiter.stop();
    arbiter.join().unwrap();

    let addr = || member.addr.clone();
    assert_eq!(soon(monitor.next()).await, None);
    assert_eq!(soon(pubsub.join("notes", addr())).await, Err(JoinError::Stopped));
    assert_eq!(soon(pubsub.leave("notes", addr())).await, Err(LeaveError::Stopped));
    assert_eq!(soon(pubsub.get_members("notes")).await, Err(Error::Stopped));
    assert_eq!(soon(pubsub.which_groups()).await, Err(Error::Stopped));
    assert!(soon(pubsub.monitor("notes")).await.is_err());
    assert_eq!(soon(pubsub.broadcast("notes", "", Payload::null())).await, Err(Error::Stopped));
    let tried = pubsub.try_broadcast("notes", "", Payload::null());
    assert_eq!(tried, Err(TryBroadcastError::Stopped));
}

#[actix::test]
async fn stops_while_callers_wait() {
    let arbiter = Arbiter::new();
    let pubsub = PubSub::start_in(&arbiter.handle(), "node");
    let (release, held) = std::sync::mpsc::channel::<()>();
    arbiter.spawn_fn(move || {
        held.recv().ok();
    });
    arbiter.stop();
    // Some requests are in the mailbox when it closes; the others wait for room.
    let callers: Vec<_> = (0..2000)
        .map(|_| {
            let pubsub = pubsub.clone();
            actix::spawn(async move { pubsub.get_members("notes").await })
        })
        .collect();
    drop(release);
    for caller in callers {
        // Each is answered or refused; none is left waiting.
        soon(caller).await.unwrap().ok();
    }
    arbiter.join().unwrap();
    assert_eq!(soon(pubsub.get_members("notes")).await, Err(Error::Stopped));
}

#[actix::test]
async fn registry_ends_with_its_last_handle() {
    let pubsub = PubSub::start("node");
    let member = Probe::start();
    let clone = pubsub.sent_by(member.addr.clone());
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    drop(pubsub);
    clone.join("notes", member.addr.clone()).await.unwrap();
    assert!(soon(monitor.next()).await.is_some());
    drop(clone);
    assert_eq!(soon(monitor.next()).await, None);
}

#[actix::test]
async fn call_dropped_half_way() {
    let pubsub = PubSub::start("node");
    let member = Probe::start();
    for _ in 0..3000 {
        let asked = pubsub.monitor("notes");
        let mut asked = std::pin::pin!(asked);
        tokio::select! {
            biased;
            _ = &mut asked => {}
            () = std::future::ready(()) => {}
        }
    }
    soon(pubsub.join("notes", member.addr.clone())).await.unwrap();
}

/// Without a system, with or without a tokio runtime, starting fails with the reason and the
/// remedy.
#[test]
fn starting_without_a_system_is_an_error_not_an_abort() {
    let outside = || {
        assert_eq!(PubSub::try_start("node").err(), Some(StartError::NoSystem));
        let panic = catch_unwind(|| PubSub::start("node")).unwrap_err();
        let message = panic.downcast::<String>().unwrap();
        assert!(message.contains("#[actix_web::main]"), "{message}");
    };
    thread::spawn(outside).join().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    thread::spawn(move || runtime().block_on(async { outside() })).join().unwrap();
}

#[test]
fn a_registry_started_before_its_system_runs_works_when_it_does() {
    let system = actix::System::new();
    let pubsub = PubSub::start("node");
    let channels = system.block_on(async { soon(pubsub.which_groups()).await });
    assert_eq!(channels, Ok(Vec::new()));
}
