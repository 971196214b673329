//! Who is a member of what, as plain data: no actors, no input or output. Owns the counting and its cost;
//! the registry decides when someone joins, leaves or has died.

use std::collections::HashMap;
use std::hash::Hash;

use indexmap::{Equivalent, IndexMap, IndexSet};

use super::Channel;

/// A multiset of members for each channel, indexed both ways.
///
/// [`join`](Membership::join) and [`leave`](Membership::leave) take constant time, [`remove`](Membership::remove)
/// time in proportion to the channels of that member; none looks at a channel's other members. Members are in no order. `M` is cloned into each of its
/// channels, so it should be cheap to clone.
#[derive(Clone, Debug)]
pub struct Membership<M> {
    channels: HashMap<Channel, IndexMap<M, usize>>,
    members: IndexMap<M, IndexSet<Channel>>,
}

impl<M> Default for Membership<M> {
    fn default() -> Membership<M> {
        Membership { channels: HashMap::new(), members: IndexMap::new() }
    }
}

impl<M: Clone + Eq + Hash> Membership<M> {
    /// Nobody is a member of anything.
    pub fn new() -> Membership<M> {
        Membership::default()
    }

    /// Makes `member` a member of `channel` once more.
    ///
    /// Where an equal member is known already that one is kept, here and in every channel. Returned is the one kept.
    pub fn join(&mut self, channel: Channel, member: M) -> M {
        let members = self.channels.entry(channel);
        // The names that are kept are shared as well: a million members of a channel hold one copy of its name.
        let channel = members.key().clone();
        let channels = self.members.entry(member);
        let member = channels.key().clone();
        channels.or_default().insert(channel);
        *members.or_default().entry(member.clone()).or_insert(0) += 1;
        member
    }

    /// Takes back one join; `false` if there was none.
    pub fn leave<Q>(&mut self, channel: &str, member: &Q) -> bool
    where
        Q: Hash + Equivalent<M> + ?Sized,
    {
        let Some(members) = self.channels.get_mut(channel) else {
            return false;
        };
        let Some(times) = members.get_mut(member) else {
            return false;
        };
        if *times > 1 {
            *times -= 1;
            return true;
        }
        members.swap_remove(member);
        if members.is_empty() {
            self.channels.remove(channel);
        }
        if let Some(channels) = self.members.get_mut(member) {
            channels.swap_remove(channel);
            if channels.is_empty() {
                self.members.swap_remove(member);
            }
        }
        true
    }

    /// Takes back every join of `member`: the channels that it was in, and how often; nothing if it was in none.
    pub fn remove<Q>(&mut self, member: &Q) -> Vec<(Channel, usize)>
    where
        Q: Hash + Equivalent<M> + ?Sized,
    {
        let Some(channels) = self.members.swap_remove(member) else {
            return Vec::new();
        };
        let leave = |channel: Channel| {
            let members = self.channels.get_mut(channel.as_str())?;
            let times = members.swap_remove(member)?;
            if members.is_empty() {
                self.channels.remove(channel.as_str());
            }
            Some((channel, times))
        };
        channels.into_iter().filter_map(leave).collect()
    }

    /// The members of `channel`, each once, with how often it joined.
    pub fn members(&self, channel: &str) -> impl Iterator<Item = (&M, usize)> {
        self.channels.get(channel).into_iter().flatten().map(|(member, times)| (member, *times))
    }

    /// All channels with their members: those without any do not exist.
    pub fn channels(&self) -> impl Iterator<Item = (&Channel, impl Iterator<Item = &M>)> {
        self.channels.iter().map(|(channel, members)| (channel, members.keys()))
    }

    /// How many different members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is a member of anything.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// One of the members, by a number below [`Membership::len`]: for walking through all of them in steps.
    ///
    /// When a member goes, another one may take its number.
    pub fn get(&self, number: usize) -> Option<&M> {
        self.members.get_index(number).map(|(member, _)| member)
    }
}
