//! A member as lists and monitors return it. Owns identity: two members are equal when they are the
//! same actor or subscription.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use actix::Recipient;

use super::subscriber::Subscriber;
use super::{Envelope, Meta, NodeId, Payload};

/// A member of a channel, on any node. Two are equal when they are the same actor or subscription,
/// regardless of metadata.
#[derive(Clone, Debug)]
pub struct Member {
    node: Arc<str>,
    identity: Identity,
    meta: Option<Meta>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Identity {
    Local(Subscriber),
    /// This run of the member's node assigned the number.
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

    /// The name of the member's node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The metadata that the member joined the channel with
    /// ([`PubSub::join_as`](super::PubSub::join_as)), if any.
    ///
    /// In [`Change::Left`](super::Change::Left), the metadata that the member had until then.
    pub fn meta(&self) -> Option<&Payload> {
        self.meta.as_ref().map(Meta::payload)
    }

    /// The member's address, if it is an actor on this node. A
    /// [`Subscription`](super::Subscription) has none.
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
