//! Limits of one client: its rate, and the address that it counts under. The feed uses them for
//! sockets; an application can use them for its own routes.

mod address;
mod addresses;
mod rate;

pub use self::address::Address;
pub(crate) use self::addresses::Addresses;
pub use self::rate::{Rate, Rates};

/// The value of a limit: 0 means no limit.
pub(crate) fn unless_zero(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}
