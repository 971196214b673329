//! The number of open sockets per address.
//!
//! An address has an entry only while it has a socket, so entries never outnumber sockets.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::Address;

/// The sockets of each address, up to a limit.
pub(super) struct Addresses {
    max: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Addresses {
    /// Starts without sockets; admits at most `max` per address.
    pub(super) fn new(max: usize) -> Addresses {
        Addresses { max, open: Mutex::default() }
    }

    /// Counts a socket of this peer, which must leave later; `None` if its address is at the limit.
    pub(super) fn enter(&self, peer: Option<IpAddr>) -> Option<Address> {
        let address = Address::of(peer);
        if let Some(key) = address.counted() {
            match self.open().entry(key) {
                Entry::Occupied(count) if *count.get() >= self.max => return None,
                Entry::Occupied(mut count) => *count.get_mut() += 1,
                Entry::Vacant(_) if self.max == 0 => return None,
                Entry::Vacant(count) => drop(count.insert(1)),
            }
        }
        Some(address)
    }

    /// Stops counting a socket.
    pub(super) fn leave(&self, address: Address) {
        let Some(key) = address.counted() else { return };
        if let Entry::Occupied(mut count) = self.open().entry(key) {
            if *count.get() > 1 {
                *count.get_mut() -= 1;
            } else {
                count.remove();
            }
        }
    }

    /// The number of addresses with sockets.
    pub(super) fn count(&self) -> usize {
        self.open().len()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
