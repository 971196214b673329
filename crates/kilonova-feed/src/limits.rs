//! Limits of one client: its rate, and the address that it counts under. The feed uses them for
//! sockets; an application can use them for its own routes.

mod address;
mod addresses;
mod rate;

pub use self::address::Address;
pub(crate) use self::addresses::Addresses;
pub use self::rate::{Rate, Rates};
