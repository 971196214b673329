//! The number of open sockets, or connections, per address.
//!
//! An address has an entry only while it has an open socket or connection, so there are never more
//! entries than those.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Address;

/// The sockets or connections of each address, up to a limit.
pub(crate) struct Addresses {
    max: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Addresses {
    /// Starts with none; admits at most `max` per address.
    pub(crate) fn new(max: usize) -> Addresses {
        Addresses { max, open: Mutex::default() }
    }

    /// Counts one more of this peer, until [`Addresses::leave`] is called; `None` if its address is
    /// at the limit.
    pub(crate) fn enter(&self, peer: Option<IpAddr>) -> Option<Address> {
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

    /// Stops counting one of this address.
    pub(crate) fn leave(&self, address: Address) {
        let Some(key) = address.counted() else { return };
        if let Entry::Occupied(mut count) = self.open().entry(key) {
            if *count.get() > 1 {
                *count.get_mut() -= 1;
            } else {
                count.remove();
            }
        }
    }

    /// The number of addresses with an open socket or connection.
    pub(crate) fn count(&self) -> usize {
        self.open().len()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
