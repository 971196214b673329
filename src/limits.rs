//! What one client may have of something: how often, and under which address it is counted.

mod address;
mod rate;

pub(crate) use self::address::Address;
pub(crate) use self::rate::{Rate, Rates};
