//! Passwords, the limits on guessing them, and the `kilonova user` commands. The rows belong to
//! `models::user` and `models::sign_in`; the controllers sign users in and out.

pub mod command;
mod devices;
mod ends;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod guesses;
mod line;
mod passwords;

use std::time::Instant;

pub use self::devices::{Device, Devices};
pub use self::ends::Ends;
pub use self::guesses::{Guess, Guesses};
pub use self::line::Caller;
pub use self::passwords::Passwords;

/// The services for signing in, shared by all workers.
pub struct Accounts {
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Counts guesses.
    pub guesses: Guesses,
    /// Recognizes browsers that have signed in before.
    pub devices: Devices,
    /// Tracks which sign-ins have ended.
    pub ends: Ends,
}

/// The limits on password checks.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Wrong passwords per minute for one user name, or from one device; 0 means no limit.
    pub guesses_per_user: u32,
    /// Wrong passwords per minute from one address; 0 means no limit.
    pub guesses_per_address: u32,
    /// Maximum number of passwords that wait to be hashed.
    pub passwords_waiting: usize,
}

impl Accounts {
    /// Starts with no counted guesses. `key` signs device cookies and is the same on all nodes of a
    /// site.
    pub fn new(limits: Limits, key: [u8; 64], ends: Ends) -> Accounts {
        let Limits { guesses_per_user, guesses_per_address, passwords_waiting } = limits;
        Accounts {
            passwords: Passwords::new(passwords_waiting),
            guesses: Guesses::new(guesses_per_user, guesses_per_address, Instant::now()),
            devices: Devices::new(key),
            ends,
        }
    }
}
