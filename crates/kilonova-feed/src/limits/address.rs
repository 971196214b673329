//! The address that a client is counted under.

use std::net::{IpAddr, Ipv6Addr};

/// What a client is counted under; `None` when it is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub Option<IpAddr>);

impl Address {
    /// An IPv6 peer counts with its /64, which is one household's at the least: counted alone,
    /// everyone would have as many addresses as they like.
    ///
    /// Loopback peers are not counted in open access, the only one there is. Nor is a peer
    /// that has no address.
    pub fn of(peer: Option<IpAddr>) -> Address {
        let counted = peer.map(|peer| peer.to_canonical()).filter(|peer| !peer.is_loopback());
        Address(counted.map(|peer| match peer {
            IpAddr::V4(_) => peer,
            IpAddr::V6(peer) => Ipv6Addr::from_bits(peer.to_bits() & (u128::MAX << 64)).into(),
        }))
    }
}
