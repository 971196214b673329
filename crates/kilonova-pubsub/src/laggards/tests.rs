//! Members that fell behind, without a registry around them.

use tokio::sync::mpsc;

use super::{Delivery, Envelope, Laggards, Subscriber};
use crate::Payload;

fn envelope() -> Envelope {
    Envelope::new("posts", "post_created", Payload::from(serde_json::json!({})))
}

/// Members with room for one message, each of which has missed `missed` others.
fn behind(
    laggards: &mut Laggards,
    members: u64,
    missed: usize,
) -> Vec<(Subscriber, mpsc::Receiver<Envelope>)> {
    let one = |number| {
        let (sender, receiver) = mpsc::channel(1);
        (Subscriber::subscription(sender, number), receiver)
    };
    let members: Vec<_> = (0..members).map(one).collect();
    for (member, _) in &members {
        assert!(laggards.deliver(member, &envelope()) == Delivery::Sent);
        for _ in 0..missed {
            assert!(laggards.deliver(member, &envelope()) == Delivery::Full);
        }
    }
    members
}

#[test]
fn a_member_with_room_again_is_told_how_many_it_missed_before_anything_else() {
    let mut laggards = Laggards::default();
    let (member, mut inbox) = behind(&mut laggards, 1, 3).remove(0);
    assert!(!laggards.is_empty());
    assert_eq!(inbox.try_recv().unwrap().lagged(), None);
    // The notice takes the only room, so this message is missed too.
    assert!(laggards.deliver(&member, &envelope()) == Delivery::Full);
    assert_eq!(inbox.try_recv().unwrap().lagged(), Some(3));
    assert!(laggards.tell_next(10).is_empty());
    assert_eq!(inbox.try_recv().unwrap().lagged(), Some(1));
    assert!(laggards.is_empty());
    assert!(laggards.deliver(&member, &envelope()) == Delivery::Sent);
    assert_eq!(inbox.try_recv().unwrap().lagged(), None);
}

#[test]
fn small_rounds_reach_every_member() {
    let mut laggards = Laggards::default();
    let mut members = behind(&mut laggards, 5, 1);
    // From every start, a member with room is found within as many calls as there are members.
    for turn in 0..members.len() {
        let at = (turn * 3) % members.len();
        assert_eq!(members[at].1.try_recv().unwrap().lagged(), None);
        for _ in 0..members.len() {
            assert!(laggards.tell_next(1).is_empty());
        }
        assert_eq!(members[at].1.try_recv().unwrap().lagged(), Some(1), "{turn}");
    }
    assert!(laggards.is_empty());
}

#[test]
fn the_dead_are_named_and_the_others_are_told() {
    let mut laggards = Laggards::default();
    let mut members = behind(&mut laggards, 3, 2);
    let (dead, inbox) = members.remove(1);
    drop(inbox);
    for (_, inbox) in &mut members {
        inbox.try_recv().unwrap();
    }
    let named = laggards.tell_next(3);
    assert!(matches!(&named[..], [one] if *one == dead), "{named:?}");
    for (_, inbox) in &mut members {
        assert_eq!(inbox.try_recv().unwrap().lagged(), Some(2));
    }
    laggards.forget(&dead);
    assert!(laggards.is_empty());
}
