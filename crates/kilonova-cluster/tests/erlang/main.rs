//! Tests with real Erlang nodes. Without `erl` they are skipped, unless `KILONOVA_TEST_REQUIRE`
//! contains `erlang`. They are named after the hazards in OTP's own test suite of `pg`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broadcasts;
mod figures;
mod hazards;
mod hostile;
mod records;

use std::sync::Arc;
use std::time::Duration;

use kilonova_cluster::erlang::{self, Cookie, Erlang, Options, Timing};
use kilonova_cluster::{Isolated, run_beside};
use kilonova_pubsub::{Change, Monitor, PubSub};
use kilonova_test::erlang::{COOKIE, Node};

/// The timeout for every step.
const PATIENCE: Duration = Duration::from_secs(20);

/// This node, connected to Erlang nodes.
struct Here {
    pubsub: PubSub,
    erlang: Erlang,
    /// A separate thread, because the tests block theirs while they wait for Erlang.
    arbiter: actix::Arbiter,
}

impl Drop for Here {
    fn drop(&mut self) {
        self.arbiter.stop();
    }
}

fn options(peers: &[String]) -> Options {
    let timing = Timing {
        connect: Duration::from_secs(2),
        backoff: (Duration::from_millis(50), Duration::from_millis(200)),
        discover: Duration::from_millis(100),
        silence: Duration::from_secs(4),
    };
    let peers = peers.iter().map(|peer| peer.parse().unwrap());
    Options::new("test", peers, ["posts", "comments"], Cookie::new(COOKIE)).timing(timing)
}

impl Here {
    fn start(peers: &[String]) -> Here {
        Here::start_with(options(peers))
    }

    fn start_with(options: Options) -> Here {
        let (erlang, connections) = erlang::open(options).unwrap();
        let arbiter = actix::Arbiter::new();
        let (pubsub, link) = PubSub::builder("here").start_linked_in(&arbiter.handle());
        let (isolated, incoming) = Isolated::open();
        arbiter.spawn(run_beside(link, Arc::new(isolated), incoming, connections));
        Here { pubsub, erlang, arbiter }
    }

    /// Starts a member of `posts` on a node, and waits until each side sees the other's member.
    async fn meet(&self, nova: &mut Node) {
        nova.is("register(m, probe:start([posts])), probe:await(posts, 2)", "ok");
        self.await_members("posts", 1).await;
    }

    /// Waits until a channel has `count` members.
    async fn await_members(&self, channel: &str, count: usize) {
        let mut monitor = self.pubsub.monitor(channel).await.unwrap();
        let mut members = monitor.members().len();
        while members != count {
            match next(&mut monitor).await {
                Change::Joined(_) => members += 1,
                Change::Left(_) => members -= 1,
                change => panic!("{change:?}"),
            }
        }
    }
}

async fn next(monitor: &mut Monitor) -> Change {
    within(monitor.next()).await.unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}
