//! Members on other nodes, as those nodes report them. Owns their bookkeeping; leaves transport to
//! the link and monitors to `Watchers`.

use std::collections::HashMap;
use std::sync::{Arc, Once};

use super::link::{Joins, Step, Update};
use super::watchers::Watchers;
use super::{Change, Channel, Member, Membership, Meta, NodeId};

/// The maximum number of members kept for one node; further joins are ignored.
const MOST: usize = 8_000_000;

/// The maximum bytes of metadata kept for one node. Members beyond it are kept without metadata.
const MOST_META: usize = 256 * 1024 * 1024;

/// The other connected nodes, each with its members by number.
#[derive(Default)]
pub(super) struct Remote {
    nodes: HashMap<NodeId, Membership<u64>>,
}

impl Remote {
    /// Applies a node's update and reports the changes to monitors.
    pub(super) fn update(&mut self, update: Update, watchers: &mut Watchers) {
        match update {
            Update::Members(node, joins) => {
                let mut members = Membership::new();
                for Joins { channel, member, times, meta } in joins {
                    let meta = kept(&node, &members, meta);
                    members.join_as(channel, member, times, meta);
                }
                let known = self.nodes.insert(node.clone(), members).unwrap_or_default();
                let members = self.nodes.get(&node);
                let channels: Vec<_> = watchers.channels().cloned().collect();
                for channel in channels {
                    let after = members.map(|members| seated(members, &channel));
                    let after = after.unwrap_or_default();
                    tell_difference(&node, &channel, &seated(&known, &channel), &after, watchers);
                }
            }
            Update::Steps(node, steps) => {
                // Steps of a node that is already gone are ignored.
                let Some(members) = self.nodes.get_mut(&node) else { return };
                for Step { channel, member, joined, meta } in steps {
                    if joined && members.len() >= MOST {
                        continue;
                    }
                    let (told, meta): (fn(Member) -> Change, _) = if joined {
                        let meta = kept(&node, members, meta);
                        let (_, meta) = members.join_as(channel.clone(), member, 1, meta);
                        (Change::Joined, meta)
                    } else if let Some(left) = members.leave(channel.as_str(), &member) {
                        (Change::Left, left.meta)
                    } else {
                        continue;
                    };
                    watchers.tell(&channel, |_| told(Member::remote(&node, member, meta.clone())));
                }
            }
            Update::Gone(node) => {
                let Some(members) = self.nodes.remove(&node) else { return };
                let channels: Vec<_> = watchers.channels().cloned().collect();
                for channel in channels {
                    let before = seated(&members, &channel);
                    tell_difference(&node, &channel, &before, &HashMap::new(), watchers);
                }
            }
        }
    }

    /// The members of a channel, each as often as it joined.
    pub(super) fn members(&self, channel: &Channel) -> impl Iterator<Item = Member> {
        self.nodes.iter().flat_map(move |(node, members)| {
            members.described(channel.as_str()).flat_map(move |(member, times, meta)| {
                std::iter::repeat_n(Member::remote(node, *member, meta.cloned()), times)
            })
        })
    }

    /// How many members each channel has, for each node.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&Channel, usize)> {
        self.nodes.values().flat_map(Membership::counts)
    }

    /// The channels of all nodes; a channel on several nodes appears several times.
    pub(super) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.nodes.values().flat_map(|members| members.channels().map(|(channel, _)| channel))
    }

    /// The names of the nodes.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.nodes.keys().map(NodeId::name)
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many members they have, each counted once.
    pub(super) fn member_count(&self) -> usize {
        self.nodes.values().map(Membership::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

fn kept(node: &NodeId, members: &Membership<u64>, meta: Option<Meta>) -> Option<Meta> {
    let meta = meta?;
    if has_room(members.meta_bytes(), meta.len()) {
        return Some(meta);
    }
    // Logged once, because every further member would repeat it.
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        log::warn!("{node} sends more than {MOST_META} bytes of metadata: the rest is ignored");
    });
    None
}

fn has_room(held: usize, more: usize) -> bool {
    held + more <= MOST_META
}

/// A member's joins and its metadata.
type Seated = (usize, Option<Meta>);

fn seated(members: &Membership<u64>, channel: &Channel) -> HashMap<u64, Seated> {
    let members = members.described(channel.as_str());
    members.map(|(member, times, meta)| (*member, (times, meta.cloned()))).collect()
}

fn tell_difference(
    node: &NodeId,
    channel: &Channel,
    before: &HashMap<u64, Seated>,
    after: &HashMap<u64, Seated>,
    watchers: &mut Watchers,
) {
    let mut tell =
        |from: &HashMap<u64, Seated>, to: &HashMap<u64, Seated>, change: fn(Member) -> Change| {
            for (member, (times, meta)) in to {
                let more = match from.get(member) {
                    // Changed metadata is reported as a leave and a join.
                    Some((others, other)) if other != meta => times.saturating_sub(*others) + 1,
                    Some((others, _)) => times.saturating_sub(*others),
                    None => *times,
                };
                for _ in 0..more {
                    let member = Member::remote(node, *member, meta.clone());
                    watchers.tell(channel, |_| change(member.clone()));
                }
            }
        };
    tell(after, before, Change::Left);
    tell(before, after, Change::Joined);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_a_node_is_kept_up_to_the_bound() {
        assert!(has_room(0, 1));
        assert!(has_room(MOST_META - 4096, 4096));
        assert!(!has_room(MOST_META - 4095, 4096));
        assert_eq!(MOST_META, 268_435_456);
    }
}
