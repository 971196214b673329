//! Readers that come, are dropped and resume, while hints are lost and feeds are restarted: each
//! sees every event of its channels that its viewer may see, once, in order.

use std::sync::Arc;
use std::time::Duration;

use actix::clock::timeout;
use kilonova_feed::{Bounds, Event, Feed, Limits};
use kilonova_pubsub::PubSub;
use proptest::prelude::*;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::{
    HEARTBEAT, Reader, Serving, Site, Told, Toy, Transport, Viewer, Wish, new_event, soon,
};

const CHANNELS: [&str; 3] = ["a", "b", "c"];
const AUDIENCES: [&str; 3] = ["", "reduced", "secret"];

/// Two nodes, or two feeds on one registry.
const NODES: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    /// Commits events on these channels, for these audiences, some of them large.
    Commit(Vec<(usize, usize, usize)>),
    /// Tells a node of the last events, but for those that a mask leaves out.
    Hint {
        node: usize,
        mask: u16,
        reversed: bool,
        doubled: bool,
    },
    /// Tells a node how far the log goes, or not quite.
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
    /// Drops a reader and lets it resume at a node where it was.
    Kill {
        reader: usize,
        node: usize,
    },
    /// Lets a reader take nothing for a while, or go on.
    Pause {
        reader: usize,
        paused: bool,
    },
    /// Replaces a node's feed.
    Restart {
        node: usize,
    },
    /// Lets everyone read on.
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
        5 => prop::collection::vec(event, 1..40).prop_map(Step::Commit),
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
        2 => (0_usize..8, any::<bool>())
            .prop_map(|(reader, paused)| Step::Pause { reader, paused }),
        1 => node().prop_map(|node| Step::Restart { node }),
        2 => Just(Step::Settle),
    ]
}

/// What a reader has seen.
#[derive(Debug)]
struct Seen {
    start: i64,
    /// Where it would resume.
    last: i64,
    events: Vec<i64>,
    wrong: Option<String>,
    paused: bool,
}

struct Follower {
    transport: Transport,
    wish: Wish,
    toy: Toy,
    seen: Arc<watch::Sender<Seen>>,
    reading: JoinHandle<()>,
}

impl Follower {
    /// Reads on from where it was, on a node, and again whenever it is closed.
    fn read(&mut self, site: &Arc<Site>) {
        let (transport, wish, toy) = (self.transport, self.wish.clone(), self.toy.clone());
        let (seen, site) = (Arc::clone(&self.seen), Arc::clone(site));
        self.reading.abort();
        self.reading = actix::spawn(async move {
            loop {
                let last = seen.borrow().last;
                let wish = wish.clone().after(last);
                match site.try_open(transport, &wish).await {
                    Ok(reader) => follow(reader, &wish, &toy, &seen).await,
                    // Its feed is being replaced.
                    Err(503) => tokio::task::yield_now().await,
                    Err(status) => note(&seen, format!("refused with {status}")),
                }
                if seen.borrow().wrong.is_some() {
                    return;
                }
            }
        });
    }
}

fn note(seen: &watch::Sender<Seen>, what: String) {
    seen.send_modify(|seen| seen.wrong = Some(format!("{what}: {seen:?}")));
}

/// Reads to the end of a connection, and checks all that it is told.
async fn follow(mut reader: Reader, wish: &Wish, toy: &Toy, seen: &watch::Sender<Seen>) {
    let mut going = seen.subscribe();
    loop {
        drop(going.wait_for(|seen| !seen.paused).await);
        match reader.next().await {
            Told::Event(said) => {
                let Some(id) = said.id else { return note(seen, format!("{said:?}")) };
                let size = said.data.as_str().map(str::len);
                if said.topic == "happened" && size != Some(size_at(toy, id)) {
                    return note(seen, format!("another event than the one at {id}: {size:?}"));
                }
                seen.send_modify(|seen| {
                    seen.last = id;
                    seen.events.push(id);
                });
            }
            Told::Position(position) => {
                let start = seen.borrow().start;
                let expected = toy.seen(wish.viewer, &wish.channels, start, position);
                if seen.borrow().events != expected || position < seen.borrow().last {
                    return note(seen, format!("position {position} after {expected:?}"));
                }
                seen.send_modify(|seen| seen.last = position);
            }
            Told::Resync(position) => return note(seen, format!("resync at {position}")),
            Told::End(_) => return,
        }
    }
}

fn size_at(toy: &Toy, position: i64) -> usize {
    toy.payload(position).trim_matches('"').len()
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
                let seen =
                    Seen { start, last: start, events: Vec::new(), wrong: None, paused: false };
                let mut follower = Follower {
                    transport,
                    wish: Wish::new(&names).by(viewer),
                    toy: toy.clone(),
                    seen: Arc::new(watch::Sender::new(seen)),
                    reading: actix::spawn(async {}),
                };
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
                    follower.seen.send_modify(|seen| seen.paused = paused);
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
    // Each of them sees these, behind all others.
    for channel in CHANNELS {
        toy.commit_event(new_event(channel, "the last"));
    }
    for follower in &followers {
        follower.seen.send_modify(|seen| seen.paused = false);
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
        follower.reading.abort();
    }
    drop(followers);
    for site in sites {
        let feed = site.feed();
        soon(feed.stop()).await;
        site.halt().await;
    }
    Ok(())
}

/// As many as `PROPTEST_CASES` says; few where it does not, since each takes half a second.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(16)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: 40,
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
