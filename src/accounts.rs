//! Passwords, the limits on guessing them, and `kilonova user add`. The rows are `models::user`'s
//! and `models::sign_in`'s; signing in and out is the controllers'.

pub mod command;
mod guesses;
mod passwords;

use std::time::Instant;

pub use self::guesses::{Guess, Guesses};
pub use self::passwords::Passwords;

/// The parts that signing in needs; shared by all workers.
pub struct Accounts {
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Counts guesses.
    pub guesses: Guesses,
}

impl Accounts {
    /// Nobody has guessed yet. So many guesses in a minute may be wrong of one user name, and of
    /// one address; 0 for any number.
    pub fn new(guesses_per_user: u32, guesses_per_address: u32) -> Accounts {
        let guesses = Guesses::new(guesses_per_user, guesses_per_address, Instant::now());
        Accounts { passwords: Passwords::new(), guesses }
    }
}
