//! The number of members and channels, and who is a member of what: the same in every benchmark.

use std::fmt;

use kilonova_pubsub::Channel;

/// A number of members, each in `each` of the channels.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) members: usize,
    pub(crate) channels: usize,
    pub(crate) each: usize,
}

/// From a thousand to a million members: all in one channel, and about ten in each channel.
pub(crate) const SIZES: [Size; 8] = [
    size(1_000, 1),
    size(10_000, 1),
    size(100_000, 1),
    size(1_000_000, 1),
    size(1_000, 100),
    size(10_000, 1_000),
    size(100_000, 10_000),
    size(1_000_000, 100_000),
];

const fn size(members: usize, channels: usize) -> Size {
    Size { members, channels, each: 1 }
}

impl Size {
    /// The names of the channels.
    pub(crate) fn names(self) -> Vec<Channel> {
        (0..self.channels).map(|number| Channel::from(format!("channel-{number}"))).collect()
    }

    /// The numbers of a member's channels. Members with adjacent numbers are in different channels.
    pub(crate) fn channels_of(self, member: usize) -> impl Iterator<Item = usize> {
        (0..self.each).map(move |turn| (member + turn * 7919) % self.channels)
    }

    /// The number of members in a channel.
    pub(crate) fn in_each(self) -> usize {
        self.members * self.each / self.channels
    }

    /// Members or channels in an order without a pattern; each appears once before any repeats.
    pub(crate) fn shuffled(count: usize) -> impl Iterator<Item = usize> {
        // A prime above every count shares no divisor with it.
        (0..).map(move |turn: usize| turn.wrapping_mul(2_654_435_761) % count)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.members, self.channels)
    }
}
