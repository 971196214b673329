//! The channels of one member. Owns that a few of them need no allocation, and that any one is
//! found in constant time; leaves the meaning of the numbers to `Membership`.

use indexmap::IndexMap;

use super::short;

/// The number of channels that fit into the member's own entry. Most members have no more.
const FEW: usize = 3;

/// The channels of a member, each at a place: an index below [`Joined::len`].
#[derive(Clone, Debug)]
pub(super) enum Joined {
    Few {
        len: u8,
        places: [Place; FEW],
    },
    /// From channel to seat; the place is the index. It does not shrink to `Few`: a member that
    /// joins and leaves at the boundary would pay for each change.
    Many(Box<IndexMap<u32, u32>>),
}

/// A channel, and the member's seat in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) channel: u32,
    pub(super) seat: u32,
}

impl Default for Joined {
    fn default() -> Joined {
        Joined::Few { len: 0, places: Default::default() }
    }
}

impl Joined {
    pub(super) fn len(&self) -> usize {
        match self {
            Joined::Few { len, .. } => usize::from(*len),
            Joined::Many(seats) => seats.len(),
        }
    }

    /// The entry at a place below [`Joined::len`].
    pub(super) fn get(&self, place: usize) -> Place {
        match self {
            Joined::Few { places, .. } => places[place],
            Joined::Many(seats) => {
                let (channel, seat) = (seats.keys()[place], seats[place]);
                Place { channel, seat }
            }
        }
    }

    /// The place of a channel.
    pub(super) fn find(&self, channel: u32) -> Option<usize> {
        match self {
            Joined::Few { len, places } => {
                places[..usize::from(*len)].iter().position(|place| place.channel == channel)
            }
            Joined::Many(seats) => seats.get_index_of(&channel),
        }
    }

    /// Adds a new channel at the last place.
    pub(super) fn push(&mut self, new: Place) {
        match self {
            Joined::Few { len, places } if usize::from(*len) < FEW => {
                places[usize::from(*len)] = new;
                *len += 1;
            }
            Joined::Few { places, .. } => {
                let all = places.iter().chain([&new]).map(|place| (place.channel, place.seat));
                *self = Joined::Many(Box::new(all.collect()));
            }
            Joined::Many(seats) => {
                seats.insert(new.channel, new.seat);
            }
        }
    }

    /// Removes the entry at a place. The last entry moves there.
    pub(super) fn swap_remove(&mut self, place: usize) {
        match self {
            Joined::Few { len, places } => {
                *len -= 1;
                places[place] = places[usize::from(*len)];
            }
            Joined::Many(seats) => {
                seats.swap_remove_index(place);
            }
        }
    }

    /// Sets the seat of the channel at a place.
    pub(super) fn reseat(&mut self, place: usize, seat: usize) {
        match self {
            Joined::Few { places, .. } => places[place].seat = short(seat),
            Joined::Many(seats) => seats[place] = short(seat),
        }
    }
}
