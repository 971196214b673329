//! Who is a member of what, as plain data: no actors, no input or output. Owns the counting and its
//! cost; the registry decides when someone joins, leaves or has died.

mod joined;

use std::collections::HashMap;
use std::hash::Hash;

use indexmap::{Equivalent, IndexMap};
use slab::Slab;

use self::joined::{Joined, Place};
use super::{Channel, Meta};

/// A multiset of members for each channel, indexed both ways.
///
/// [`join`](Membership::join) and [`leave`](Membership::leave) take constant time,
/// [`remove`](Membership::remove) time in proportion to the channels of that member; none looks at
/// a channel's other members. Constant is meant as it is of a vector: now and then a table that is
/// full moves to one of twice the size. The room of those who are gone is kept for those who come.
/// Members are in no order. `M` is cloned into each of its channels, so it should be small and
/// cheap to clone.
#[derive(Clone, Debug)]
pub struct Membership<M> {
    // What number a channel has: a name is hashed once, and nothing else holds more of it than four
    // bytes.
    numbers: IndexMap<Channel, u32>,
    groups: Slab<Group<M>>,
    members: IndexMap<M, Joined>,
    // Bytes of all metadata.
    meta_bytes: usize,
}

#[derive(Clone, Debug)]
struct Group<M> {
    channel: Channel,
    seats: Vec<Seat<M>>,
    // Of those members that have some. Not in the seats: a broadcast reads each of them.
    #[expect(clippy::box_collection, reason = "most channels have none: 8 bytes rather than 48")]
    metas: Option<Box<HashMap<M, Meta>>>,
}

/// A member in a channel. Seat and place name each other, so that neither is searched for; whoever
/// moves one tells the other.
#[derive(Clone, Debug)]
struct Seat<M> {
    member: M,
    place: u32,
    times: u32,
}

/// What a member took back.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// How many joins.
    pub times: usize,
    /// The metadata that it had in the channel.
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
    /// Nobody is a member of anything.
    pub fn new() -> Membership<M> {
        Membership::default()
    }

    /// Makes `member` a member of `channel` once more.
    ///
    /// Where an equal member is known already that one is kept, here and in every channel. Returned
    /// is the one kept.
    pub fn join(&mut self, channel: Channel, member: M) -> M {
        self.join_as(channel, member, 1, None).0
    }

    /// [`join`](Membership::join) `times` times, with metadata. 0 times is for a member that is in
    /// the channel.
    ///
    /// A member has one metadata in each channel: what is given replaces what was there, for all of
    /// its joins, and `None` leaves what was there. Returned are the member that is kept and its
    /// metadata.
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
                // Most channels of few members have one.
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

    /// Takes back one join; `None` if there was none.
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

    /// Takes back every join of `member`: what it left of which channel; nothing if it was in none.
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

    /// Removes a seat, and returns its metadata; the last one of its channel moves there.
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

    /// The members of `channel`, each once, with how often it joined.
    pub fn members(&self, channel: &str) -> impl Iterator<Item = (&M, usize)> {
        let seats = self.group(channel).map_or(&[][..], |group| &group.seats);
        seats.iter().map(|seat| (&seat.member, seat.times as usize))
    }

    /// [`members`](Membership::members) with their metadata.
    pub fn described(&self, channel: &str) -> impl Iterator<Item = (&M, usize, Option<&Meta>)> {
        let metas = self.group(channel).and_then(|group| group.metas.as_ref());
        self.members(channel)
            .map(move |(member, times)| (member, times, metas.and_then(|metas| metas.get(member))))
    }

    fn group(&self, channel: &str) -> Option<&Group<M>> {
        self.numbers.get(channel).map(|number| &self.groups[*number as usize])
    }

    /// All channels with their members: those without any do not exist.
    pub fn channels(&self) -> impl Iterator<Item = (&Channel, impl Iterator<Item = &M>)> {
        self.groups
            .iter()
            .map(|(_, group)| (&group.channel, group.seats.iter().map(|seat| &seat.member)))
    }

    /// All channels with how many members they have, each as often as it joined.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&Channel, usize)> {
        self.groups.iter().map(|(_, group)| {
            (&group.channel, group.seats.iter().map(|seat| seat.times as usize).sum())
        })
    }

    /// The metadata of `member` in `channel`; `None` if it is not in it.
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

    /// How many bytes all metadata has.
    pub fn meta_bytes(&self) -> usize {
        self.meta_bytes
    }

    /// How many channels there are.
    pub fn channel_count(&self) -> usize {
        self.groups.len()
    }

    /// How many different members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is a member of anything.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether `member` is a member of anything.
    pub fn contains<Q>(&self, member: &Q) -> bool
    where
        Q: Hash + Equivalent<M> + ?Sized,
    {
        self.members.contains_key(member)
    }

    /// The member that is equal to `member`, as it is kept.
    pub(super) fn find<Q>(&self, member: &Q) -> Option<&M>
    where
        Q: Hash + Equivalent<M> + ?Sized,
    {
        self.members.get_key_value(member).map(|(member, _)| member)
    }

    /// One of the members, by a number below [`Membership::len`]: for walking through all of them
    /// in steps.
    ///
    /// When a member goes, another one may take its number.
    pub fn get(&self, number: usize) -> Option<&M> {
        self.members.get_index(number).map(|(member, _)| member)
    }
}

/// A number in the four bytes that it is kept in.
#[expect(clippy::expect_used, reason = "memory is at its end long before there are so many")]
fn short(number: usize) -> u32 {
    u32::try_from(number).expect("four billion members or channels")
}
