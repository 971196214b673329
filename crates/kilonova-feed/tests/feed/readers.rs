//! Readers that open, are dropped and resume while hints are lost and feeds are restarted: each
//! sees every event of its channels that its viewer may see, once, in order.

mod follower;

use std::sync::Arc;
use std::time::Duration;

use actix::clock::timeout;
use kilonova_feed::{Bounds, Event, Feed, Limits};
use kilonova_pubsub::PubSub;
use proptest::prelude::*;

use self::follower::Follower;
use crate::support::{HEARTBEAT, Serving, Site, Toy, Transport, Viewer, Wish, new_event, soon};

const CHANNELS: [&str; 3] = ["a", "b", "c"];
const AUDIENCES: [&str; 3] = ["", "reduced", "secret"];

/// Two nodes, or two feeds on one registry.
const NODES: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    /// Commits events on these channels, for these audiences, some of them large.
    Commit(Vec<(usize, usize, usize)>),
    /// Announces the last events to a node, except those that a mask leaves out.
    Hint {
        node: usize,
        mask: u16,
        reversed: bool,
        doubled: bool,
    },
    /// Announces the end of the log to a node, or a position shortly before it.
    Through {
        node: usize,
        short: i64,
    },
    Open {
        transport: Transport,
        channels: u8,
        viewer: Viewer,
        node: usize,
        late: bool,
    },
    /// Drops a reader and lets it resume on a node.
    Kill {
        reader: usize,
        node: usize,
    },
    /// Pauses or resumes a reader.
    Pause {
        reader: usize,
        paused: bool,
    },
    /// Replaces a node's feed.
    Restart {
        node: usize,
    },
    /// Waits until every node has sent everything.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![4 => 0_usize..1_000, 1 => 5_000_usize..30_000];
    let event = (0..CHANNELS.len(), 0..AUDIENCES.len(), size);
    let transport = prop_oneof![
        Just(Transport::WebSocket),
        Just(Transport::Stream),
        Just(Transport::Subscription)
    ];
    let viewer = prop_oneof![Just(Viewer::Staff), Just(Viewer::Guest)];
    let node = || 0..NODES;
    prop_oneof![
        5 => prop::collection::vec(event, 1..60).prop_map(Step::Commit),
        4 => (node(), any::<u16>(), any::<bool>(), any::<bool>()).prop_map(
            |(node, mask, reversed, doubled)| Step::Hint { node, mask, reversed, doubled }
        ),
        1 => (node(), 0_i64..3).prop_map(|(node, short)| Step::Through { node, short }),
        3 => (transport, 1_u8..8, viewer, node(), any::<bool>()).prop_map(
            |(transport, channels, viewer, node, late)| {
                Step::Open { transport, channels, viewer, node, late }
            }
        ),
        3 => (0_usize..8, node()).prop_map(|(reader, node)| Step::Kill { reader, node }),
        3 => (0_usize..8, prop::bool::weighted(0.7))
            .prop_map(|(reader, paused)| Step::Pause { reader, paused }),
        1 => node().prop_map(|node| Step::Restart { node }),
        2 => Just(Step::Settle),
    ]
}

async fn run(steps: Vec<Step>, shared: bool) -> Result<(), TestCaseError> {
    let toy = Toy::new();
    // A slow reader is closed soon, and resumes.
    let queue = Bounds { messages: 8, bytes: 16 * 1024 };
    let limits = Limits { queue, ..Limits::default() };
    let registry = PubSub::start("shared");
    let second = if shared { registry.clone() } else { PubSub::start("other") };
    let build = |pubsub: &PubSub| {
        Feed::builder(pubsub.clone(), toy.clone()).heartbeat(HEARTBEAT).limits(limits)
    };
    let registries = [registry, second];
    let mut sites = Vec::new();
    for pubsub in &registries {
        sites.push(Arc::new(Site::serve(build(pubsub), Serving::Own).await));
    }
    let mut followers: Vec<Follower> = Vec::new();
    let mut untold: Vec<Event> = Vec::new();
    for step in steps {
        match step {
            Step::Commit(events) => {
                for (channel, audience, size) in events {
                    let new = new_event(CHANNELS[channel], &"x".repeat(size));
                    untold.push(toy.commit_event(new.for_audience(AUDIENCES[audience])));
                }
                let old = untold.len().saturating_sub(40);
                untold.drain(..old);
            }
            Step::Hint { node, mask, reversed, doubled } => {
                let told = untold.iter().enumerate();
                let told = told.filter(|(n, _)| mask >> (n % 16) & 1 == 1);
                let mut told: Vec<Event> = told.map(|(_, event)| event.clone()).collect();
                if reversed {
                    told.reverse();
                }
                if doubled {
                    sites[node].feed().committed(told.clone());
                }
                sites[node].feed().committed(told);
            }
            Step::Through { node, short } => {
                sites[node].feed().committed_through(toy.end() - short);
            }
            Step::Open { transport, channels, viewer, node, late } if followers.len() < 8 => {
                let names = CHANNELS.iter().enumerate();
                let names: Vec<_> =
                    names.filter(|(n, _)| channels >> n & 1 == 1).map(|(_, name)| *name).collect();
                let start = if late { toy.end() } else { 0 };
                let wish = Wish::new(&names).by(viewer);
                let mut follower = Follower::new(transport, wish, &toy, start);
                follower.read(&sites[node]);
                followers.push(follower);
            }
            Step::Open { .. } => {}
            Step::Kill { reader, node } => {
                if let Some(follower) = followers.get_mut(reader) {
                    follower.read(&sites[node]);
                }
            }
            Step::Pause { reader, paused } => {
                if let Some(follower) = followers.get(reader) {
                    follower.pause(paused);
                }
            }
            Step::Restart { node } => {
                let feed = build(&registries[node]).start().await.unwrap();
                sites[node].replace(feed).await;
            }
            Step::Settle => {
                let end = toy.end();
                for site in &sites {
                    let sent = async {
                        while site.feed().sent() < end {
                            tokio::task::yield_now().await;
                        }
                    };
                    soon(sent).await;
                }
            }
        }
        tokio::task::yield_now().await;
    }
    // Each reader sees one of these after all other events.
    for channel in CHANNELS {
        toy.commit_event(new_event(channel, "the last"));
    }
    for follower in &followers {
        follower.pause(false);
    }
    for follower in &followers {
        let wish = &follower.wish;
        let mut seen = follower.seen.subscribe();
        let start = seen.borrow().start;
        let expected = toy.seen(wish.viewer, &wish.channels, start, toy.end());
        let all =
            seen.wait_for(|seen| seen.wrong.is_some() || seen.events.last() >= expected.last());
        let all = timeout(Duration::from_secs(20), all).await;
        drop(all);
        let seen = seen.borrow();
        let who = format!("{:?} {wish:?} from {start}", follower.transport);
        prop_assert!(seen.wrong.is_none(), "{}: {:?}", who, seen.wrong);
        prop_assert_eq!(&seen.events, &expected, "{}", who);
    }
    drop(followers);
    for site in sites {
        let feed = site.feed();
        soon(feed.stop()).await;
        site.halt().await;
    }
    Ok(())
}

/// The number of cases: `PROPTEST_CASES`, or a few, because each takes a good part of a second.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(30)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        // A failing case may wait for a long time.
        max_shrink_time: 30_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_reader_sees_every_event_once_in_order(
        steps in prop::collection::vec(step(), 5..40),
        shared in any::<bool>(),
    ) {
        actix::System::new().block_on(run(steps, shared))?;
    }
}
