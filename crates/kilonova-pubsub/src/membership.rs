//! Channels and their members as plain data, without actors or I/O. Owns the counting and its cost;
//! the registry decides when a member joins, leaves or has died.

mod joined;

use std::collections::HashMap;
use std::hash::Hash;

use indexmap::{Equivalent, IndexMap};
use slab::Slab;

use self::joined::{Joined, Place};
use super::{Channel, Meta};

/// A multiset of members for each channel, indexed both ways.
///
/// [`join`](Membership::join) and [`leave`](Membership::leave) take constant time.
/// [`remove`](Membership::remove) takes time proportional to the channels of that member. None
/// looks at a channel's other members. Constant time is amortized, as for a vector: occasionally a
/// full table doubles its size. New members reuse the memory of removed ones. Members are in no
/// particular order. `M` is cloned into each of its channels, so it should be small and cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Membership<M> {
    // Each channel's number: a name is hashed once, and everything else refers to it by four bytes.
    numbers: IndexMap<Channel, u32>,
    groups: Slab<Group<M>>,
    members: IndexMap<M, Joined>,
    // The total bytes of metadata.
    meta_bytes: usize,
}

#[derive(Clone, Debug)]
struct Group<M> {
    channel: Channel,
    seats: Vec<Seat<M>>,
    // Only members that have metadata. Not in the seats, because a broadcast reads every seat.
    #[expect(clippy::box_collection, reason = "most channels have none: 8 bytes rather than 48")]
    metas: Option<Box<HashMap<M, Meta>>>,
}

/// A member in a channel. Seat and place refer to each other, so neither needs a search; code that
/// moves one must update the other.
#[derive(Clone, Debug)]
struct Seat<M> {
    member: M,
    place: u32,
    times: u32,
}

/// The result of leaving a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// The number of joins that were undone.
    pub times: usize,
    /// The metadata that the member had in the channel.
    pub meta: Option<Meta>,
}

impl<M> Default for Membership<M> {
    fn default() -> Membership<M> {
        Membership {
            numbers: IndexMap::new(),
            groups: Slab::new(),
            members: IndexMap::new(),
            meta_bytes: 0,
        }
    }
}

impl<M: Clone + Eq + Hash> Membership<M> {
    /// Creates an empty index.
    pub fn new() -> Membership<M> {
        Membership::default()
    }

    /// Makes `member` join `channel` once.
    ///
    /// If an equal member is already known, that one is kept, here and in every channel. Returns
    /// the kept member.
    pub fn join(&mut self, channel: Channel, member: M) -> M {
        self.join_as(channel, member, 1, None).0
    }

    /// Like [`join`](Membership::join), `times` times and with metadata. `times` may be 0 only for
    /// a member that is already in the channel.
    ///
    /// A member has one metadata value in each channel, for all of its joins: `Some` replaces it,
    /// `None` keeps it. Returns the kept member and its metadata.
    pub fn join_as(
        &mut self,
        channel: Channel,
        member: M,
        times: u32,
        meta: Option<Meta>,
    ) -> (M, Option<Meta>) {
        let number = match self.numbers.get(&channel) {
            Some(number) => *number,
            None => {
                // Most small channels have a single member.
                let seats = Vec::with_capacity(1);
                let number = short(self.groups.insert(Group {
                    channel: channel.clone(),
                    seats,
                    metas: None,
                }));
                self.numbers.insert(channel, number);
                number
            }
        };
        let entry = self.members.entry(member);
        let member = entry.key().clone();
        let joined = entry.or_default();
        let Group { seats, metas, .. } = &mut self.groups[number as usize];
        if let Some(place) = joined.find(number) {
            let seat = &mut seats[joined.get(place).seat as usize];
            seat.times = seat.times.saturating_add(times);
        } else {
            seats.push(Seat { member: member.clone(), place: short(joined.len()), times });
            joined.push(Place { channel: number, seat: short(seats.len() - 1) });
        }
        let Some(meta) = meta else {
            let known = metas.as_ref().and_then(|metas| metas.get(&member).cloned());
            return (member, known);
        };
        self.meta_bytes += meta.len();
        let replaced = metas.get_or_insert_default().insert(member.clone(), meta.clone());
        self.meta_bytes -= replaced.as_ref().map_or(0, Meta::len);
        (member, Some(meta))
    }

    /// Undoes one join. Returns `None` if `member` is not in `channel`.
    pub fn leave<Q>(&mut self, channel: &str, member: &Q) -> Option<Left>
    where
        Q: Hash + Equivalent<M> + ?Sized,
    {
        let &number = self.numbers.get(channel)?;
        let (index, _, joined) = self.members.get_full_mut(member)?;
        let place = joined.find(number)?;
        let at = joined.get(place);
        let group = &mut self.groups[number as usize];
        let seat = &mut group.seats[at.seat as usize];
        if seat.times > 1 {
            seat.times -= 1;
            let meta = group.metas.as_ref().and_then(|metas| metas.get(&seat.member).cloned());
            return Some(Left { times: 1, meta });
        }
        joined.swap_remove(place);
        if joined.len() == 0 {
            self.members.swap_remove_index(index);
        } else if place < joined.len() {
            let moved = joined.get(place);
            self.groups[moved.channel as usize].seats[moved.seat as usize].place = short(place);
        }
        let meta = self.vacate(at);
        Some(Left { times: 1, meta })
    }

    /// Undoes every join of `member`. Returns what it left in each of its channels.
    pub fn remove<Q>(&mut self, member: &Q) -> Vec<(Channel, Left)>
    where
        Q: Hash + Equivalent<M> + ?Sized,
    {
        let Some(joined) = self.members.swap_remove(member) else {
            return Vec::new();
        };
        let leave = |place| {
            let at = joined.get(place);
            let group = &self.groups[at.channel as usize];
            let channel = group.channel.clone();
            let times = group.seats[at.seat as usize].times as usize;
            (channel, Left { times, meta: self.vacate(at) })
        };
        (0..joined.len()).map(leave).collect()
    }

    /// Removes a seat and returns its metadata. The channel's last seat moves to its place.
    fn vacate(&mut self, at: Place) -> Option<Meta> {
        let group = &mut self.groups[at.channel as usize];
        let Seat { member, .. } = group.seats.swap_remove(at.seat as usize);
        let meta = group.metas.as_mut().and_then(|metas| metas.remove(&member));
        self.meta_bytes -= meta.as_ref().map_or(0, Meta::len);
        if let Some(moved) = group.seats.get(at.seat as usize) {
            if let Some(joined) = self.members.get_mut(&moved.member) {
                joined.reseat(moved.place as usize, at.seat as usize);
            }
        } else if group.seats.is_empty() {
            let group = self.groups.remove(at.channel as usize);
            self.numbers.swap_remove(&group.channel);
        }
        meta
    }

    /// The members of `channel`, each once, with the number of its joins.
    pub fn members(&self, channel: &str) -> impl Iterator<Item = (&M, usize)> {
        let seats = self.group(channel).map_or(&[][..], |group| &group.seats);
        seats.iter().map(|seat| (&seat.member, seat.times as usize))
    }

    /// Like [`members`](Membership::members), with metadata.
    pub fn described(&self, channel: &str) -> impl Iterator<Item = (&M, usize, Option<&Meta>)> {
        let metas = self.group(channel).and_then(|group| group.metas.as_ref());
        self.members(channel)
            .map(move |(member, times)| (member, times, metas.and_then(|metas| metas.get(member))))
    }

    fn group(&self, channel: &str) -> Option<&Group<M>> {
        self.numbers.get(channel).map(|number| &self.groups[*number as usize])
    }

    /// All channels with their members. A channel without members does not exist.
    pub fn channels(&self) -> impl Iterator<Item = (&Channel, impl Iterator<Item = &M>)> {
        self.groups
            .iter()
            .map(|(_, group)| (&group.channel, group.seats.iter().map(|seat| &seat.member)))
    }

    /// All channels with the number of their members, each counted as often as it joined.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&Channel, usize)> {
        self.groups.iter().map(|(_, group)| {
            (&group.channel, group.seats.iter().map(|seat| seat.times as usize).sum())
        })
    }

    /// The metadata of `member` in `channel`; `None` if it is not a member.
    pub(super) fn meta<Q>(&self, channel: &str, member: &Q) -> Option<Option<&Meta>>
    where
        Q: Hash + Equivalent<M> + ?Sized,
    {
        let number = *self.numbers.get(channel)?;
        let (_, member, joined) = self.members.get_full(member)?;
        joined.find(number)?;
        let metas = self.groups[number as usize].metas.as_ref();
        Some(metas.and_then(|metas| metas.get(member)))
    }

    /// The total bytes of metadata.
    pub fn meta_bytes(&self) -> usize {
        self.meta_bytes
    }

    /// The number of channels.
    pub fn channel_count(&self) -> usize {
        self.groups.len()
    }

    /// The number of distinct members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns true if there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns true if `member` is in any channel.
    pub fn contains<Q>(&self, member: &Q) -> bool
    where
        Q: Hash + Equivalent<M> + ?Sized,
    {
        self.members.contains_key(member)
    }

    /// The kept member that equals `member`.
    pub(super) fn find<Q>(&self, member: &Q) -> Option<&M>
    where
        Q: Hash + Equivalent<M> + ?Sized,
    {
        self.members.get_key_value(member).map(|(member, _)| member)
    }

    /// The member with this number, below [`Membership::len`], for visiting all members in steps.
    ///
    /// When a member is removed, another one may take its number.
    pub fn get(&self, number: usize) -> Option<&M> {
        self.members.get_index(number).map(|(member, _)| member)
    }
}

/// A number as the four bytes that the index stores.
#[expect(clippy::expect_used, reason = "memory runs out long before four billion entries")]
fn short(number: usize) -> u32 {
    u32::try_from(number).expect("four billion members or channels")
}
