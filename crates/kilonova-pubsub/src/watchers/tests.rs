//! Monitors that end, without a registry around them.

use std::sync::Arc;

use tokio::sync::mpsc::error::TryRecvError;

use super::{Change, Channel, UNREAD, Watchers};
use crate::{Member, NodeId};

fn joined(_: &Arc<str>) -> Change {
    Change::Joined(Member::remote(&NodeId::new("b", 1), 1, None))
}

#[test]
fn a_monitor_that_ends_leaves_the_others_of_its_channel() {
    let (mut watchers, posts) = (Watchers::default(), Channel::from("posts"));
    let (first, mut ended) = watchers.add(posts.clone(), "a".into());
    let (_, mut other) = watchers.add(posts.clone(), "a".into());
    watchers.remove(&posts, first);
    watchers.tell(&posts, joined);
    assert_eq!(ended.try_recv(), Err(TryRecvError::Disconnected));
    assert!(other.try_recv().is_ok());
    drop(other);
    watchers.tell(&posts, joined);
    assert_eq!(watchers.channels().count(), 0);
}

#[test]
fn a_monitor_that_is_not_read_ends_when_it_is_full() {
    let (mut watchers, posts) = (Watchers::default(), Channel::from("posts"));
    let (_, mut unread) = watchers.add(posts.clone(), "a".into());
    for _ in 0..UNREAD {
        watchers.tell(&posts, joined);
    }
    assert_eq!(watchers.channels().collect::<Vec<_>>(), [&posts]);
    watchers.tell(&posts, joined);
    assert_eq!(watchers.channels().count(), 0);
    let read = std::iter::from_fn(|| unread.try_recv().ok()).count();
    assert_eq!(read, UNREAD);
}
