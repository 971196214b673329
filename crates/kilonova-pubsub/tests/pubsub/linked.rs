//! The registry's link: events for other nodes, and updates from them.

use std::collections::BTreeMap;

use actix::Arbiter;
use futures_util::FutureExt;
use kilonova_pubsub::{
    Change, Channel, Count, Joins, Link, Local, Meta, Monitor, NodeId, PubSub, Snapshot, Step,
    Update,
};
use serde_json::json;

use kilonova_test::member::{Probe, at_once, barrier, count, say, soon};

const LONGEST_NAME: usize = 16 * 1024;

fn start() -> (PubSub, Link) {
    PubSub::builder("here").start_linked_in(&Arbiter::current())
}

fn there() -> NodeId {
    NodeId::new("there", 1)
}

fn meta(text: &str) -> Option<Meta> {
    Some(Meta::new(json!(text).into()).unwrap())
}

fn joins(channel: &str, member: u64, times: u32, meta: Option<Meta>) -> Joins {
    Joins { channel: channel.into(), member, times, meta }
}

fn step(channel: &str, member: u64, joined: bool, meta: Option<Meta>) -> Step {
    Step { channel: channel.into(), member, joined, meta }
}

/// The changes that a monitor received, as `+` or `-` with the metadata, sorted.
async fn changes(pubsub: &PubSub, monitor: &mut Monitor) -> Vec<String> {
    barrier(pubsub).await;
    let mut changes = Vec::new();
    while let Some(Some(change)) = monitor.next().now_or_never() {
        let (sign, member) = match change {
            Change::Joined(member) => ('+', member),
            Change::Left(member) => ('-', member),
            other => panic!("{other:?}"),
        };
        changes.push(format!("{sign}{}", member.meta().map_or("", |meta| meta.as_json())));
    }
    changes.sort();
    changes
}

#[actix::test]
async fn each_member_has_a_unique_number_for_other_nodes() {
    let (pubsub, mut link) = start();
    let probes = [Probe::start(), Probe::start(), Probe::start()];
    for probe in &probes {
        pubsub.join("notes", probe.recipient()).await.unwrap();
    }
    let subscriptions =
        [pubsub.subscribe(["notes"]).await.unwrap(), pubsub.subscribe(["notes"]).await.unwrap()];
    let Snapshot { version, joins } = link.snapshot().await.unwrap();
    let numbers: BTreeMap<u64, u32> = joins.iter().map(|j| (j.member, j.times)).collect();
    assert_eq!((version, numbers.len()), (5, 5), "{joins:?}");
    drop(subscriptions);
    barrier(&pubsub).await;

    let mut told = Vec::new();
    for (local, n) in soon(link.next(100)).await.into_iter().zip(1..) {
        let Local::Changed(version, step) = local else { panic!("{local:?}") };
        assert_eq!(version, n);
        told.push((step.member, step.joined));
    }
    let [joined @ .., left, last] = &told[..] else { panic!("{told:?}") };
    assert!(joined.iter().all(|(_, joined)| *joined) && joined.len() == 5);
    assert_eq!([*left, *last], [joined[3], joined[4]].map(|(number, _)| (number, false)));
}

#[actix::test]
async fn a_snapshot_has_times_and_metadata_and_no_channels_with_long_names() {
    let (pubsub, link) = start();
    let probe = Probe::start();
    let [longest, longer] = [LONGEST_NAME, LONGEST_NAME + 1].map(|bytes| "n".repeat(bytes));
    for channel in [&longest, &longer, &longest] {
        pubsub.join_as(channel, probe.recipient(), json!("me").into()).await.unwrap();
    }
    let Snapshot { version, joins: told } = link.snapshot().await.unwrap();
    assert_eq!((version, told.len()), (2, 1));
    assert_eq!(told[0], joins(&longest, told[0].member, 2, meta("me")));
}

#[actix::test]
async fn members_of_other_nodes_are_listed_and_counted() {
    let (pubsub, link) = start();
    let probe = Probe::start();
    pubsub.join("room", probe.recipient()).await.unwrap();
    pubsub.join("room", probe.recipient()).await.unwrap();
    let theirs = vec![joins("room", 1, 3, meta("Ann")), joins("hall", 2, 1, None)];
    link.update(Update::Members(there(), theirs)).await.unwrap();

    let mut counts = pubsub.count_members().await.unwrap();
    counts.sort_by(|one, other| one.channel.cmp(&other.channel));
    let counted = |channel: &str, members, local_members| Count {
        channel: channel.into(),
        members,
        local_members,
    };
    assert_eq!(counts, [counted("hall", 1, 0), counted("room", 5, 2)]);
    assert_eq!(pubsub.nodes().await.unwrap(), ["here".into(), "there".into()]);
    let mut channels = pubsub.which_groups().await.unwrap();
    channels.sort();
    assert_eq!(channels, [Channel::from("hall"), Channel::from("room")]);
    let members = pubsub.get_members("room").await.unwrap();
    let ann =
        members.iter().filter(|member| member.meta().is_some_and(|meta| *meta == json!("Ann")));
    assert_eq!((members.len(), ann.count()), (5, 3));

    link.update(Update::Gone(there())).await.unwrap();
    assert_eq!(count(&pubsub, "room").await, 2);
    assert_eq!(pubsub.nodes().await.unwrap(), ["here".into()]);
}

#[actix::test]
async fn a_monitor_is_told_the_difference_between_two_states_of_a_node() {
    let (pubsub, link) = start();
    let mut monitor = pubsub.monitor("room").await.unwrap();
    let states: [(Vec<Joins>, &[&str]); 5] = [
        (
            vec![joins("room", 1, 2, meta("Ann")), joins("room", 2, 1, None)],
            &["+", "+\"Ann\"", "+\"Ann\""],
        ),
        (vec![joins("room", 1, 2, meta("Ann")), joins("room", 2, 1, None)], &[]),
        // One member joins again, another is gone, and one is in another channel.
        (vec![joins("room", 1, 3, meta("Ann")), joins("hall", 2, 1, None)], &["+\"Ann\"", "-"]),
        // Changed metadata is reported as a leave and a join, in addition to changes in number.
        (
            vec![joins("room", 1, 1, meta("Anna"))],
            &["+\"Anna\"", "-\"Ann\"", "-\"Ann\"", "-\"Ann\""],
        ),
        (vec![joins("room", 1, 2, None)], &["+", "+", "-\"Anna\""]),
    ];
    for (state, expected) in states {
        link.update(Update::Members(there(), state)).await.unwrap();
        assert_eq!(changes(&pubsub, &mut monitor).await, expected);
    }
    link.update(Update::Gone(there())).await.unwrap();
    assert_eq!(changes(&pubsub, &mut monitor).await, ["-", "-"]);
    link.update(Update::Gone(there())).await.unwrap();
    assert_eq!(changes(&pubsub, &mut monitor).await, [""; 0]);
}

#[actix::test]
async fn a_monitor_is_told_each_step_of_a_node_that_is_there() {
    let (pubsub, link) = start();
    let mut monitor = pubsub.monitor("room").await.unwrap();
    let unknown = vec![step("room", 1, true, None)];
    link.update(Update::Steps(there(), unknown)).await.unwrap();
    assert_eq!(changes(&pubsub, &mut monitor).await, [""; 0], "nothing is known of this node");
    link.update(Update::Members(there(), Vec::new())).await.unwrap();
    let steps = vec![
        step("room", 1, true, meta("Ann")),
        step("hall", 1, true, meta("elsewhere")),
        step("room", 1, true, None),
        step("room", 1, false, None),
        step("room", 2, false, None),
    ];
    link.update(Update::Steps(there(), steps)).await.unwrap();
    assert_eq!(changes(&pubsub, &mut monitor).await, ["+\"Ann\"", "+\"Ann\"", "-\"Ann\""]);
    assert_eq!(count(&pubsub, "room").await, 1);
}

#[actix::test]
async fn a_broadcast_goes_to_other_nodes_only_while_there_are_some() {
    let (pubsub, mut link) = start();
    say(&pubsub, "notes", "alone").await;
    link.update(Update::Members(there(), Vec::new())).await.unwrap();
    say(&pubsub, "notes", "together").await;
    pubsub.local_broadcast("notes", "local", json!(null).into()).await.unwrap();
    barrier(&pubsub).await;
    let told = at_once(link.next(10));
    let [Local::Broadcast(envelope)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(envelope.topic(), "together");
}
