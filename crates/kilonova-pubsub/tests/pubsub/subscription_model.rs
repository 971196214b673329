//! A subscription against a naive model: random joins, leaves, broadcasts and reads, with small
//! buffers.
//!
//! The model is the list of all messages that the subscription should get. A message that is read
//! must be the next in the list, and a notice must skip exactly the number that it states.

use std::collections::BTreeMap;

use actix::System;
use kilonova_pubsub::{Envelope, LeaveError, PubSub, Subscription};
use proptest::prelude::*;

use kilonova_test::member::{barrier, say, soon};

const CHANNELS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Op {
    Join(usize),
    Leave(usize),
    Broadcast(usize),
    Read(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let channel = 0..CHANNELS.len();
    prop_oneof![
        3 => channel.clone().prop_map(Op::Join),
        2 => channel.clone().prop_map(Op::Leave),
        8 => channel.prop_map(Op::Broadcast),
        3 => (1..8_usize).prop_map(Op::Read),
    ]
}

struct World {
    pubsub: PubSub,
    subscription: Subscription,
    capacity: usize,
    joined: BTreeMap<&'static str, usize>,
    /// The messages it should receive, and how many it has read.
    expected: Vec<String>,
    read: usize,
    /// More was sent than the buffer holds, and the gap has not been reported.
    may_lag: bool,
}

impl World {
    async fn apply(&mut self, number: usize, op: &Op) {
        match *op {
            Op::Join(channel) => {
                self.subscription.join(CHANNELS[channel]).await.unwrap();
                *self.joined.entry(CHANNELS[channel]).or_default() += 1;
            }
            Op::Leave(channel) => {
                let left = self.subscription.leave(CHANNELS[channel]).await;
                match self.joined.get_mut(CHANNELS[channel]).filter(|times| **times > 0) {
                    Some(times) => {
                        *times -= 1;
                        assert_eq!(left, Ok(()));
                        self.forget_gap_if_nowhere();
                    }
                    None => assert_eq!(left, Err(LeaveError::NotJoined)),
                }
            }
            Op::Broadcast(channel) => {
                say(&self.pubsub, CHANNELS[channel], &number.to_string()).await;
                barrier(&self.pubsub).await;
                let times = self.joined.get(CHANNELS[channel]).copied().unwrap_or(0);
                self.expected.extend(std::iter::repeat_n(number.to_string(), times));
                self.may_lag |= self.expected.len() - self.read > self.capacity;
            }
            Op::Read(count) => {
                for _ in 0..count {
                    let Some(envelope) = self.subscription.next_buffered() else { break };
                    self.account(&envelope);
                }
            }
        }
    }

    fn account(&mut self, envelope: &Envelope) {
        if let Some(missed) = envelope.lagged() {
            assert!(self.may_lag, "it missed something although there was room");
            assert!(missed > 0);
            self.read += usize::try_from(missed).unwrap();
        } else {
            assert_eq!(envelope.topic(), self.expected[self.read]);
            self.read += 1;
        }
        assert!(self.read <= self.expected.len(), "it missed more than was sent");
        self.may_lag &= self.read < self.expected.len();
    }

    /// A gap that is unreported when the subscription leaves its last channel is never reported.
    fn forget_gap_if_nowhere(&mut self) {
        if self.joined.values().sum::<usize>() == 0 {
            while let Some(envelope) = self.subscription.next_buffered() {
                self.account(&envelope);
            }
            assert!(self.may_lag || self.read == self.expected.len());
            self.read = self.expected.len();
            self.may_lag = false;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_subscription_hears_everything_in_order_or_is_told_how_much_it_missed(
        capacity in 1..6_usize,
        ops in prop::collection::vec(op(), 0..80),
    ) {
        System::new().block_on(async {
            let pubsub = PubSub::start("node");
            let subscription = pubsub.subscribe_with_capacity(capacity, [""; 0]).await.unwrap();
            let mut world = World {
                pubsub,
                subscription,
                capacity,
                joined: BTreeMap::new(),
                expected: Vec::new(),
                read: 0,
                may_lag: false,
            };
            for (number, op) in ops.iter().enumerate() {
                world.apply(number, op).await;
            }
            while world.read < world.expected.len() {
                let envelope = soon(world.subscription.next()).await.unwrap();
                world.account(&envelope);
            }
            assert!(world.subscription.next_buffered().is_none());
        });
    }
}
