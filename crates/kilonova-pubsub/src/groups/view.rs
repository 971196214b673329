//! The views on the process groups: lists, counts, snapshots and monitors. Owns how the members of
//! this and other nodes are combined; leaves who is a member to `Groups`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use super::super::inlet::Inlet;
use super::super::link::{Joins, LONGEST_NAME, Outlet, Snapshot};
use super::super::subscriber::Subscriber;
use super::super::{Channel, Count, Member, Meta, Monitor, Stats};
use super::Groups;

impl Groups {
    /// The members of a channel on all nodes.
    pub(in super::super) fn members(&mut self, channel: &Channel, node: &Arc<str>) -> Vec<Member> {
        let mut members = self.local_members(channel, node);
        members.extend(self.remote.members(channel));
        members
    }

    /// The members of a channel on this node. First removes members that died unnoticed, so
    /// monitors see them leave too.
    pub(in super::super) fn local_members(
        &mut self,
        channel: &Channel,
        node: &Arc<str>,
    ) -> Vec<Member> {
        let dead =
            self.membership.members(channel.as_str()).filter(|(member, ..)| !member.is_alive());
        let dead: Vec<_> = dead.map(|(member, ..)| member.clone()).collect();
        self.bury_all(&dead);
        let named = |(member, times, meta): (&Subscriber, usize, Option<&Meta>)| {
            std::iter::repeat_n(Member::local(node, member.clone(), meta.cloned()), times)
        };
        self.membership.described(channel.as_str()).flat_map(named).collect()
    }

    pub(in super::super) fn channels(&self) -> Vec<Channel> {
        let alive = self.membership.channels().filter_map(|(channel, mut members)| {
            members.any(Subscriber::is_alive).then(|| channel.clone())
        });
        if self.remote.is_empty() {
            return alive.collect();
        }
        let everywhere: HashSet<_> = alive.chain(self.remote.channels().cloned()).collect();
        everywhere.into_iter().collect()
    }

    /// How many members each channel has. Members that died unnoticed still count, for a moment.
    pub(in super::super) fn counts(&self) -> Vec<Count> {
        let mut counts: HashMap<&Channel, Count> = HashMap::new();
        let local = self.membership.counts().map(|(channel, members)| (channel, members, members));
        let remote = self.remote.counts().map(|(channel, members)| (channel, members, 0));
        for (channel, members, local_members) in local.chain(remote) {
            let count = counts.entry(channel).or_insert_with(|| Count {
                channel: channel.clone(),
                members: 0,
                local_members: 0,
            });
            count.members += members;
            count.local_members += local_members;
        }
        counts.into_values().collect()
    }

    /// How many members, channels and nodes there are. Members that died unnoticed still count.
    pub(in super::super) fn stats(&self) -> Stats {
        Stats {
            peers: self.remote.len(),
            channels: self.membership.channel_count(),
            local_members: self.membership.len(),
            remote_members: self.remote.member_count(),
            missed: self.laggards.missed(),
            ..Stats::default()
        }
    }

    /// The names of the other connected nodes.
    pub(in super::super) fn other_nodes(&self) -> Vec<Arc<str>> {
        self.remote.names().cloned().collect()
    }

    /// The members of this node, for other nodes.
    pub(in super::super) fn snapshot(&self) -> Snapshot {
        let named = self.membership.channels().map(|(channel, _)| channel);
        let joins =
            named.filter(|channel| channel.as_str().len() <= LONGEST_NAME).flat_map(|channel| {
                self.membership.described(channel.as_str()).map(|(member, times, meta)| Joins {
                    channel: channel.clone(),
                    member: member.number(),
                    times: times.try_into().unwrap_or(u32::MAX),
                    meta: meta.cloned(),
                })
            });
        Snapshot {
            version: self.outlet.as_ref().map_or(0, Outlet::version),
            joins: joins.collect(),
        }
    }

    pub(in super::super) fn monitor(
        &mut self,
        channel: Channel,
        node: Arc<str>,
        inlet: Weak<Inlet>,
    ) -> Monitor {
        let members = self.members(&channel, &node);
        let (id, changes) = self.watchers.add(channel.clone(), node);
        Monitor::new(channel, members, id, changes, inlet)
    }
}
