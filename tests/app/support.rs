//! What the tests stand on: an application of their own, and three ways to speak to it.

mod answer;
mod mishaps;
mod nodes;
mod raw;
pub(crate) mod schema;
pub(crate) mod secrets;
mod shapes;
mod site;
mod socket;

use std::future::Future;
use std::time::Duration;

pub(crate) use self::answer::Answer;
pub(crate) use self::mishaps::{Mishap, Mishaps};
pub(crate) use self::nodes::{converge, links};
pub(crate) use self::raw::Raw;
pub(crate) use self::shapes::{assert_comment, assert_note, assert_post, ids};
pub(crate) use self::site::Site;
pub(crate) use self::socket::Socket;

/// Longer than anything takes on a busy machine: what takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Awaits something that must come to an end, and fails the test when it does not.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain: {what}"),
    }
}
