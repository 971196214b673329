//! A budget of bytes shared by clients. This module enforces that no address holds more than a
//! quarter of it, so that one client cannot exhaust it. The owner of a budget decides what the
//! bytes are used for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One address may hold at most 1/PART of the budget.
const PART: usize = 4;

/// A budget of bytes.
pub struct Shares {
    room: Arc<Semaphore>,
    max: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// The reason why there is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The budget is used up.
    All,
    /// The address has used its part.
    Address,
}

impl Shares {
    /// Creates a budget of `max` bytes in total.
    pub fn new(max: usize) -> Arc<Shares> {
        let max = max.min(Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(max));
        Arc::new(Shares { room, max, by_address: Mutex::default() })
    }

    /// Takes a share of this many bytes, or of the whole budget if that is less. An address that
    /// holds at most `own` bytes, which the share will be added to, gets a share of any size.
    pub fn take(
        self: &Arc<Shares>,
        address: Option<IpAddr>,
        own: usize,
        bytes: usize,
    ) -> Result<Share, Refused> {
        let bytes = bytes.min(self.max);
        let permits = u32::try_from(bytes).map_err(|_| Refused::All)?;
        if let Some(address) = address {
            let mut by_address = self.by_address();
            let has = by_address.entry(address).or_default();
            if *has > own && *has + bytes > self.max / PART {
                return Err(Refused::Address);
            }
            *has += bytes;
        }
        // The share counts for the address until it is dropped, even without a permit.
        let mut share = Share { of: Arc::clone(self), address, bytes, permit: None };
        let permit = Arc::clone(&self.room).try_acquire_many_owned(permits);
        share.permit = Some(permit.map_err(|_| Refused::All)?);
        Ok(share)
    }

    /// Returns whether an address has used its part of the budget.
    pub fn is_at_its_part(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = address else { return false };
        self.by_address().get(&address).is_some_and(|has| *has >= self.max / PART)
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of the budget, which is returned on drop.
pub struct Share {
    of: Arc<Shares>,
    address: Option<IpAddr>,
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// The number of bytes in the share.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds another share of the same budget and address.
    pub fn merge(&mut self, mut more: Share) {
        self.bytes += std::mem::take(&mut more.bytes);
        match (&mut self.permit, more.permit.take()) {
            (Some(permit), Some(more)) => permit.merge(more),
            (permit @ None, more) => *permit = more,
            (_, None) => {}
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(address) = self.address.filter(|_| self.bytes > 0) else { return };
        let mut by_address = self.of.by_address();
        if let Some(has) = by_address.get_mut(&address) {
            *has = has.saturating_sub(self.bytes);
            if *has == 0 {
                by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn one_address_has_a_quarter_and_leaves_the_rest_to_others() {
        let shares = Shares::new(100);
        let mut first = shares.take(address(1), 0, 20).unwrap();
        assert_eq!(shares.take(address(1), 0, 6).err(), Some(Refused::Address));
        first.merge(shares.take(address(1), 0, 5).unwrap());
        assert!(shares.is_at_its_part(address(1)));
        let others: Vec<_> = (2..5).map(|it| shares.take(address(it), 0, 25).unwrap()).collect();
        assert_eq!(shares.take(address(5), 0, 1).err(), Some(Refused::All));
        assert_eq!(shares.take(None, 0, 1).err(), Some(Refused::All));
        drop(first);
        assert!(!shares.is_at_its_part(address(1)));
        assert!(shares.take(address(5), 0, 25).is_ok());
        drop(others);
        assert!(shares.by_address().is_empty());
        assert_eq!(shares.room.available_permits(), 100);
    }

    #[test]
    fn an_address_without_shares_may_take_a_larger_one() {
        let shares = Shares::new(100);
        let whole = shares.take(address(1), 0, 500).unwrap();
        assert_eq!(shares.take(address(2), 0, 1).err(), Some(Refused::All));
        drop(whole);
        // This also holds if it is taken in pieces.
        let mut pieces = shares.take(address(1), 0, 20).unwrap();
        pieces.merge(shares.take(address(1), pieces.bytes(), 40).unwrap());
        assert_eq!(shares.take(address(1), 0, 1).err(), Some(Refused::Address));
        drop(pieces);
        assert!(shares.take(None, 0, 100).is_ok());
    }
}
