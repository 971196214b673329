//! Process groups: named channels that actors join, and messages to everyone who did.
//!
//! The whole interface is in this file. It leaves bookkeeping to [`Membership`], the one place
//! that acts on it to `registry`, and what a message is to [`Envelope`]; it knows nothing of sockets,
//! databases or the blog.
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
//! # Guarantees
//!
//! The semantics are those of `pg` in Erlang/OTP:
//!
//! - **Joining.** A member that joins twice is a member twice: it gets each message twice and must
//!   leave twice. Leaving without having joined is [`LeaveError::NotJoined`]. `join` and `leave` are
//!   done when they return, for whoever asks afterwards and from wherever.
//! - **Empty channels** do not exist: the last one to leave or die takes the channel along. Any string
//!   can be a channel.
//! - **Death.** A member whose actor stopped or panicked is gone from every channel, and no list ever
//!   names it. With a [`Lifeline`] in the actor that happens at once; without one at the next message
//!   to it, the next list of the channel, or by a sweep that looks at 40,000 members a second. Of those
//!   that one message finds dead, the first 4,096 go at once and the others with the sweep.
//! - **The sender** gets its own broadcast if it is a member.
//! - **Order.** Messages from one sender to one member arrive in the order in which they were sent, whichever
//!   of `broadcast`, `local_broadcast`, `try_broadcast` and `publish` sent them. Between members, and
//!   between senders, there is no order.
//! - **Delivery** is at most once. A broadcast that returned is on its way to those who are members when
//!   the registry comes to it; it is not a receipt.
//!
//! Beyond `pg`, nothing here queues without bound:
//!
//! - **A member's mailbox** has the capacity that its actor gave it ([`actix::AsyncContext`]'s context:
//!   `set_mailbox_capacity`, 16 by default). When it is full the member misses messages, and others do not wait for it.
//!   It is told so with one [`Envelope::lagged`] notice for each gap, before anything newer, as soon
//!   as it has room: with the next message or, on a quiet channel, within about a tenth of a
//!   second. A member that has left every channel in the meantime is not told any more.
//! - **The registry's mailbox** holds 1,024 requests. When it is full, the `async` functions wait in turn, which
//!   slows a fast sender down to what the registry can do, and `try_broadcast` says [`TryBroadcastError::Full`].
//! - **A monitor** that does not read ends after 1,024 unread changes ([`Monitor::next`]).
//! - **The number of channels** can be limited ([`Builder::max_channels`]): a join that would make one too many
//!   fails with [`JoinError::TooManyChannels`].
//!
//! A call whose future is dropped half-way may or may not have happened. The registry stops when
//! the last [`PubSub`] of it is dropped or its arbiter stops; everything then says `Stopped`. It holds
//! an address of each member, so an actor that would have ended because nobody had its address any
//! more lives on for as long as it is a member.
//!
//! # Cost
//!
//! What an operation costs does not depend on how many members and channels there are beside those that it concerns;
//! `benches/README.md` has the figures, up to a million members in a hundred thousand channels.
//!
//! - **Joining and leaving** take constant time. Now and then a table is full and moves to one of twice the
//!   size, for which a join takes a tenth of a second when there are a million members.
//! - **A death** takes time in proportion to the channels that the member was in.
//! - **A broadcast** takes time in proportion to the members of its channel, a quarter of a microsecond to one for
//!   each. Requests are done one after the other, so that whoever joins during a broadcast to a million
//!   waits for up to a second. Everything else on the registry's thread has its turn after each millisecond
//!   of requests, or after one that takes longer: a registry with large channels belongs on an arbiter of its own.
//! - **A list** of members takes time in proportion to their number, the list of channels to that of the channels; a tenth
//!   of a second for a million.
//! - **Memory**: a member takes about 300 bytes, most of it for the clone of its address, and nothing more for
//!   two more channels but 16 to 32 bytes for its entry in each. A channel takes about 150 bytes.
//!   What those who left took is kept for those who come.

mod builder;
mod channel;
mod command;
mod context;
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
pub use self::subscription::Subscription;

use self::command::Command;
use self::inlet::Inlet;
use self::subscriber::Who;

/// A handle on one node's process groups: cheap to clone, usable from every thread and arbiter.
///
/// All clones speak to the same registry. What holds for all of them is in the [module](self)'s documentation.
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

    /// [`PubSub::start`] that fails on a thread without an actix `System`, such as one of plain tokio.
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
    /// An actor that is dead already is not recorded, which is no error: its death would undo it at once.
    pub async fn join(
        &self,
        channel: impl Into<Channel>,
        member: impl Into<Recipient<Envelope>>,
    ) -> Result<(), JoinError> {
        self.inlet.join(channel.into(), Who::Actor(member.into()), None).await
    }

    /// [`PubSub::join`] with what the member says of itself, at most [`META_MAX`] bytes of JSON.
    ///
    /// Lists and monitors show it on every node ([`Member::meta`]): who is here, not only how many. A member
    /// has one metadata in each channel. The last one given holds for all of its joins there, a plain
    /// `join` keeps it, and it is gone when the member has left the channel as often as it joined.
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

    /// Takes back one `join`; done when it returns.
    ///
    /// Messages that are in the member's mailbox already are still handled. A member that died has left: `NotJoined`.
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
    /// On an error it has joined none of them. The buffer holds 1,024 envelopes; the documentation of
    /// [`Subscription`] says what happens when it is full.
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

    /// Sends a message to all members of `channel` on all nodes; waits for room in the registry's mailbox.
    ///
    /// A channel without members is no error. An actor's handler, which cannot wait, uses [`PubSub::try_broadcast`].
    pub async fn broadcast(
        &self,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Result<(), Error> {
        let envelope = Envelope::new(channel, topic, payload).sent_by(&self.sender);
        self.inlet.send(Command::Broadcast(envelope)).await
    }

    /// Sends a message to the members of `channel` on this node only; otherwise as [`PubSub::broadcast`].
    pub async fn local_broadcast(
        &self,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Result<(), Error> {
        self.publish(Envelope::new(channel, topic, payload)).await
    }

    /// [`PubSub::broadcast`] for where one cannot wait: an actor's handler, a plain thread.
    ///
    /// `Full` means that the registry has 1,024 requests to do; nothing was sent and trying later is fine.
    pub fn try_broadcast(
        &self,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Result<(), TryBroadcastError> {
        let envelope = Envelope::new(channel, topic, payload).sent_by(&self.sender);
        self.inlet.try_send(Command::Broadcast(envelope))
    }

    /// Sends a ready-made envelope, such as one with a position, to this node's members of its channel.
    ///
    /// The sender that members see is this handle's own. Waits for room as [`PubSub::broadcast`] does.
    pub async fn publish(&self, envelope: Envelope) -> Result<(), Error> {
        self.inlet.send(Command::Dispatch(envelope.sent_by(&self.sender))).await
    }

    /// [`PubSub::publish`] for several envelopes, in their order, as one request to the registry; they are in the
    /// members' mailboxes when it returns.
    ///
    /// Those in a row for one channel reach each member together: a member that writes them somewhere can write
    /// them at once. Everyone else waits until all are sent, so a few dozen at a time is right.
    pub async fn publish_all(&self, envelopes: Vec<Envelope>) -> Result<(), Error> {
        let sent = envelopes.into_iter().map(|envelope| envelope.sent_by(&self.sender));
        let envelopes = sent.collect();
        self.inlet.ask(|done| Command::DispatchAll { envelopes, done }).await
    }

    /// The living members of `channel` on all nodes: each as often as it joined, in no order; none if there is
    /// no such channel.
    ///
    /// Everything sent before by the same caller has reached the mailboxes when it returns, which makes it a barrier.
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

    /// The names of all nodes that are there, this one first, the others in no order.
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
    /// Members whose death was not noticed yet may be among them.
    pub async fn count_members(&self) -> Result<Vec<Count>, Error> {
        self.inlet.ask(Command::Counts).await
    }

    /// The members of `channel` now, and every change to them from then on: nothing in between is missing or
    /// told twice.
    ///
    /// The channel need not exist yet, and may come and go meanwhile.
    pub async fn monitor(&self, channel: impl Into<Channel>) -> Result<Monitor, Error> {
        let (channel, node, inlet) =
            (channel.into(), Arc::clone(&self.sender.node), Arc::downgrade(&self.inlet));
        self.inlet.ask(|monitor| Command::Monitor { channel, node, inlet, monitor }).await
    }

    /// A handle whose broadcasts name `member` as their sender, as Erlang's `self()` does.
    ///
    /// It need not be a member of anything. Receivers ask [`Sender::is`]. The handle holds the actor's address.
    pub fn sent_by(&self, member: impl Into<Recipient<Envelope>>) -> PubSub {
        let sender = Sender::local(Arc::clone(&self.sender.node), Some(member.into()));
        PubSub { inlet: Arc::clone(&self.inlet), sender: Arc::new(sender) }
    }

    /// A guard that removes `member` from every channel when it is dropped: kept in the actor's struct, it
    /// makes death known at once.
    pub fn lifeline(&self, member: impl Into<Recipient<Envelope>>) -> Lifeline {
        Lifeline::new(Arc::downgrade(&self.inlet), &member.into())
    }
}

#[cfg(all(doctest, feature = "actix-web"))]
#[doc = include_str!("../README.md")]
struct Readme;
