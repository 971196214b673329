//! The rate limits on guessing passwords.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::devices::Device;
use crate::error::{AppError, AppResult};
use kilonova_feed::limits::{Address, Rates};

const PERIOD: Duration = Duration::from_secs(60);

/// Counts guesses by name and by address, and those from a known device by that device only. A
/// limit of ten per minute permits ten at once, then one every six seconds. Loopback peers are not
/// counted by address.
pub struct Guesses {
    names: Rates,
    addresses: Rates,
    devices: Rates,
}

/// A guess that stays counted unless it is forgiven.
#[must_use]
pub struct Guess<'a> {
    guesses: &'a Guesses,
    counted: Counted<'a>,
}

/// The key under which a guess was counted.
enum Counted<'a> {
    Stranger { name: &'a str, address: Option<IpAddr> },
    Device(Device),
}

impl Guesses {
    pub(super) fn new(per_name: u32, per_address: u32, now: Instant) -> Guesses {
        Guesses {
            names: Rates::new(per_name, PERIOD, now),
            addresses: Rates::new(per_address, PERIOD, now),
            devices: Rates::new(per_name, PERIOD, now),
        }
    }

    /// Counts a guess at this user's password before the password is checked, so that concurrent
    /// guesses count too. Returns 429 if there were too many guesses at that name or from that
    /// address; the right password is then refused too.
    ///
    /// A device of this name has the same limit as a name and uses up no guesses of the name or
    /// address. A name without an account is counted like any other.
    pub fn count<'a>(
        &'a self,
        folded_username: &'a str,
        peer: Option<SocketAddr>,
        device: Option<Device>,
    ) -> AppResult<Guess<'a>> {
        let now = Instant::now();
        if let Some(device) = device {
            self.devices.admit(device, now).map_err(refused)?;
            return Ok(Guess { guesses: self, counted: Counted::Device(device) });
        }
        let address = self.count_address(peer, now)?;
        let counted = Counted::Stranger { name: folded_username, address };
        match self.names.admit(folded_username, now) {
            Ok(()) => Ok(Guess { guesses: self, counted }),
            Err(wait) => {
                // A refused guess does not count against its address.
                self.give_back_address(address);
                Err(refused(wait))
            }
        }
    }

    fn count_address(&self, peer: Option<SocketAddr>, now: Instant) -> AppResult<Option<IpAddr>> {
        let address = Address::of(peer.map(|peer| peer.ip())).counted();
        if let Some(address) = address {
            self.addresses.admit(address, now).map_err(refused)?;
        }
        Ok(address)
    }

    fn give_back_address(&self, address: Option<IpAddr>) {
        if let Some(address) = address {
            self.addresses.give_back(address);
        }
    }
}

impl Guess<'_> {
    /// Removes the guess from the count, because it was right or was never checked.
    pub fn forgive(self) {
        match self.counted {
            Counted::Device(device) => self.guesses.devices.give_back(device),
            Counted::Stranger { name, address } => {
                self.guesses.names.give_back(name);
                self.guesses.give_back_address(address);
            }
        }
    }
}

fn refused(wait: Duration) -> AppError {
    AppError::too_many("too many attempts: try again later", wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(address.parse().expect("an address"), 1))
    }

    /// The number of admitted guesses out of a hundred wrong ones.
    fn wrong(guesses: &Guesses, name: impl Fn(usize) -> String, address: &str) -> usize {
        (0..100).filter(|n| guesses.count(&name(*n), peer(address), None).is_ok()).count()
    }

    // These tests finish within the two seconds after which another guess is permitted.

    #[test]
    fn guesses_at_one_name_are_limited_over_all_addresses() {
        let guesses = Guesses::new(10, 30, Instant::now());
        let ada = |_| "ada".to_owned();
        assert_eq!(wrong(&guesses, ada, "192.0.2.1"), 10);
        assert_eq!(wrong(&guesses, ada, "192.0.2.2"), 0);
        assert_eq!(wrong(&guesses, ada, "127.0.0.1"), 0);
        assert_eq!(wrong(&guesses, |_| "eve".to_owned(), "192.0.2.1"), 10);
    }

    #[test]
    fn guesses_from_one_address_or_network_are_limited_over_all_names() {
        let guesses = Guesses::new(10, 30, Instant::now());
        let any = |n| format!("name-{n}");
        assert_eq!(wrong(&guesses, any, "192.0.2.1"), 30);
        assert_eq!(wrong(&guesses, any, "::ffff:192.0.2.1"), 0);
        assert_eq!(wrong(&guesses, any, "2001:db8::1"), 30);
        assert_eq!(wrong(&guesses, any, "2001:db8::2"), 0);
        assert_eq!(wrong(&guesses, |n| format!("other-{n}"), "127.0.0.1"), 100);
    }

    #[test]
    fn a_limit_of_zero_refuses_nothing() {
        let guesses = Guesses::new(0, 0, Instant::now());
        assert_eq!(wrong(&guesses, |_| "ada".to_owned(), "192.0.2.1"), 100);
    }

    #[test]
    fn right_passwords_do_not_count_as_guesses() {
        let guesses = Guesses::new(10, 30, Instant::now());
        for _ in 0..100 {
            guesses.count("ada", peer("192.0.2.1"), None).expect("it is let in").forgive();
        }
    }

    #[test]
    fn a_known_device_has_guesses_that_strangers_do_not_use_up() {
        let guesses = Guesses::new(10, 30, Instant::now());
        assert_eq!(wrong(&guesses, |_| "ada".to_owned(), "192.0.2.1"), 10);
        assert_eq!(wrong(&guesses, |n| format!("name-{n}"), "192.0.2.1"), 20);
        let guesses = &guesses;
        let device = |n| Some(Device::example(n));
        let of = |n| {
            (0..100).filter(move |_| guesses.count("ada", peer("192.0.2.1"), device(n)).is_ok())
        };
        assert_eq!(of(1).count(), 10);
        assert_eq!(of(2).count(), 10);
        guesses.count("ada", peer("192.0.2.1"), device(3)).expect("it is let in").forgive();
        assert_eq!(of(3).count(), 10);
    }

    #[test]
    fn a_refused_guess_does_not_count_against_its_address() {
        let guesses = Guesses::new(10, 30, Instant::now());
        assert_eq!(wrong(&guesses, |_| "ada".to_owned(), "192.0.2.1"), 10);
        assert_eq!(wrong(&guesses, |n| format!("name-{n}"), "192.0.2.1"), 20);
    }
}
