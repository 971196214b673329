//! The whole stack, actors included, against a naive multiset: random joins, leaves, deaths and
//! broadcasts.

use std::collections::{BTreeMap, BTreeSet};

use actix::System;
use kilonova_pubsub::{LeaveError, PubSub};
use proptest::prelude::*;

use kilonova_test::member::{Die, Probe, barrier, say};

const CHANNELS: [&str; 3] = ["a", "b", "c"];
const MEMBERS: usize = 4;

#[derive(Clone, Debug)]
enum Op {
    Join(usize, usize),
    Leave(usize, usize),
    Broadcast(usize),
    Stop(usize),
    Panic(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let (channel, member) = (0..CHANNELS.len(), 0..MEMBERS);
    prop_oneof![
        6 => (channel.clone(), member.clone()).prop_map(|(c, m)| Op::Join(c, m)),
        3 => (channel.clone(), member.clone()).prop_map(|(c, m)| Op::Leave(c, m)),
        6 => channel.prop_map(Op::Broadcast),
        1 => member.clone().prop_map(Op::Stop),
        1 => member.prop_map(Op::Panic),
    ]
}

/// A member of the model: how often it joined each channel, and what it must have received.
#[derive(Default)]
struct Expected {
    dead: bool,
    joined: BTreeMap<&'static str, usize>,
    heard: Vec<String>,
}

struct World {
    pubsub: PubSub,
    members: Vec<Probe>,
    expected: Vec<Expected>,
}

impl World {
    /// Every second member has a lifeline, so that both ways of noticing death are tested.
    async fn new() -> World {
        let pubsub = PubSub::start("node");
        let members: Vec<_> = (0..MEMBERS).map(|_| Probe::with_capacity(4096)).collect();
        for member in members.iter().step_by(2) {
            member.keep(pubsub.lifeline(member.addr.clone())).await;
        }
        let expected = std::iter::repeat_with(Expected::default).take(MEMBERS).collect();
        World { pubsub, members, expected }
    }

    async fn apply(&mut self, number: usize, op: &Op) {
        match *op {
            Op::Join(channel, member) => {
                let addr = self.members[member].addr.clone();
                self.pubsub.join(CHANNELS[channel], addr).await.unwrap();
                let expected = &mut self.expected[member];
                if !expected.dead {
                    *expected.joined.entry(CHANNELS[channel]).or_default() += 1;
                }
            }
            Op::Leave(channel, member) => {
                let addr = self.members[member].addr.clone();
                let left = self.pubsub.leave(CHANNELS[channel], addr).await;
                match self.expected[member].joined.get_mut(CHANNELS[channel]) {
                    Some(times) if *times > 0 => {
                        *times -= 1;
                        assert_eq!(left, Ok(()));
                    }
                    _ => assert_eq!(left, Err(LeaveError::NotJoined)),
                }
            }
            Op::Broadcast(channel) => {
                say(&self.pubsub, CHANNELS[channel], &number.to_string()).await;
                for expected in &mut self.expected {
                    let times = expected.joined.get(CHANNELS[channel]).copied().unwrap_or(0);
                    expected.heard.extend(std::iter::repeat_n(number.to_string(), times));
                }
            }
            Op::Stop(member) => self.kill(member, Die::Stop).await,
            Op::Panic(member) => self.kill(member, Die::Panic).await,
        }
    }

    async fn kill(&mut self, member: usize, how: Die) {
        barrier(&self.pubsub).await;
        if self.expected[member].dead {
            return;
        }
        self.compare_heard(member).await;
        self.members[member].die(how).await;
        self.expected[member] = Expected { dead: true, ..Expected::default() };
    }

    async fn compare_heard(&mut self, member: usize) {
        let heard = self.members[member].topics().await;
        assert_eq!(heard, std::mem::take(&mut self.expected[member].heard));
    }

    async fn compare(&mut self) {
        let mut groups = BTreeSet::new();
        for channel in CHANNELS {
            let members = self.pubsub.get_members(channel).await.unwrap();
            for (member, expected) in self.members.iter().zip(&self.expected) {
                let recipient = member.recipient();
                let times = members.iter().filter(|m| m.recipient() == Some(&recipient)).count();
                assert_eq!(times, expected.joined.get(channel).copied().unwrap_or(0));
                if times > 0 {
                    groups.insert(channel);
                }
            }
        }
        let listed = self.pubsub.which_groups().await.unwrap();
        assert_eq!(listed.len(), groups.len(), "a channel is listed twice");
        assert!(listed.iter().all(|channel| groups.contains(channel.as_str())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn agrees_with_a_naive_multiset(ops in prop::collection::vec(op(), 0..60)) {
        System::new().block_on(async {
            let mut world = World::new().await;
            for (number, op) in ops.iter().enumerate() {
                world.apply(number, op).await;
                if number % 7 == 0 {
                    world.compare().await;
                }
            }
            world.compare().await;
            for member in 0..MEMBERS {
                if !world.expected[member].dead {
                    world.compare_heard(member).await;
                }
            }
        });
    }
}
