//! Process groups: named channels that actors and other code join, and messages to all members.
//!
//! The whole interface is in this file. `Membership` owns the bookkeeping, `registry` is the one
//! place that acts on it, and [`Envelope`] is a message. Nothing here depends on sockets, databases
//! or an application.
//!
//! ```
//! use actix::prelude::*;
//! use kilonova_pubsub::{Envelope, Payload, PubSub};
//!
//! struct Ear(tokio::sync::mpsc::Sender<String>);
//!
//! impl Actor for Ear {
//!     type Context = Context<Self>;
//! }
//!
//! impl Handler<Envelope> for Ear {
//!     type Result = ();
//!     fn handle(&mut self, envelope: Envelope, _: &mut Context<Self>) {
//!         let heard = format!("{}: {}", envelope.topic(), envelope.payload().as_json());
//!         self.0.try_send(heard).ok();
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! System::new().block_on(async {
//!     let (heard, mut hearing) = tokio::sync::mpsc::channel(8);
//!     let pubsub = PubSub::start("node-1");
//!     let ear = Ear(heard).start();
//!
//!     pubsub.join("notes", ear.clone()).await?;
//!     pubsub.broadcast("notes", "note_created", Payload::encode(&[1, 2])?).await?;
//!
//!     assert_eq!(hearing.recv().await.as_deref(), Some("note_created: [1,2]"));
//!     pubsub.leave("notes", ear).await?;
//!     assert!(pubsub.which_groups().await?.is_empty());
//!     Ok(())
//! })
//! # }
//! ```
//!
//! Code outside actors reads a [`Subscription`]. An actor joins from its own `started` with
//! [`ContextExt::join`], and [`supervise`] restarts it after a panic.
//!
//! # Guarantees
//!
//! The semantics are those of `pg` in Erlang/OTP:
//!
//! - **Joining.** A member that joins twice is a member twice: it gets each message twice and must
//!   leave twice. Leaving without having joined is [`LeaveError::NotJoined`]. When `join` or
//!   `leave` returns, every later call sees the change, from any thread.
//! - **Empty channels** do not exist: a channel disappears with its last member. Any string can
//!   name a channel.
//! - **Death.** A member that stopped, panicked or was dropped is in no channel, and no list names
//!   it. A [`Subscription`], an actor that joined with [`ContextExt::join`] and an actor with a
//!   [`Lifeline`] leave at once. Any other actor leaves when the next message is sent to it, when
//!   its channel is listed, or when a sweep, which checks 40,000 members a second, reaches it. If
//!   one message finds many dead members, the first 4,096 leave at once and the sweep removes the
//!   others.
//! - **The sender** gets its own broadcast if it is a member.
//! - **Order.** Messages from one sender to one member arrive in the order in which they were sent,
//!   by `broadcast`, `local_broadcast`, `try_broadcast` and `publish` alike. There is no order
//!   between members or between senders.
//! - **Delivery** is at most once. A broadcast that has returned goes to all members that the
//!   channel has when the registry processes it. It is not an acknowledgement: a member may die
//!   before it handles the message.
//!
//! Beyond `pg`:
//!
//! - **Metadata.** A member may join with metadata about itself ([`PubSub::join_as`]), up to
//!   [`META_MAX`] bytes in each channel. Lists and monitors show it on every node.
//!
//! Every queue is bounded:
//!
//! - **A member's mailbox** has the capacity that its actor gave it: 16 by default in actix,
//!   [`MAILBOX`] after [`ContextExt::join`], or the value that the actor passes to its context's
//!   `set_mailbox_capacity`. A [`Subscription`] buffers 1,024 envelopes by default. When a mailbox
//!   is full, the member misses messages; no sender waits for it. One [`Envelope::lagged`] notice
//!   reports each gap, before any newer message and as soon as the mailbox has room: with the next
//!   message, or within about a tenth of a second on a quiet channel. A member that leaves every
//!   channel before that gets no notice.
//! - **The registry's mailbox** holds 1,024 requests. When it is full, the `async` functions wait,
//!   which slows a fast sender down, and `try_broadcast` returns [`TryBroadcastError::Full`].
//! - **A monitor** that is not read ends after 1,024 unread changes ([`Monitor::next`]).
//! - **The number of channels** can be limited ([`Builder::max_channels`]): a join that would
//!   exceed the limit fails with [`JoinError::TooManyChannels`].
//!
//! A call whose future is dropped early may or may not take effect. The registry stops when its
//! last [`PubSub`] is dropped or its arbiter stops; every call then returns `Stopped`. The registry
//! holds the address of each member, so a member keeps running when nobody else has its address.
//!
//! # Cost
//!
//! The cost of an operation depends on the members and channels involved, not on how many others
//! exist. `benches/README.md` has figures for up to a million members in a hundred thousand
//! channels.
//!
//! - **Joining and leaving** take constant time. Occasionally a full table doubles its size, which
//!   takes a tenth of a second with a million members.
//! - **A death** takes time proportional to the number of the member's channels.
//! - **A broadcast** takes a quarter of a microsecond to one microsecond for each member of the
//!   channel. Requests run sequentially: a join during a broadcast to a million members waits for
//!   up to a second. Other tasks on the registry's thread run after each millisecond of requests,
//!   or after one longer request. Start a registry with large channels on its own arbiter.
//! - **A list** of members takes time proportional to the members of its channel. The list of
//!   channels takes time proportional to all channels: a tenth of a second for a million.
//! - **Memory.** A member takes about 300 bytes, most of it for the clone of its address, and 16 to
//!   32 bytes more for each channel from the third on. A channel takes about 150 bytes. New members
//!   reuse the memory of members that left; it is not released.

mod builder;
mod channel;
mod command;
mod context;
mod dispatcher;
mod envelope;
mod error;
mod groups;
mod inlet;
mod laggards;
mod lifeline;
mod link;
mod member;
mod membership;
mod meta;
mod monitor;
mod node;
mod payload;
mod registry;
mod remote;
mod stats;
mod subscriber;
mod subscription;
pub mod supervise;
#[cfg(feature = "testing")]
pub mod testing;
mod watchers;

use std::sync::Arc;

use actix::{ArbiterHandle, Recipient};

pub use self::builder::Builder;
pub use self::channel::Channel;
pub use self::context::{ContextExt, MAILBOX};
#[doc(hidden)]
pub use self::dispatcher::{Dispatcher, Post, Receive, Receiving, Route};
pub use self::envelope::{Envelope, Sender};
pub use self::error::{Error, JoinError, LeaveError, StartError, TryBroadcastError};
pub use self::lifeline::Lifeline;
#[doc(hidden)]
pub use self::link::{Joins, Link, Local, Snapshot, Step, Update};
pub use self::member::Member;
#[doc(hidden)]
pub use self::membership::{Left, Membership};
pub use self::meta::META_MAX;
#[doc(hidden)]
pub use self::meta::Meta;
pub use self::monitor::{Change, Monitor};
#[doc(hidden)]
pub use self::node::NodeId;
pub use self::payload::Payload;
pub use self::stats::Stats;
pub use self::subscription::Subscription;

use self::command::Command;
use self::inlet::Inlet;
use self::subscriber::Who;

/// A handle to one node's process groups, cheap to clone and usable from every thread and arbiter.
///
/// All clones share one registry. The [crate documentation](self) states the guarantees.
#[derive(Clone, Debug)]
pub struct PubSub {
    inlet: Arc<Inlet>,
    sender: Arc<Sender>,
}

/// The number of members of a channel. A member counts once for each time that it joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The channel.
    pub channel: Channel,
    /// Its members on all nodes.
    pub members: usize,
    /// Its members on this node.
    pub local_members: usize,
}

impl PubSub {
    /// Starts an empty registry for the node named `node`, on the current arbiter.
    ///
    /// # Panics
    ///
    /// Panics on a thread without an actix `System`. [`PubSub::try_start`] returns an error
    /// instead.
    pub fn start(node: impl Into<Arc<str>>) -> PubSub {
        PubSub::builder(node).start()
    }

    /// Like [`PubSub::start`], but returns an error on a thread without an actix `System`, such as
    /// a plain tokio thread.
    pub fn try_start(node: impl Into<Arc<str>>) -> Result<PubSub, StartError> {
        PubSub::builder(node).try_start()
    }

    /// Starts a registry on `arbiter`, which keeps large broadcasts off the current one.
    ///
    /// If that arbiter has already stopped, every call on the handle returns `Stopped`.
    pub fn start_in(arbiter: &ArbiterHandle, node: impl Into<Arc<str>>) -> PubSub {
        PubSub::builder(node).start_in(arbiter)
    }

    /// Returns a builder that starts a registry with limits, for the node named `node`.
    ///
    /// ```
    /// # use kilonova_pubsub::PubSub;
    /// # actix::System::new().block_on(async {
    /// let pubsub = PubSub::builder("node-1").max_channels(100_000).start();
    /// # });
    /// ```
    pub fn builder(node: impl Into<Arc<str>>) -> Builder {
        Builder::new(node.into())
    }

    fn over(inlet: Inlet, node: Arc<str>) -> PubSub {
        PubSub { inlet: Arc::new(inlet), sender: Arc::new(Sender::local(node, None)) }
    }

    /// The name of this node.
    pub fn node(&self) -> &str {
        &self.sender.node
    }

    /// Makes `member` join `channel` once. The join is in effect when this returns.
    ///
    /// Joining with the address of a dead actor has no effect and is not an error.
    pub async fn join(
        &self,
        channel: impl Into<Channel>,
        member: impl Into<Recipient<Envelope>>,
    ) -> Result<(), JoinError> {
        self.inlet.join(channel.into(), Who::Actor(member.into()), None).await
    }

    /// Like [`PubSub::join`], with metadata about the member: at most [`META_MAX`] bytes of JSON.
    ///
    /// Lists and monitors show it on every node ([`Member::meta`]), so that you see who is present,
    /// not only how many. A member has one metadata value in each channel. The last value given
    /// applies to all of its joins there, and a plain `join` keeps it. It is removed when the
    /// member has left the channel as often as it joined.
    ///
    /// ```
    /// # use kilonova_pubsub::{Payload, PubSub, testing::Probe};
    /// # actix::System::new().block_on(async {
    /// # let (pubsub, session) = (PubSub::start("node-1"), Probe::start());
    /// let ann = serde_json::json!({ "name": "Ann" });
    /// pubsub.join_as("room", session.recipient(), ann.clone().into()).await?;
    /// let members = pubsub.get_members("room").await?;
    /// assert_eq!(*members[0].meta().unwrap(), ann);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn join_as(
        &self,
        channel: impl Into<Channel>,
        member: impl Into<Recipient<Envelope>>,
        meta: Payload,
    ) -> Result<(), JoinError> {
        let (who, meta) = (Who::Actor(member.into()), Meta::new(meta)?);
        self.inlet.join(channel.into(), who, Some(meta)).await
    }

    /// Like [`PubSub::join`], or [`PubSub::join_as`] with metadata, for an actor that receives its
    /// messages over `route` instead of its mailbox. The actor's first join decides which.
    #[doc(hidden)]
    pub async fn join_by(
        &self,
        channel: impl Into<Channel>,
        member: impl Into<Recipient<Envelope>>,
        route: Route,
        meta: Option<Meta>,
    ) -> Result<(), JoinError> {
        self.inlet.join(channel.into(), Who::Routed(member.into(), route), meta).await
    }

    /// Undoes one `join`. The change is in effect when this returns.
    ///
    /// The member still handles the messages in its mailbox. A member that died has already left:
    /// the call returns [`LeaveError::NotJoined`].
    pub async fn leave(
        &self,
        channel: impl Into<Channel>,
        member: impl Into<Recipient<Envelope>>,
    ) -> Result<(), LeaveError> {
        self.inlet.leave(channel.into(), Who::Actor(member.into())).await
    }

    /// Subscribes to `channels` without an actor. The joins are in effect when this returns.
    ///
    /// Works on any thread and in any async runtime. A channel that is named twice is joined twice.
    /// On an error, none of the channels is joined. The buffer holds 1,024 envelopes;
    /// [`Subscription`] describes what happens when it is full.
    ///
    /// ```
    /// # use kilonova_pubsub::{Payload, PubSub};
    /// # actix::System::new().block_on(async {
    /// # let pubsub = PubSub::start("node-1");
    /// let mut notes = pubsub.subscribe(["notes"]).await?;
    /// pubsub.broadcast("notes", "note_created", Payload::null()).await?;
    /// assert_eq!(notes.next().await.unwrap().topic(), "note_created");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn subscribe(
        &self,
        channels: impl IntoIterator<Item = impl Into<Channel>>,
    ) -> Result<Subscription, JoinError> {
        self.subscribe_with(subscription::CAPACITY, channels, None).await
    }

    /// Like [`PubSub::subscribe`], with metadata in each of the channels as in [`PubSub::join_as`].
    pub async fn subscribe_as(
        &self,
        channels: impl IntoIterator<Item = impl Into<Channel>>,
        meta: Payload,
    ) -> Result<Subscription, JoinError> {
        self.subscribe_with(subscription::CAPACITY, channels, Some(Meta::new(meta)?)).await
    }

    /// Like [`PubSub::subscribe`], with a buffer of `capacity` envelopes, at least 1.
    pub async fn subscribe_with_capacity(
        &self,
        capacity: usize,
        channels: impl IntoIterator<Item = impl Into<Channel>>,
    ) -> Result<Subscription, JoinError> {
        self.subscribe_with(capacity, channels, None).await
    }

    async fn subscribe_with(
        &self,
        capacity: usize,
        channels: impl IntoIterator<Item = impl Into<Channel>>,
        meta: Option<Meta>,
    ) -> Result<Subscription, JoinError> {
        let channels = channels.into_iter().map(Into::into).collect();
        let capacity = capacity.clamp(1, subscription::MOST);
        let inlet = Arc::downgrade(&self.inlet);
        self.inlet
            .ask(|subscription| Command::Subscribe {
                channels,
                meta,
                capacity,
                inlet,
                subscription,
            })
            .await?
    }

    /// Sends a message to all members of `channel` on all nodes; waits for room in the registry's
    /// mailbox.
    ///
    /// A channel without members is not an error. An actor's handler cannot wait: use
    /// [`PubSub::try_broadcast`] there.
    pub async fn broadcast(
        &self,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Result<(), Error> {
        let envelope = Envelope::new(channel, topic, payload).sent_by(&self.sender);
        self.inlet.send(Command::Broadcast(envelope)).await
    }

    /// Sends a message to the members of `channel` on this node only; otherwise like
    /// [`PubSub::broadcast`].
    pub async fn local_broadcast(
        &self,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Result<(), Error> {
        self.publish(Envelope::new(channel, topic, payload)).await
    }

    /// Like [`PubSub::broadcast`], but never waits: for an actor's handler or a plain thread.
    ///
    /// `Full` means that 1,024 requests wait for the registry. Nothing was sent; retry later.
    pub fn try_broadcast(
        &self,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Result<(), TryBroadcastError> {
        let envelope = Envelope::new(channel, topic, payload).sent_by(&self.sender);
        self.inlet.try_send(Command::Broadcast(envelope))
    }

    /// Sends a ready-made envelope, such as one with a position, to this node's members of its
    /// channel.
    ///
    /// Members see this handle's sender. Waits for room as [`PubSub::broadcast`] does.
    pub async fn publish(&self, envelope: Envelope) -> Result<(), Error> {
        self.inlet.send(Command::Dispatch(envelope.sent_by(&self.sender))).await
    }

    /// Like [`PubSub::publish`], for several envelopes in order, as one request to the registry.
    /// When it returns, they are in the members' mailboxes.
    ///
    /// Consecutive envelopes for one channel reach each member as one batch, which it can write at
    /// once. Other requests wait until all are sent, so send a few dozen at a time.
    pub async fn publish_all(&self, envelopes: Vec<Envelope>) -> Result<(), Error> {
        let sent = envelopes.into_iter().map(|envelope| envelope.sent_by(&self.sender));
        let envelopes = sent.collect();
        self.inlet.ask(|done| Command::DispatchAll { envelopes, done }).await
    }

    /// Returns the living members of `channel` on all nodes, each as often as it joined, in no
    /// particular order. A channel that does not exist has none.
    ///
    /// The call is a barrier: when it returns, everything that the same caller sent before is in
    /// the mailboxes.
    pub async fn get_members(&self, channel: impl Into<Channel>) -> Result<Vec<Member>, Error> {
        let (channel, node) = (channel.into(), Arc::clone(&self.sender.node));
        self.inlet.ask(|members| Command::Members { channel, node, members }).await
    }

    /// Returns the living members of `channel` on this node; otherwise like
    /// [`PubSub::get_members`].
    pub async fn get_local_members(
        &self,
        channel: impl Into<Channel>,
    ) -> Result<Vec<Member>, Error> {
        let (channel, node) = (channel.into(), Arc::clone(&self.sender.node));
        self.inlet.ask(|members| Command::LocalMembers { channel, node, members }).await
    }

    /// Returns the names of all reachable nodes: this one first, the others in no particular order.
    pub async fn nodes(&self) -> Result<Vec<Arc<str>>, Error> {
        let others = self.inlet.ask(Command::Nodes).await?;
        Ok(std::iter::once(Arc::clone(&self.sender.node)).chain(others).collect())
    }

    /// Returns all channels with a living member on any node, each once, in no particular order.
    pub async fn which_groups(&self) -> Result<Vec<Channel>, Error> {
        self.inlet.ask(Command::Channels).await
    }

    /// Returns the number of members of each channel, on all nodes and on this one, in no
    /// particular order.
    ///
    /// Members whose death is not known yet may be counted.
    pub async fn count_members(&self) -> Result<Vec<Count>, Error> {
        self.inlet.ask(Command::Counts).await
    }

    /// Returns the current members of `channel` and every later change, without gaps or duplicates.
    ///
    /// The channel need not exist, and may appear and disappear.
    pub async fn monitor(&self, channel: impl Into<Channel>) -> Result<Monitor, Error> {
        let (channel, node, inlet) =
            (channel.into(), Arc::clone(&self.sender.node), Arc::downgrade(&self.inlet));
        self.inlet.ask(|monitor| Command::Monitor { channel, node, inlet, monitor }).await
    }

    /// Returns counts for metrics, up to a tenth of a second old. It sends no request to the
    /// registry, so it returns at once even when the registry is busy.
    pub fn stats(&self) -> Stats {
        self.inlet.stats()
    }

    /// Returns a handle whose broadcasts name `member` as their sender, as Erlang's `self()` does.
    ///
    /// The actor need not be a member of a channel. Receivers check with [`Sender::is`]. The handle
    /// holds the actor's address.
    pub fn sent_by(&self, member: impl Into<Recipient<Envelope>>) -> PubSub {
        let sender = Sender::local(Arc::clone(&self.sender.node), Some(member.into()));
        PubSub { inlet: Arc::clone(&self.inlet), sender: Arc::new(sender) }
    }

    /// Returns a guard that removes `member` from every channel when the guard is dropped.
    ///
    /// Keep it in the actor's struct, so that the actor's death is known at once. An actor that
    /// joins with [`ContextExt::join`] needs none.
    pub fn lifeline(&self, member: impl Into<Recipient<Envelope>>) -> Lifeline {
        Lifeline::new(Arc::downgrade(&self.inlet), &member.into())
    }
}

#[cfg(all(doctest, feature = "actix-web"))]
#[doc = include_str!("../README.md")]
struct Readme;
