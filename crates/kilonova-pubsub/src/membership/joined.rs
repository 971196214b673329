//! The channels of one member. Owns that few of them take no allocation, and that one of any number
//! is found in constant time; what the numbers stand for is `Membership`'s.

use indexmap::IndexMap;

use super::short;

/// How many channels fit into the member's own entry: most members have no more.
const FEW: usize = 3;

/// The channels that a member is in, each at a place: a number below how many there are.
#[derive(Clone, Debug)]
pub(super) enum Joined {
    Few {
        len: u8,
        places: [Place; FEW],
    },
    /// From channel to seat; the place is the index. It stays that way when few are left, or else a
    /// member that goes to and fro would pay for it each time.
    Many(Box<IndexMap<u32, u32>>),
}

/// A channel, and the seat in it that is the member's.
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

    /// What is at a place below [`Joined::len`].
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

    /// Adds a channel that is not there yet, at the last place.
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

    /// Removes what is at a place; the last one moves there.
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

    /// The seat of the channel at this place is another one now.
    pub(super) fn reseat(&mut self, place: usize, seat: usize) {
        match self {
            Joined::Few { places, .. } => places[place].seat = short(seat),
            Joined::Many(seats) => seats[place] = short(seat),
        }
    }
}
