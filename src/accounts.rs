//! Passwords, the limits on guessing them, and the commands `kilonova user`. The rows are `models::user`'s
//! and `models::sign_in`'s; signing in and out is the controllers'.

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

/// The parts that signing in needs; shared by all workers.
pub struct Accounts {
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Counts guesses.
    pub guesses: Guesses,
    /// Knows the browsers that have signed in before.
    pub devices: Devices,
    /// Knows which sign-ins have ended.
    pub ends: Ends,
}

/// How much of it there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Wrong passwords per minute for one user name, or of one device; 0 for any number.
    pub guesses_per_user: u32,
    /// Wrong passwords per minute of one address; 0 for any number.
    pub guesses_per_address: u32,
    /// Passwords that wait to be hashed.
    pub passwords_waiting: usize,
}

impl Accounts {
    /// Starts without guesses. `key` signs devices; all nodes of a site have the same.
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
