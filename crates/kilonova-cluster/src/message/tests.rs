//! The content and size of messages, and compatibility between versions.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn meta(bytes: usize) -> Meta {
    Meta::new(json!("m".repeat(bytes - 2)).into()).unwrap()
}

/// A member of a channel with a long name, with metadata of this length.
fn joins(member: u64, bytes: usize) -> Joins {
    let channel = "\n".repeat(16 * 1024).into();
    Joins { channel, member, times: 1, meta: Some(meta(bytes)) }
}

#[test]
fn members_with_the_longest_names_and_metadata_fit_into_messages() {
    let members: Vec<_> = (0..20).map(|member| joins(member, 4096)).collect();
    let mut told = Vec::new();
    for message in tell_all(1, members.clone()) {
        assert!(message.len() <= LARGEST, "{}", message.len());
        for item in decode(&message).unwrap() {
            let Item::Members(part) = item else { panic!("{item:?}") };
            let some = part.meta.beside(part.joins);
            told.extend(some.map(|((channel, member, times), meta)| Joins {
                channel: channel.into(),
                member,
                times,
                meta,
            }));
        }
    }
    assert_eq!(told, members);
}

#[test]
fn steps_with_much_metadata_go_in_several_messages_and_arrive_with_it() {
    let step = |n: u64| Step {
        channel: "room".into(),
        member: n,
        joined: !n.is_multiple_of(3),
        meta: (n % 3 > 1).then(|| meta(4000)),
    };
    let steps: Vec<_> = (1..=200).map(step).collect();
    let happened = steps.iter().zip(1..).map(|(step, n)| Local::Changed(n, step.clone()));
    let mut version = 0;
    let messages = tell(happened.collect(), &mut version);
    assert!(messages.len() > 1 && messages.iter().all(|message| message.len() <= FULL));
    let mut told = Vec::new();
    for item in messages.iter().flat_map(|message| decode(message).unwrap()) {
        let Item::Steps(steps) = item else { panic!("{item:?}") };
        assert_eq!(steps.after, told.len() as u64);
        told.extend(steps.meta.beside(steps.steps).map(|((channel, member, joined), meta)| Step {
            channel: channel.into(),
            member,
            joined,
            meta,
        }));
    }
    assert_eq!((told, version), (steps, 200));
}

#[test]
fn a_version_without_metadata_is_compatible_with_this_one() {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Old {
        Members(OldPart),
    }
    #[derive(Deserialize)]
    struct OldPart {
        joins: Vec<(String, u64, u32)>,
    }

    let message = tell_all(1, vec![joins(7, 10)]).next().unwrap();
    let items: Vec<Old> = serde_json::from_slice(&message).unwrap();
    let [Old::Members(part)] = &items[..] else { panic!("one item, not {}", items.len()) };
    assert_eq!((part.joins[0].1, part.joins[0].2), (7, 1));

    let old = br#"[{"members":{"version":1,"part":0,"last":true,"joins":[["room",7,1]]}}]"#;
    let items = decode(old).unwrap();
    assert!(matches!(&items[..], [Item::Members(part)] if part.meta.is_empty()), "{items:?}");
    let without = Joins { meta: None, ..joins(7, 10) };
    let message = tell_all(1, vec![without]).next().unwrap();
    assert!(!String::from_utf8_lossy(&message).contains("meta"));
}

#[test]
fn metadata_without_a_member_too_long_or_out_of_order_is_skipped() {
    let long = "m".repeat(5000);
    let text = json!([[1, "b"], [0, "late"], [2, long], [3, {}], [9, "nobody"]]).to_string();
    let metas: Metas = serde_json::from_str(&text).unwrap();
    let beside = metas.beside(vec!['a', 'b', 'c', 'd']);
    let beside: Vec<_> = beside
        .map(|(member, meta)| (member, meta.map(|m| m.payload().as_json().to_owned())))
        .collect();
    let expected =
        [('a', None), ('b', Some("\"b\"".to_owned())), ('c', None), ('d', Some("{}".to_owned()))];
    assert_eq!(beside, expected);
}

fn broadcast_of(bytes: usize) -> Item {
    let payload = serde_json::value::to_raw_value(&"x".repeat(bytes)).unwrap();
    Item::Broadcast(Broadcast { channel: String::new(), topic: String::new(), payload })
}

fn length(item: &Item) -> usize {
    serde_json::to_vec(item).unwrap().len()
}

proptest! {
    #[test]
    fn messages_are_as_full_as_they_may_be(
        sizes in prop::collection::vec(prop_oneof![0..3000_usize, 20_000..70_000_usize], 1..40),
    ) {
        let mut writer = Writer::default();
        for size in &sizes {
            prop_assert!(writer.push(&broadcast_of(*size)));
        }
        let messages = writer.finish();
        let items: Vec<_> = messages.iter().map(|message| decode(message).unwrap()).collect();
        let told = items.iter().flatten().map(length).collect::<Vec<_>>();
        let expected = sizes.iter().map(|size| length(&broadcast_of(*size))).collect::<Vec<_>>();
        prop_assert_eq!(told, expected);
        for (n, message) in messages.iter().enumerate() {
            prop_assert!(message.len() <= FULL || items[n].len() == 1);
            if let Some(next) = items.get(n + 1) {
                prop_assert!(message.len() + length(&next[0]) + 1 > FULL);
            }
        }
    }

    #[test]
    fn events_are_sent_in_order_and_consecutive_changes_together(
        happened in prop::collection::vec((0..4_u8, 0..20_usize), 1..60),
    ) {
        // A change, a change after a gap in the versions, or a broadcast.
        let (mut version, mut before, mut runs) = (7, 7, 0);
        let mut goes_on = false;
        let locals: Vec<_> = happened.iter().map(|(kind, name)| {
            if *kind == 0 {
                goes_on = false;
                return Local::Broadcast(Envelope::new("c", "t", Payload::null()));
            }
            runs += usize::from(!goes_on || *kind == 1);
            goes_on = true;
            before += if *kind == 1 { 3 } else { 1 };
            let (channel, member) = ("n".repeat(*name).into(), before);
            Local::Changed(before, Step { channel, member, joined: true, meta: None })
        }).collect();
        let messages = tell(locals.clone(), &mut version);
        prop_assert_eq!(version, before);
        let items: Vec<_> = messages.iter().flat_map(|message| decode(message).unwrap()).collect();
        let steps = items.iter().filter(|item| matches!(item, Item::Steps(_))).count();
        prop_assert_eq!(steps, runs);
        let mut told = Vec::new();
        for item in items {
            match item {
                Item::Steps(steps) => told.extend(
                    (steps.after + 1..).zip(steps.steps).map(|(n, step)| Some((n, step.1)))
                ),
                Item::Broadcast(_) => told.push(None),
                other => panic!("{other:?}"),
            }
        }
        let expected: Vec<_> = locals.iter().map(|local| match local {
            Local::Changed(version, step) => Some((*version, step.member)),
            Local::Broadcast(_) => None,
        }).collect();
        prop_assert_eq!(told, expected);
    }
}

#[test]
fn many_changes_at_once_go_in_several_items_of_half_a_message() {
    let step = |n| Step { channel: "n".repeat(68).into(), member: n, joined: true, meta: None };
    let happened = (1..=1000).map(|n| Local::Changed(n, step(n)));
    let messages = tell(happened.collect(), &mut 0);
    let items = messages.iter().flat_map(|message| decode(message).unwrap());
    let counts: Vec<_> = items
        .map(|item| match item {
            Item::Steps(steps) => steps.steps.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    // About a hundred bytes each.
    let most = (FULL / 2).div_ceil(100);
    assert_eq!(counts, [most, most, most, 1000 - 3 * most]);
}

#[test]
fn all_members_go_in_parts_of_half_a_message() {
    let joins = |member| Joins { channel: "n".repeat(68).into(), member, times: 1, meta: None };
    let messages: Vec<_> = tell_all(9, (0..1000).map(joins).collect()).collect();
    let items = messages.iter().flat_map(|message| decode(message).unwrap());
    let parts: Vec<_> = items
        .map(|item| match item {
            Item::Members(part) => (part.version, part.part, part.last, part.joins.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    let most = (FULL / 2).div_ceil(100);
    let rest = 1000 - 3 * most;
    assert_eq!(
        parts,
        [(9, 0, false, most), (9, 1, false, most), (9, 2, false, most), (9, 3, true, rest)]
    );
}

#[test]
fn a_message_of_the_largest_size_is_read_and_a_larger_one_is_not() {
    let overhead = length(&broadcast_of(0)) + 2;
    for (bytes, fits) in [(LARGEST - overhead, true), (LARGEST - overhead + 1, false)] {
        assert_eq!(Writer::default().push(&broadcast_of(bytes)), fits);
        let message = format!("[{}]", serde_json::to_string(&broadcast_of(bytes)).unwrap());
        assert_eq!(message.len() <= LARGEST, fits);
        assert_eq!(decode(message.as_bytes()).is_some(), fits);
    }
}
