//! What messages hold, how large they are, and how versions understand each other.

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
fn a_version_without_metadata_and_this_one_understand_each_other() {
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
fn metadata_of_nobody_too_long_or_out_of_order_is_left_out() {
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
