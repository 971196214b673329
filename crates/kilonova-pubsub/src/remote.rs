//! Members on other nodes, as those nodes tell. Owns their bookkeeping; how it comes here is the link's, who
//! watches is `Watchers`'.

use std::collections::HashMap;
use std::sync::Arc;

use super::link::{Joins, Step, Update};
use super::watchers::Watchers;
use super::{Change, Channel, Member, Membership, NodeId};

/// No node is believed to have more members.
const MOST: usize = 8_000_000;

/// The other nodes that are there, each with its members by their numbers.
#[derive(Default)]
pub(super) struct Remote {
    nodes: HashMap<NodeId, Membership<u64>>,
}

impl Remote {
    /// Takes in what a node tells; monitors see what changes.
    pub(super) fn update(&mut self, update: Update, watchers: &mut Watchers) {
        match update {
            Update::Members(node, joins) => {
                let mut members = Membership::new();
                for Joins { channel, member, times } in joins {
                    members.join_times(channel, member, times);
                }
                let known = self.nodes.insert(node.clone(), members).unwrap_or_default();
                let members = self.nodes.get(&node);
                let channels: Vec<_> = watchers.channels().cloned().collect();
                for channel in channels {
                    let after = members.map(|members| counted(members, &channel));
                    let after = after.unwrap_or_default();
                    tell_difference(&node, &channel, &counted(&known, &channel), &after, watchers);
                }
            }
            Update::Steps(node, steps) => {
                // Of a node that is gone already nothing more is known.
                let Some(members) = self.nodes.get_mut(&node) else { return };
                for Step { channel, member, joined } in steps {
                    if joined && members.len() >= MOST {
                        continue;
                    }
                    let told: fn(Member) -> Change = if joined {
                        members.join(channel.clone(), member);
                        Change::Joined
                    } else if members.leave(channel.as_str(), &member) {
                        Change::Left
                    } else {
                        continue;
                    };
                    watchers.tell(&channel, |_| told(Member::remote(&node, member)));
                }
            }
            Update::Gone(node) => {
                let Some(members) = self.nodes.remove(&node) else { return };
                let channels: Vec<_> = watchers.channels().cloned().collect();
                for channel in channels {
                    let before = counted(&members, &channel);
                    tell_difference(&node, &channel, &before, &HashMap::new(), watchers);
                }
            }
        }
    }

    /// The members of a channel, each as often as it joined.
    pub(super) fn members(&self, channel: &Channel) -> impl Iterator<Item = Member> {
        self.nodes.iter().flat_map(move |(node, members)| {
            members.members(channel.as_str()).flat_map(move |(member, times)| {
                std::iter::repeat_n(Member::remote(node, *member), times)
            })
        })
    }

    /// How many members each channel has, for each node.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&Channel, usize)> {
        self.nodes.values().flat_map(Membership::counts)
    }

    /// The channels, those of several nodes several times.
    pub(super) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.nodes.values().flat_map(|members| members.channels().map(|(channel, _)| channel))
    }

    /// The names of the nodes.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.nodes.keys().map(NodeId::name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

fn counted(members: &Membership<u64>, channel: &Channel) -> HashMap<u64, usize> {
    members.members(channel.as_str()).map(|(member, times)| (*member, times)).collect()
}

fn tell_difference(
    node: &NodeId,
    channel: &Channel,
    before: &HashMap<u64, usize>,
    after: &HashMap<u64, usize>,
    watchers: &mut Watchers,
) {
    let mut tell =
        |from: &HashMap<u64, usize>, to: &HashMap<u64, usize>, change: fn(Member) -> Change| {
            for (member, times) in to {
                for _ in from.get(member).copied().unwrap_or(0)..*times {
                    watchers.tell(channel, |_| change(Member::remote(node, *member)));
                }
            }
        };
    tell(after, before, Change::Left);
    tell(before, after, Change::Joined);
}
