//! The requests to the registry. Owns them and the types of their replies; leaves executing them to
//! `registry`.

use std::sync::{Arc, Weak};

use actix::{Message, Recipient};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::inlet::Inlet;
use super::link::{Snapshot, Update};
use super::subscriber::{Tether, Who};
use super::{Channel, Count, Envelope, JoinError, Member, Meta, Monitor, Subscription};

/// A request to the registry. The caller may have stopped waiting for the reply.
pub(super) enum Command {
    Join {
        channel: Channel,
        member: Who,
        meta: Option<Meta>,
        joined: oneshot::Sender<Result<(), JoinError>>,
    },
    Leave {
        channel: Channel,
        member: Who,
        left: oneshot::Sender<bool>,
    },
    /// Sends to this node's members.
    Dispatch(Envelope),
    /// Sends to the members on all nodes.
    Broadcast(Envelope),
    DispatchAll {
        envelopes: Vec<Envelope>,
        done: oneshot::Sender<()>,
    },
    Members {
        channel: Channel,
        node: Arc<str>,
        members: oneshot::Sender<Vec<Member>>,
    },
    LocalMembers {
        channel: Channel,
        node: Arc<str>,
        members: oneshot::Sender<Vec<Member>>,
    },
    Channels(oneshot::Sender<Vec<Channel>>),
    Counts(oneshot::Sender<Vec<Count>>),
    Nodes(oneshot::Sender<Vec<Arc<str>>>),
    Snapshot(oneshot::Sender<Snapshot>),
    Update(Update),
    Monitor {
        channel: Channel,
        node: Arc<str>,
        inlet: Weak<Inlet>,
        monitor: oneshot::Sender<Monitor>,
    },
    Unmonitor {
        channel: Channel,
        id: u64,
    },
    /// Joins from the actor's own context, unless the actor is already a member of the channel.
    Attend {
        channel: Channel,
        member: Recipient<Envelope>,
        meta: Option<Meta>,
        joined: oneshot::Sender<Result<Option<Tether>, JoinError>>,
    },
    /// The guard in an actor's context was dropped because the actor died or was restarted.
    Unguarded(Who),
    Subscribe {
        channels: Vec<Channel>,
        meta: Option<Meta>,
        capacity: usize,
        inlet: Weak<Inlet>,
        subscription: oneshot::Sender<Result<Subscription, JoinError>>,
    },
    Unsubscribe(u64),
    Died(Who),
    Stop,
}

/// A command in the mailbox, with the permit that it holds until it has been executed.
pub(super) struct Queued {
    pub(super) command: Command,
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Message for Queued {
    type Result = ();
}
