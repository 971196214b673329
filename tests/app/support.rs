//! The tests' foundation: an application for each test, and three clients.

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

/// The timeout, longer than any step takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Awaits a future, and panics after [`PATIENCE`].
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("timed out after {PATIENCE:?}: {what}"),
    }
}
