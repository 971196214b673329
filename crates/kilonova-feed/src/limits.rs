//! Limits of one client: its rate, and the address that it counts under.

mod address;
mod rate;

pub use self::address::Address;
pub use self::rate::{Rate, Rates};
