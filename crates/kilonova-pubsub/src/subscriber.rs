//! A member as the registry knows it. Owns its address and what became of a message to it; what it missed is
//! `Laggards`', who is a member of what is `Membership`'s.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::Recipient;
use actix::dev::SendError;

use super::Envelope;

/// One member, equal to another when both are the same actor.
///
/// It is shared with the lists of members, which must not clone an address for each.
#[derive(Clone)]
pub(super) struct Subscriber(Arc<Inner>);

struct Inner {
    // Always the same clone of the address is sent through: an actix mailbox grants every clone a message
    // beyond its capacity. Each clone also costs three allocations.
    recipient: Recipient<Envelope>,
    // Whether `Laggards` has something to tell it, known here so that a delivery need not look. The registry alone
    // reads and writes it; it is atomic because lists of members go to other threads.
    lags: AtomicBool,
    // What other nodes know it by.
    number: u64,
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It is in the mailbox.
    Sent,
    /// There was no room.
    Full,
    /// The actor is dead.
    Dead,
}

impl Subscriber {
    pub(super) fn new(recipient: Recipient<Envelope>, number: u64) -> Subscriber {
        Subscriber(Arc::new(Inner { recipient, lags: AtomicBool::new(false), number }))
    }

    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    pub(super) fn recipient(&self) -> &Recipient<Envelope> {
        &self.0.recipient
    }

    pub(super) fn is_alive(&self) -> bool {
        self.0.recipient.connected()
    }

    pub(super) fn send(&self, envelope: Envelope) -> Delivery {
        match self.0.recipient.try_send(envelope) {
            Ok(()) => Delivery::Sent,
            Err(SendError::Full(_)) => Delivery::Full,
            Err(SendError::Closed(_)) => Delivery::Dead,
        }
    }

    pub(super) fn lags(&self) -> bool {
        self.0.lags.load(Ordering::Relaxed)
    }

    pub(super) fn set_lags(&self, lags: bool) {
        self.0.lags.store(lags, Ordering::Relaxed);
    }
}

impl Borrow<Recipient<Envelope>> for Subscriber {
    fn borrow(&self) -> &Recipient<Envelope> {
        &self.0.recipient
    }
}

impl Hash for Subscriber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.recipient.hash(state);
    }
}

impl PartialEq for Subscriber {
    fn eq(&self, other: &Subscriber) -> bool {
        self.0.recipient == other.0.recipient
    }
}

impl Eq for Subscriber {}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.recipient.fmt(f)
    }
}
