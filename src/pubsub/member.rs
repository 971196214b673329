//! A member as lists and monitors name it. Owns identity: two are equal when they are the same actor.

use std::sync::Arc;

use actix::Recipient;

use super::Envelope;

/// A member of a channel: equal to another when both are the same actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    node: Arc<str>,
    // Shared with the registry, as a list of many members must not clone an address for each.
    recipient: Option<Arc<Recipient<Envelope>>>,
}

impl Member {
    pub(super) fn local(node: &Arc<str>, recipient: Arc<Recipient<Envelope>>) -> Member {
        Member { node: Arc::clone(node), recipient: Some(recipient) }
    }

    /// The name of the node that it lives on.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Its address, if it lives on this node.
    pub fn recipient(&self) -> Option<&Recipient<Envelope>> {
        self.recipient.as_deref()
    }
}
