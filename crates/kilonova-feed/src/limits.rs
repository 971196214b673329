//! What one client may have of something: how often, and under which address it is counted.

mod address;
mod rate;

pub use self::address::Address;
pub use self::rate::{Rate, Rates};
