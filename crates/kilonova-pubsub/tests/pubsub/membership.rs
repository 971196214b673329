//! The index alone, against a naive multiset.

use std::collections::{BTreeMap, BTreeSet};

use kilonova_pubsub::Membership;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Join(usize, u8),
    Leave(usize, u8),
    Remove(u8),
}

// A member of few channels is kept otherwise than one of many, and these are enough for both.
const CHANNELS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..CHANNELS.len(), 0..5_u8).prop_map(|(channel, member)| Op::Join(channel, member)),
        2 => (0..CHANNELS.len(), 0..5_u8).prop_map(|(channel, member)| Op::Leave(channel, member)),
        1 => (0..5_u8).prop_map(Op::Remove),
    ]
}

/// Every channel and member with how often it joined; nothing is there with 0.
type Model = BTreeMap<(&'static str, u8), usize>;

fn apply(op: &Op, index: &mut Membership<u8>, model: &mut Model) {
    match *op {
        Op::Join(channel, member) => {
            assert_eq!(index.join(CHANNELS[channel].into(), member), member);
            *model.entry((CHANNELS[channel], member)).or_default() += 1;
        }
        Op::Leave(channel, member) => {
            let key = (CHANNELS[channel], member);
            let times = model.get(&key).copied().unwrap_or(0);
            assert_eq!(index.leave(CHANNELS[channel], &member), times > 0);
            if times > 1 {
                model.insert(key, times - 1);
            } else {
                model.remove(&key);
            }
        }
        Op::Remove(member) => {
            let mut removed = index.remove(&member);
            removed.sort();
            let (theirs, others) = model.iter().partition::<Model, _>(|((_, m), _)| *m == member);
            assert!(
                removed
                    .iter()
                    .map(|(c, n)| (c.as_str(), *n))
                    .eq(theirs.iter().map(|((c, _), n)| (*c, *n)))
            );
            *model = others;
        }
    }
}

fn compare(index: &Membership<u8>, model: &Model) {
    let expected: BTreeSet<&str> = model.keys().map(|(channel, _)| *channel).collect();
    let channels: Vec<&str> = index.channels().map(|(channel, _)| channel.as_str()).collect();
    assert_eq!(channels.len(), expected.len(), "a channel is listed twice");
    assert_eq!(index.channel_count(), expected.len());
    assert_eq!(channels.into_iter().collect::<BTreeSet<_>>(), expected);
    for channel in CHANNELS {
        let members: BTreeMap<u8, usize> = index.members(channel).map(|(m, n)| (*m, n)).collect();
        let expected = model.iter().filter(|((c, _), _)| *c == channel).map(|((_, m), n)| (*m, *n));
        assert_eq!(members, expected.collect());
    }
    let members: BTreeSet<u8> = (0..index.len()).filter_map(|n| index.get(n)).copied().collect();
    assert_eq!(members, model.keys().map(|(_, member)| *member).collect());
    for member in 0..5 {
        assert_eq!(index.contains(&member), members.contains(&member));
    }
    assert_eq!(index.is_empty(), model.is_empty());
    assert_eq!(index.get(index.len()), None);
}

proptest! {
    #[test]
    fn agrees_with_a_naive_multiset(ops in prop::collection::vec(op(), 0..120)) {
        let (mut index, mut model) = (Membership::new(), Model::new());
        for op in &ops {
            apply(op, &mut index, &mut model);
            compare(&index, &model);
        }
    }
}

#[test]
fn first_of_equal_members_is_kept() {
    let mut index = Membership::new();
    let first = std::rc::Rc::new(1);
    index.join("a".into(), first.clone());
    let kept = index.join("b".into(), std::rc::Rc::new(1));
    assert!(std::rc::Rc::ptr_eq(&kept, &first));
    let (in_b, _) = index.members("b").next().unwrap();
    assert!(std::rc::Rc::ptr_eq(in_b, &first));
}

#[test]
fn death_in_a_large_channel_looks_at_nobody_else() {
    // If this were a scan of the channel it would be 10^10 steps, and the test would not end.
    const MEMBERS: u32 = 100_000;
    let mut index = Membership::new();
    for member in 0..MEMBERS {
        index.join("large".into(), member);
    }
    for member in 0..MEMBERS {
        assert_eq!(index.remove(&member).len(), 1);
    }
    assert!(index.is_empty());
    assert_eq!(index.channels().count(), 0);
}

#[test]
fn member_of_many_channels_finds_each_at_once() {
    // As above: a scan of the member's channels would not end.
    const CHANNELS: u32 = 100_000;
    let mut index = Membership::new();
    for channel in 0..CHANNELS {
        index.join(channel.to_string().into(), 'a');
        index.join(channel.to_string().into(), 'b');
    }
    for channel in 0..CHANNELS {
        assert!(index.leave(&channel.to_string(), &'a'));
    }
    assert!(!index.contains(&'a'));
    assert_eq!(index.channel_count(), CHANNELS as usize);
    assert_eq!(index.remove(&'b').len(), CHANNELS as usize);
    assert_eq!(index.channel_count(), 0);
}
