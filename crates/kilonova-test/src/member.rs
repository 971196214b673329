//! Helpers for tests with members: send, wait, count. The members themselves are
//! `kilonova_pubsub::testing::Probe`.

use std::pin::pin;
use std::task::{self, Poll, Waker};

use kilonova_pubsub::testing::PATIENCE;
use kilonova_pubsub::{Payload, PubSub};
use tokio::time::timeout;

pub use kilonova_pubsub::testing::{Die, Keep, Probe};

/// Sends a message without a payload.
pub async fn say(pubsub: &PubSub, channel: &str, topic: &str) {
    pubsub.broadcast(channel, topic, Payload::null()).await.unwrap();
}

/// Returns when the registry has executed all earlier requests.
pub async fn barrier(pubsub: &PubSub) {
    pubsub.get_members("nobody is here").await.unwrap();
}

/// The number of members of a channel, each counted as often as it joined.
pub async fn count(pubsub: &PubSub, channel: &str) -> usize {
    pubsub.get_members(channel).await.unwrap().len()
}

/// Waits for a future. Panics after [`PATIENCE`].
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("the future takes too long")
}

/// The result of a future. Panics if the future has to wait.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the future has to wait"),
    }
}
