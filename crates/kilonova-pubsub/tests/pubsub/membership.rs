//! The index alone, against a naive multiset.

use std::collections::{BTreeMap, BTreeSet};

use kilonova_pubsub::{Channel, Left, Membership, Meta};
use proptest::prelude::*;
use serde_json::json;

#[derive(Clone, Debug)]
enum Op {
    Join(usize, u8),
    JoinAs(usize, u8, u32, u8),
    Leave(usize, u8),
    Remove(u8),
}

// The index stores a member of few channels differently from one of many; these cover both.
const CHANNELS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn op() -> impl Strategy<Value = Op> {
    let (channel, member) = (0..CHANNELS.len(), 0..5_u8);
    prop_oneof![
        3 => (channel.clone(), member.clone()).prop_map(|(c, m)| Op::Join(c, m)),
        2 => (channel.clone(), member.clone(), 1..4_u32, 0..4_u8)
            .prop_map(|(c, m, times, meta)| Op::JoinAs(c, m, times, meta)),
        3 => (channel, member.clone()).prop_map(|(c, m)| Op::Leave(c, m)),
        1 => member.prop_map(Op::Remove),
    ]
}

/// Metadata with a length that depends on `number`.
fn meta(number: u8) -> Meta {
    Meta::new(json!("m".repeat(usize::from(number) * 7)).into()).unwrap()
}

/// For every channel and member, how often it joined (never 0) and its metadata.
type Model = BTreeMap<(&'static str, u8), (usize, Option<u8>)>;

fn left(times: usize, number: Option<u8>) -> Left {
    Left { times, meta: number.map(meta) }
}

fn apply(op: &Op, index: &mut Membership<u8>, model: &mut Model) {
    match *op {
        Op::Join(channel, member) => {
            assert_eq!(index.join(CHANNELS[channel].into(), member), member);
            model.entry((CHANNELS[channel], member)).or_default().0 += 1;
        }
        Op::JoinAs(channel, member, times, number) => {
            let joined = index.join_as(CHANNELS[channel].into(), member, times, Some(meta(number)));
            assert_eq!(joined, (member, Some(meta(number))));
            let entry = model.entry((CHANNELS[channel], member)).or_default();
            *entry = (entry.0 + times as usize, Some(number));
        }
        Op::Leave(channel, member) => {
            let key = (CHANNELS[channel], member);
            let expected = model.get(&key).map(|(_, number)| left(1, *number));
            assert_eq!(index.leave(CHANNELS[channel], &member), expected);
            match model.get_mut(&key) {
                Some((times, _)) if *times > 1 => *times -= 1,
                _ => drop(model.remove(&key)),
            }
        }
        Op::Remove(member) => {
            let mut removed = index.remove(&member);
            removed.sort_by(|(one, _), (other, _)| one.cmp(other));
            let (theirs, others) = model.iter().partition::<Model, _>(|((_, m), _)| *m == member);
            let theirs =
                theirs.iter().map(|((c, _), (n, meta))| (Channel::from(*c), left(*n, *meta)));
            assert_eq!(removed, theirs.collect::<Vec<_>>());
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
        let members = index.described(channel).map(|(m, n, meta)| (*m, (n, meta.cloned())));
        let expected = model.iter().filter(|((c, _), _)| *c == channel);
        let expected = expected.map(|((_, m), (n, number))| (*m, (*n, number.map(meta))));
        assert_eq!(members.collect::<BTreeMap<_, _>>(), expected.collect());
    }
    let bytes = model.values().filter_map(|(_, number)| *number).map(|number| meta(number).len());
    assert_eq!(index.meta_bytes(), bytes.sum::<usize>());
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
fn death_in_a_large_channel_visits_no_other_member() {
    // A scan of the channel would take 10^10 steps, and the test would not end.
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
fn member_of_many_channels_finds_each_in_constant_time() {
    // As above: a scan of the member's channels would not end.
    const CHANNELS: u32 = 100_000;
    let mut index = Membership::new();
    for channel in 0..CHANNELS {
        index.join(channel.to_string().into(), 'a');
        index.join(channel.to_string().into(), 'b');
    }
    for channel in 0..CHANNELS {
        assert!(index.leave(&channel.to_string(), &'a').is_some());
    }
    assert!(!index.contains(&'a'));
    assert_eq!(index.channel_count(), CHANNELS as usize);
    assert_eq!(index.remove(&'b').len(), CHANNELS as usize);
    assert_eq!(index.channel_count(), 0);
}
