//! Members that die, and how the registry notices.

use actix::Arbiter;
use kilonova_pubsub::{Change, LeaveError, PubSub};
use tokio::sync::oneshot;

use kilonova_test::member::{Die, Keep, Probe, at_once, barrier, count, say, soon};

#[actix::test]
async fn stopped_member() {
    let pubsub = PubSub::start("node");
    let (mut dead, mut alive) = (Probe::start(), Probe::start());
    for member in [&dead, &dead, &alive] {
        pubsub.join("notes", member.addr.clone()).await.unwrap();
    }
    pubsub.join("posts", dead.addr.clone()).await.unwrap();
    dead.die(Die::Stop).await;

    assert_eq!(pubsub.which_groups().await.unwrap(), ["notes"]);
    assert_eq!(count(&pubsub, "notes").await, 1);
    assert_eq!(count(&pubsub, "posts").await, 0);
    say(&pubsub, "notes", "to the living").await;
    assert_eq!(alive.topic().await, "to the living");
    let left = pubsub.leave("notes", dead.addr.clone()).await;
    assert_eq!(left, Err(LeaveError::NotJoined));
}

#[actix::test]
async fn panicking_member() {
    let pubsub = PubSub::start("node");
    let (mut dead, mut alive) = (Probe::start(), Probe::start());
    pubsub.join("notes", dead.addr.clone()).await.unwrap();
    pubsub.join("notes", alive.addr.clone()).await.unwrap();
    dead.die(Die::Panic).await;

    say(&pubsub, "notes", "to the living").await;
    assert_eq!(alive.topic().await, "to the living");
    assert_eq!(count(&pubsub, "notes").await, 1);
}

#[actix::test]
async fn leave_exit_race() {
    let pubsub = PubSub::start("node");
    for how in [Die::Stop, Die::Panic] {
        let mut member = Probe::start();
        member.keep(pubsub.lifeline(member.addr.clone())).await;
        pubsub.join("notes", member.addr.clone()).await.unwrap();
        member.die(how).await;
        // Leaving and dying may happen in either order; a join after death leaves nothing behind.
        let left = pubsub.leave("notes", member.addr.clone()).await;
        assert_eq!(left, Err(LeaveError::NotJoined));
        pubsub.join("notes", member.addr.clone()).await.unwrap();
        assert!(pubsub.which_groups().await.unwrap().is_empty());
    }
}

#[actix::test]
async fn leave_exit_race_between_threads() {
    let pubsub = PubSub::start("node");
    let elsewhere = Arbiter::new();
    for round in 0..200 {
        let (remote, (sender, addr)) = (pubsub.clone(), oneshot::channel());
        elsewhere.spawn_fn(move || {
            let member = Probe::start();
            if round % 2 == 0 {
                member.addr.do_send(Keep(remote.lifeline(member.addr.clone())));
            }
            sender.send(member.addr).ok();
        });
        let addr = addr.await.unwrap();
        pubsub.join("notes", addr.clone()).await.unwrap();
        // The member stops on its own thread while this thread makes it leave and join.
        addr.do_send(Die::Stop);
        pubsub.leave("notes", addr.clone()).await.ok();
        pubsub.join("notes", addr.clone()).await.unwrap();
        addr.send(Die::Stop).await.ok();
        soon(async {
            while addr.connected() {
                barrier(&pubsub).await
            }
        })
        .await;
        assert!(pubsub.which_groups().await.unwrap().is_empty());
        assert_eq!(count(&pubsub, "notes").await, 0);
    }
    elsewhere.stop();
}

#[actix::test]
async fn lifeline_tells_at_once() {
    let pubsub = PubSub::start("node");
    for how in [Die::Stop, Die::Panic] {
        let mut member = Probe::start();
        member.keep(pubsub.lifeline(member.addr.clone())).await;
        pubsub.join("notes", member.addr.clone()).await.unwrap();
        pubsub.join("notes", member.addr.clone()).await.unwrap();
        let mut monitor = pubsub.monitor("notes").await.unwrap();
        let [it, _] = monitor.members() else { panic!("it joined twice") };
        let it = it.clone();
        member.die(how).await;
        barrier(&pubsub).await;
        // The death is known by now, so the sweep plays no part in it.
        for _ in 0..2 {
            assert_eq!(at_once(monitor.next()), Some(Change::Left(it.clone())));
        }
    }
}

#[actix::test]
async fn lifeline_dropped_by_the_living() {
    let pubsub = PubSub::start("node");
    let mut member = Probe::start();
    let lifeline = pubsub.lifeline(member.addr.clone());
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    pubsub.join("posts", member.addr.clone()).await.unwrap();
    drop(lifeline);
    assert!(pubsub.which_groups().await.unwrap().is_empty());
    say(&pubsub, "notes", "unheard").await;

    pubsub.join("notes", member.addr.clone()).await.unwrap();
    say(&pubsub, "notes", "heard").await;
    barrier(&pubsub).await;
    assert_eq!(member.topics().await, ["heard"]);
}

#[actix::test]
async fn lifeline_keeps_nobody_alive() {
    let pubsub = PubSub::start("node");
    let member = Probe::start();
    member.keep(pubsub.lifeline(member.addr.clone())).await;
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    pubsub.leave("notes", member.addr.clone()).await.unwrap();
    member.abandon().await;
}

#[actix::test]
async fn quiet_death_is_swept() {
    let pubsub = PubSub::start("node");
    let mut members = Vec::new();
    for _ in 0..20 {
        let member = Probe::start();
        pubsub.join("notes", member.addr.clone()).await.unwrap();
        members.push(member);
    }
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    for member in members.iter_mut().step_by(2) {
        member.die(Die::Panic).await;
    }
    // No message, no list, no lifeline: only the sweep can find these.
    for _ in 0..10 {
        let Some(Change::Left(gone)) = soon(monitor.next()).await else { panic!("it ended") };
        assert!(!gone.recipient().unwrap().connected());
    }
    assert_eq!(count(&pubsub, "notes").await, 10);
}

#[actix::test]
async fn death_of_a_lagging_member() {
    let pubsub = PubSub::start("node");
    let mut member = Probe::with_capacity(1);
    pubsub.join("notes", member.addr.clone()).await.unwrap();
    let release = member.hold().await;
    for _ in 0..20 {
        say(&pubsub, "notes", "too much").await;
    }
    let mut monitor = pubsub.monitor("notes").await.unwrap();
    member.addr.do_send(Die::Stop);
    drop(release);
    member.die(Die::Stop).await;
    assert!(matches!(soon(monitor.next()).await, Some(Change::Left(_))));
    assert_eq!(count(&pubsub, "notes").await, 0);
}
