//! The address that a client counts under.

use std::net::{IpAddr, Ipv6Addr};

/// The address that a client counts under; `None` if it does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address(Option<IpAddr>);

impl Address {
    /// The address of a peer. An IPv6 peer counts with its /64: one household has at least a /64,
    /// so single addresses would be no limit.
    ///
    /// Loopback peers and peers without an address do not count.
    pub fn of(peer: Option<IpAddr>) -> Address {
        let counted = peer.map(|peer| peer.to_canonical()).filter(|peer| !peer.is_loopback());
        Address(counted.map(|peer| match peer {
            IpAddr::V4(_) => peer,
            IpAddr::V6(peer) => Ipv6Addr::from_bits(peer.to_bits() & (u128::MAX << 64)).into(),
        }))
    }

    /// The address, or the first one of its /64; `None` if it does not count.
    pub fn counted(&self) -> Option<IpAddr> {
        self.0
    }
}
