//! Connects the parts: the registry's link, the other nodes, and the adapter between them. Owns the
//! loop and its timing.

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

/// How often overdue answers are checked.
const TICK: Duration = Duration::from_millis(250);

/// The interval, in ticks, at which a node sends its version to the others, so that a node that
/// missed a change notices.
const TELL: u32 = 2;

/// The number of local events, and of messages from other nodes, that are taken at a time.
const TOGETHER: usize = 1024;

/// The pause between two parts of a list of all members, about 32 KiB each, so that they find room
/// in the queues. Longer for a node that lost a part.
const PART: Duration = Duration::from_millis(2);

/// The number of broadcasts in one request to the registry, which handles nothing else until the
/// request is done.
const DELIVERED: usize = 32;

/// The origin of broadcasts from Erlang nodes.
const ERLANG: &str = "erlang";

/// Connects a registry with the registries of other nodes, until the registry stops. Run it on an
/// arbiter.
pub async fn run(link: Link, adapter: Arc<dyn Adapter>, incoming: Incoming) {
    drive(link, adapter, incoming, Outside::default()).await;
}

/// Like [`run`], and also connects the registry with Erlang nodes.
#[cfg(feature = "erlang")]
pub async fn run_beside(
    link: Link,
    adapter: Arc<dyn Adapter>,
    incoming: Incoming,
    erlang: super::erlang::Connections,
) {
    drive(link, adapter, incoming, Outside::new(erlang)).await;
}

/// Runs the driver with any nodes outside the cluster.
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
        log::debug!("the registry has stopped, so its connection to other nodes ends");
    }
}

struct Driver {
    link: Link,
    adapter: Arc<dyn Adapter>,
    outside: Outside,
    peers: Peers,
    /// The version of this node's members that was sent last.
    version: u64,
    alone: bool,
    /// The answers in progress, at most one for each node.
    answers: HashMap<NodeId, AbortHandle>,
    /// Each answer reports its end here.
    done: mpsc::UnboundedSender<NodeId>,
    answered: mpsc::UnboundedReceiver<NodeId>,
}

impl Driver {
    async fn run(mut self, incoming: Incoming) -> Result<(), Error> {
        let Incoming { mut nodes, mut messages } = incoming;
        // Nodes may have connected before this.
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
                        // If the last changes were lost, only the version reveals it.
                        self.version = self.version.max(self.link.lost());
                        self.adapter.send_to_all(single(&Item::Version(self.version)));
                    }
                }
            }
        }
    }

    /// Sends consecutive broadcasts of one node as one request to the registry.
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
                        // Fails only if the loop has ended.
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
