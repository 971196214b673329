//! Brings the parts together: the registry's link, the other nodes, and the adapter between them.
//! Owns the loop and its timing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use super::message::{self, Item, single};
use super::outside::{Heard, Outside};
use super::peers::{Action, Peers};
use super::{Adapter, Incoming};
use kilonova_pubsub::{Error, Link, Local, NodeId, Snapshot};

/// How often it is looked at what is owed.
const TICK: Duration = Duration::from_millis(250);

/// How often, in ticks, a node tells the others how far it has told, and so finds out who missed
/// something.
const TELL: u32 = 2;

/// What is taken at a time of what happens here, and of what the others say.
const TOGETHER: usize = 1024;

/// Between two parts of all members, so that they find room in the queues: 32 KiB each time. Longer
/// for who has lost some.
const PART: Duration = Duration::from_millis(2);

/// Broadcasts that are delivered as one request to the registry, which does nothing else meanwhile.
const DELIVERED: usize = 32;

/// The origin of what Erlang nodes broadcast.
const ERLANG: &str = "erlang";

/// Connects a registry with those of the other nodes, until it stops. Belongs on an arbiter.
pub async fn run(link: Link, adapter: Arc<dyn Adapter>, incoming: Incoming) {
    drive(link, adapter, incoming, Outside::default()).await;
}

/// [`run`], and connects it with Erlang nodes.
#[cfg(feature = "erlang")]
pub async fn run_beside(
    link: Link,
    adapter: Arc<dyn Adapter>,
    incoming: Incoming,
    erlang: super::erlang::Connections,
) {
    drive(link, adapter, incoming, Outside::new(erlang)).await;
}

/// Both, whatever nodes there are outside.
pub(super) async fn drive(
    link: Link,
    adapter: Arc<dyn Adapter>,
    incoming: Incoming,
    mut outside: Outside,
) {
    outside.start();
    let (done, answered) = mpsc::unbounded_channel();
    let (peers, answers) = (Peers::default(), HashMap::new());
    let driver =
        Driver { link, adapter, outside, peers, version: 0, alone: true, answers, done, answered };
    if let Err(Error::Stopped) = driver.run(incoming).await {
        log::debug!("the registry has stopped, and with it what it has to do with other nodes");
    }
}

struct Driver {
    link: Link,
    adapter: Arc<dyn Adapter>,
    outside: Outside,
    peers: Peers,
    /// The version of this node's members that was told last.
    version: u64,
    alone: bool,
    /// The answers that are under way, one for each node at the most.
    answers: HashMap<NodeId, AbortHandle>,
    /// Each says here when it is through.
    done: mpsc::UnboundedSender<NodeId>,
    answered: mpsc::UnboundedReceiver<NodeId>,
}

impl Driver {
    async fn run(mut self, incoming: Incoming) -> Result<(), Error> {
        let Incoming { mut nodes, mut messages } = incoming;
        // Those that were there before.
        nodes.mark_changed();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = 0;
        let mut heard = Vec::new();
        let mut heard_outside = Vec::new();
        loop {
            tokio::select! {
                happened = self.link.next(TOGETHER) => {
                    if happened.is_empty() {
                        return Err(Error::Stopped);
                    }
                    self.tell(happened);
                }
                Ok(()) = nodes.changed() => {
                    let there = nodes.borrow_and_update().clone();
                    self.alone = there.is_empty();
                    self.answers.retain(|node, answer| {
                        if !there.contains(node) {
                            answer.abort();
                        }
                        there.contains(node)
                    });
                    let actions = self.peers.see(&there, Instant::now());
                    self.act(actions).await?;
                }
                1.. = messages.recv_many(&mut heard, TOGETHER) => {
                    for (from, message) in heard.drain(..) {
                        let actions = self.peers.hear(&from, &message, Instant::now());
                        self.act(actions).await?;
                    }
                }
                1.. = self.outside.next(&mut heard_outside, TOGETHER) => {
                    self.hear_outside(&mut heard_outside).await?;
                }
                Some(node) = self.answered.recv() => {
                    self.answers.remove(&node);
                    self.peers.answered(&node, Instant::now());
                }
                _ = tick.tick() => {
                    let actions = self.peers.tick(Instant::now());
                    self.act(actions).await?;
                    ticks += 1;
                    if ticks % TELL == 0 && !self.alone {
                        // Changes that found no room, with nothing after them, show in the version
                        // alone.
                        self.version = self.version.max(self.link.lost());
                        self.adapter.send_to_all(single(&Item::Version(self.version)));
                    }
                }
            }
        }
    }

    /// Consecutive broadcasts of one node are one request to the registry.
    async fn hear_outside(&mut self, heard: &mut Vec<Heard>) -> Result<(), Error> {
        let mut heard = heard.drain(..).peekable();
        while let Some(next) = heard.next() {
            match next {
                Heard::Update(update) => self.link.update(update).await?,
                Heard::Broadcast(from, envelope) => {
                    let mut envelopes = vec![envelope];
                    while envelopes.len() < DELIVERED
                        && let Some(Heard::Broadcast(_, envelope)) = heard.next_if(
                            |next| matches!(next, Heard::Broadcast(node, _) if *node == from),
                        )
                    {
                        envelopes.push(envelope);
                    }
                    self.link.deliver_foreign(&from, ERLANG, envelopes).await?;
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, happened: Vec<Local>) {
        for local in &happened {
            if let Local::Broadcast(envelope) = local {
                self.outside.tell(envelope);
            }
        }
        if self.alone {
            let changed = happened.iter().rev().find_map(|local| match local {
                Local::Changed(version, _) => Some(*version),
                Local::Broadcast(_) => None,
            });
            self.version = changed.unwrap_or(self.version);
            return;
        }
        for message in message::tell(happened, &mut self.version) {
            self.adapter.send_to_all(message);
        }
    }

    async fn act(&mut self, actions: Vec<Action>) -> Result<(), Error> {
        for action in actions {
            match action {
                Action::Ask(node) => self.adapter.send_to(&node, single(&Item::Ask)),
                Action::Answer(node, slowness) => {
                    let Snapshot { version, joins } = self.link.snapshot().await?;
                    let (adapter, done, to) =
                        (Arc::clone(&self.adapter), self.done.clone(), node.clone());
                    let answer = actix::spawn(async move {
                        for message in message::tell_all(version, joins) {
                            adapter.send_to(&to, message);
                            tokio::time::sleep(PART * 2_u32.pow(slowness)).await;
                        }
                        // Nobody is left to be told when the loop has ended.
                        done.send(to).ok();
                    });
                    if let Some(before) = self.answers.insert(node, answer.abort_handle()) {
                        before.abort();
                    }
                }
                Action::Update(update) => self.link.update(update).await?,
                Action::Deliver(from, envelopes) => {
                    let mut envelopes = envelopes.into_iter().peekable();
                    while envelopes.peek().is_some() {
                        let some = envelopes.by_ref().take(DELIVERED).collect();
                        self.link.deliver(&from, some).await?;
                    }
                }
            }
        }
        Ok(())
    }
}
