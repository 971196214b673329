//! Process groups: named channels that actors and other code join, and messages to all members.
//!
//! The whole interface is in this file. `Membership` owns the bookkeeping, `registry` is the one
//! place that acts on it, and [`Envelope`] is what a message is. Nothing here knows of sockets,
//! databases or an application.
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
//! - **Empty channels** do not exist: a channel goes with its last member. Any string can name a
//!   channel.
//! - **Death.** A member that stopped, panicked or was dropped is in no channel, and no list names
//!   it. A [`Subscription`], an actor that joined with [`ContextExt::join`] and an actor with a
//!   [`Lifeline`] leave at once. Any other actor leaves with the next message to it, with the next
//!   list of the channel, or with a sweep that checks 40,000 members a second. If one message finds
//!   many dead members, the first 4,096 leave at once and the others with the sweep.
//! - **The sender** gets its own broadcast if it is a member.
//! - **Order.** Messages from one sender to one member arrive in the order in which they were sent,
//!   by `broadcast`, `local_broadcast`, `try_broadcast` and `publish` alike. There is no order
//!   between members or between senders.
//! - **Delivery** is at most once. A broadcast that returned goes to all that are members when the
//!   registry processes it. That is no receipt: a member may die before it handles the message.
//!
//! Beyond `pg`:
//!
//! - **Metadata.** A member may say who it is ([`PubSub::join_as`]), up to [`META_MAX`] bytes in
//!   each channel. Lists and monitors show it on every node.
//!
//! Every queue is bounded:
//!
//! - **A member's mailbox** has the capacity that its actor gave it: 16 by default in actix,
//!   [`MAILBOX`] after [`ContextExt::join`], the chosen one after `set_mailbox_capacity` of the
//!   actor's context. A [`Subscription`] buffers 1,024 envelopes by default. When a mailbox is
//!   full, the member misses messages, and nobody waits for it. One [`Envelope::lagged`] notice
//!   tells it of each gap, before anything newer and as soon as it has room: with the next message,
//!   or within about a tenth of a second on a quiet channel. A member that has left every channel
//!   in the meantime gets no notice.
//! - **The registry's mailbox** holds 1,024 requests. When it is full, the `async` functions wait,
//!   which slows a fast sender down, and `try_broadcast` returns [`TryBroadcastError::Full`].
//! - **A monitor** that does not read ends after 1,024 unread changes ([`Monitor::next`]).
//! - **The number of channels** can be limited ([`Builder::max_channels`]): a join that would
//!   create one too many fails with [`JoinError::TooManyChannels`].
//!
//! A call whose future is dropped early may or may not have had its effect. The registry stops when
//! its last [`PubSub`] is dropped or its arbiter stops; every call then returns `Stopped`. The
//! registry holds the address of each member, so an actor that is a member does not stop because
//! nobody else has its address.
//!
//! # Cost
//!
//! The cost of an operation depends on the members and channels that it concerns, not on how many
//! others there are. `benches/README.md` has figures for up to a million members in a hundred
//! thousand channels.
//!
//! - **Joining and leaving** take constant time. Now and then a full table moves to one of twice
//!   the size: a tenth of a second with a million members.
//! - **A death** takes time in proportion to the channels of the member.
//! - **A broadcast** takes a quarter of a microsecond to one microsecond for each member of the
//!   channel. Requests run one after the other: a join during a broadcast to a million members
//!   waits for up to a second. Other tasks on the registry's thread run after each millisecond of
//!   requests, or after one longer request. A registry with large channels belongs on its own
//!   arbiter.
//! - **A list** of members takes time in proportion to the members of its channel, the list of
//!   channels in proportion to all channels: a tenth of a second for a million.
//! - **Memory.** A member takes about 300 bytes, most of it for the clone of its address, and 16 to
//!   32 bytes more for each channel from the third on. A channel takes about 150 bytes. Members
//!   that left make room for new ones; the memory is not given back.

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

/// A handle on one node's process groups: cheap to clone, usable from every thread and arbiter.
///
/// All clones share one registry. The [crate's documentation](self) has the guarantees.
#[derive(Clone, Debug)]
pub struct PubSub {
    inlet: Arc<Inlet>,
    sender: Arc<Sender>,
}

/// How many members a channel has, each as often as it joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Which channel.
    pub channel: Channel,
    /// On all nodes.
    pub members: usize,
    /// On this node.
    pub local_members: usize,
}

impl PubSub {
    /// Starts a registry on the current arbiter, empty, for the node of this name.
    ///
    /// # Panics
    ///
    /// On a thread without an actix `System`, where [`PubSub::try_start`] returns an error.
    pub fn start(node: impl Into<Arc<str>>) -> PubSub {
        PubSub::builder(node).start()
    }

    /// [`PubSub::start`] that fails on a thread without an actix `System`, such as one of plain
    /// tokio.
    pub fn try_start(node: impl Into<Arc<str>>) -> Result<PubSub, StartError> {
        PubSub::builder(node).try_start()
    }

    /// Starts a registry on `arbiter`, which keeps large broadcasts off the current one.
    ///
    /// If that arbiter has stopped already, every call on the handle says `Stopped`.
    pub fn start_in(arbiter: &ArbiterHandle, node: impl Into<Arc<str>>) -> PubSub {
        PubSub::builder(node).start_in(arbiter)
    }

    /// A registry for the node of this name, to be started with limits.
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

    /// Makes `member` a member of `channel` once more; done when it returns.
    ///
    /// Joining with the address of a dead actor has no effect and is no error.
    pub async fn join(
        &self,
        channel: impl Into<Channel>,
        member: impl Into<Recipient<Envelope>>,
    ) -> Result<(), JoinError> {
        self.inlet.join(channel.into(), Who::Actor(member.into()), None).await
    }

    /// [`PubSub::join`] with what the member says of itself, at most [`META_MAX`] bytes of JSON.
    ///
    /// Lists and monitors show it on every node ([`Member::meta`]): who is here, not only how many.
    /// A member has one metadata in each channel. The last one given holds for all of its joins
    /// there, a plain `join` keeps it, and it is gone when the member has left the channel as often
    /// as it joined.
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

    /// [`PubSub::join`], or [`PubSub::join_as`] with metadata, of an actor whose messages take this
    /// route instead of its mailbox. Its first join decides.
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

    /// Takes back one `join`; done when it returns.
    ///
    /// The member still handles the messages in its mailbox. A member that died has left already:
    /// `NotJoined`.
    pub async fn leave(
        &self,
        channel: impl Into<Channel>,
        member: impl Into<Recipient<Envelope>>,
    ) -> Result<(), LeaveError> {
        self.inlet.leave(channel.into(), Who::Actor(member.into())).await
    }

    /// Receives the messages of these channels without an actor, from now on; done when it returns.
    ///
    /// Works on any thread and in any async runtime. A channel that is named twice is joined twice.
    /// After an error it has joined none of them. The buffer holds 1,024 envelopes;
    /// [`Subscription`] describes a full one.
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

    /// [`PubSub::subscribe`] with metadata for each of the channels, as [`PubSub::join_as`].
    pub async fn subscribe_as(
        &self,
        channels: impl IntoIterator<Item = impl Into<Channel>>,
        meta: Payload,
    ) -> Result<Subscription, JoinError> {
        self.subscribe_with(subscription::CAPACITY, channels, Some(Meta::new(meta)?)).await
    }

    /// [`PubSub::subscribe`] with a buffer of `capacity` envelopes, at least 1.
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
    /// A channel without members is no error. An actor's handler cannot wait and uses
    /// [`PubSub::try_broadcast`].
    pub async fn broadcast(
        &self,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Result<(), Error> {
        let envelope = Envelope::new(channel, topic, payload).sent_by(&self.sender);
        self.inlet.send(Command::Broadcast(envelope)).await
    }

    /// Sends a message to the members of `channel` on this node only; otherwise as
    /// [`PubSub::broadcast`].
    pub async fn local_broadcast(
        &self,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Result<(), Error> {
        self.publish(Envelope::new(channel, topic, payload)).await
    }

    /// [`PubSub::broadcast`] without waiting, for an actor's handler or a plain thread.
    ///
    /// `Full` means that 1,024 requests wait for the registry. Nothing was sent; try again later.
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

    /// [`PubSub::publish`] for several envelopes, in their order, as one request to the registry.
    /// When it returns, they are in the members' mailboxes.
    ///
    /// Consecutive envelopes for one channel reach each member together, so that it can write them
    /// together. Other requests wait until all are sent: a few dozen at a time is right.
    pub async fn publish_all(&self, envelopes: Vec<Envelope>) -> Result<(), Error> {
        let sent = envelopes.into_iter().map(|envelope| envelope.sent_by(&self.sender));
        let envelopes = sent.collect();
        self.inlet.ask(|done| Command::DispatchAll { envelopes, done }).await
    }

    /// The living members of `channel` on all nodes, each as often as it joined, in no order. A
    /// channel that does not exist has none.
    ///
    /// It is a barrier: when it returns, everything that the same caller sent before is in the
    /// mailboxes.
    pub async fn get_members(&self, channel: impl Into<Channel>) -> Result<Vec<Member>, Error> {
        let (channel, node) = (channel.into(), Arc::clone(&self.sender.node));
        self.inlet.ask(|members| Command::Members { channel, node, members }).await
    }

    /// The living members of `channel` on this node; otherwise as [`PubSub::get_members`].
    pub async fn get_local_members(
        &self,
        channel: impl Into<Channel>,
    ) -> Result<Vec<Member>, Error> {
        let (channel, node) = (channel.into(), Arc::clone(&self.sender.node));
        self.inlet.ask(|members| Command::LocalMembers { channel, node, members }).await
    }

    /// The names of all nodes that can be reached, this one first, the others in no order.
    pub async fn nodes(&self) -> Result<Vec<Arc<str>>, Error> {
        let others = self.inlet.ask(Command::Nodes).await?;
        Ok(std::iter::once(Arc::clone(&self.sender.node)).chain(others).collect())
    }

    /// All channels with a living member on any node, each once, in no order.
    pub async fn which_groups(&self) -> Result<Vec<Channel>, Error> {
        self.inlet.ask(Command::Channels).await
    }

    /// How many members each channel has, on all nodes and on this one, in no order.
    ///
    /// Members whose death is not known yet may be counted.
    pub async fn count_members(&self) -> Result<Vec<Count>, Error> {
        self.inlet.ask(Command::Counts).await
    }

    /// The members of `channel` now, and each later change to them, without a gap or a repetition.
    ///
    /// The channel need not exist, and may come and go.
    pub async fn monitor(&self, channel: impl Into<Channel>) -> Result<Monitor, Error> {
        let (channel, node, inlet) =
            (channel.into(), Arc::clone(&self.sender.node), Arc::downgrade(&self.inlet));
        self.inlet.ask(|monitor| Command::Monitor { channel, node, inlet, monitor }).await
    }

    /// Counts for metrics. Asks nothing of the registry, so that it answers at once also while the
    /// registry is busy; the numbers are up to a tenth of a second old.
    pub fn stats(&self) -> Stats {
        self.inlet.stats()
    }

    /// A handle whose broadcasts name `member` as their sender, as Erlang's `self()` does.
    ///
    /// It need not be a member of a channel. Receivers ask [`Sender::is`]. The handle holds the
    /// actor's address.
    pub fn sent_by(&self, member: impl Into<Recipient<Envelope>>) -> PubSub {
        let sender = Sender::local(Arc::clone(&self.sender.node), Some(member.into()));
        PubSub { inlet: Arc::clone(&self.inlet), sender: Arc::new(sender) }
    }

    /// A guard that removes `member` from every channel when it is dropped. In the actor's struct
    /// it makes its death known at once; [`ContextExt::join`] needs none.
    pub fn lifeline(&self, member: impl Into<Recipient<Envelope>>) -> Lifeline {
        Lifeline::new(Arc::downgrade(&self.inlet), &member.into())
    }
}

#[cfg(all(doctest, feature = "actix-web"))]
#[doc = include_str!("../README.md")]
struct Readme;
