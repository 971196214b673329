//! A member as lists and monitors name it. Owns identity: two are equal when they are the same
//! actor.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use actix::Recipient;

use super::subscriber::Subscriber;
use super::{Envelope, Meta, NodeId, Payload};

/// A member of a channel, on whichever node: equal to another when both are the same actor or
/// subscription, whatever their metadata.
#[derive(Clone, Debug)]
pub struct Member {
    node: Arc<str>,
    identity: Identity,
    meta: Option<Meta>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Identity {
    Local(Subscriber),
    /// Numbered by that run of its node.
    Remote {
        incarnation: u64,
        number: u64,
    },
}

impl Member {
    pub(super) fn local(node: &Arc<str>, subscriber: Subscriber, meta: Option<Meta>) -> Member {
        Member { node: Arc::clone(node), identity: Identity::Local(subscriber), meta }
    }

    pub(super) fn remote(node: &NodeId, number: u64, meta: Option<Meta>) -> Member {
        let identity = Identity::Remote { incarnation: node.incarnation(), number };
        Member { node: Arc::clone(node.name()), identity, meta }
    }

    /// The name of the node that it lives on.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// What it said of itself when it joined the channel
    /// ([`PubSub::join_as`](super::PubSub::join_as)), if it did.
    ///
    /// In [`Change::Left`](super::Change::Left) it is what the member had until then.
    pub fn meta(&self) -> Option<&Payload> {
        self.meta.as_ref().map(Meta::payload)
    }

    /// Its address, if it is an actor on this node; a [`Subscription`](super::Subscription) has
    /// none.
    pub fn recipient(&self) -> Option<&Recipient<Envelope>> {
        match &self.identity {
            Identity::Local(subscriber) => subscriber.recipient(),
            Identity::Remote { .. } => None,
        }
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Member) -> bool {
        self.identity == other.identity && self.node == other.node
    }
}

impl Eq for Member {}

impl Hash for Member {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.node.hash(state);
        self.identity.hash(state);
    }
}
