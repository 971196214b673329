//! A member as lists and monitors name it. Owns identity: two are equal when they are the same actor.

use std::sync::Arc;

use actix::Recipient;

use super::Envelope;
use super::subscriber::Subscriber;

/// A member of a channel: equal to another when both are the same actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    node: Arc<str>,
    local: Option<Subscriber>,
}

impl Member {
    pub(super) fn local(node: &Arc<str>, subscriber: Subscriber) -> Member {
        Member { node: Arc::clone(node), local: Some(subscriber) }
    }

    /// The name of the node that it lives on.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Its address, if it lives on this node.
    pub fn recipient(&self) -> Option<&Recipient<Envelope>> {
        self.local.as_ref().map(Subscriber::recipient)
    }
}
