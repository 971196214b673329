//! A member as lists and monitors name it. Owns identity: two are equal when they are the same actor.

use std::sync::Arc;

use actix::Recipient;

use super::subscriber::Subscriber;
use super::{Envelope, NodeId};

/// A member of a channel, on whichever node: equal to another when both are the same actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    node: Arc<str>,
    identity: Identity,
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
    pub(super) fn local(node: &Arc<str>, subscriber: Subscriber) -> Member {
        Member { node: Arc::clone(node), identity: Identity::Local(subscriber) }
    }

    pub(super) fn remote(node: &NodeId, number: u64) -> Member {
        let identity = Identity::Remote { incarnation: node.incarnation(), number };
        Member { node: Arc::clone(node.name()), identity }
    }

    /// The name of the node that it lives on.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Its address, if it is an actor on this node; a [`Subscription`](super::Subscription) has none.
    pub fn recipient(&self) -> Option<&Recipient<Envelope>> {
        match &self.identity {
            Identity::Local(subscriber) => subscriber.recipient(),
            Identity::Remote { .. } => None,
        }
    }
}
