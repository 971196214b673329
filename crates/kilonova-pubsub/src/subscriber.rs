//! A member as the registry knows it. Owns where its messages go and the result of a delivery;
//! leaves missed messages to `Laggards` and the member's channels to `Membership`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use actix::Recipient;
use actix::dev::SendError;
use indexmap::Equivalent;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::Envelope;
use super::dispatcher::Route;

/// One member. Two are equal when they are the same actor or the same subscription.
///
/// Lists of members share it, because cloning an address costs three allocations.
#[derive(Clone)]
pub(super) struct Subscriber(Arc<Inner>);

struct Inner {
    ear: Ear,
    // Whether `Laggards` holds a notice for this member: a copy here saves each delivery a lookup.
    // Only the registry reads and writes it. It is atomic because lists of members go to other
    // threads.
    lags: AtomicBool,
    // Whether the actor's context has a guard that reports its death.
    guarded: AtomicBool,
    // Other nodes know the member by this number.
    number: u64,
}

/// Where messages go.
enum Ear {
    // Every message goes through the same clone of the address: an actix mailbox accepts one
    // message beyond its capacity from each clone. Each clone also costs three allocations.
    Actor(Recipient<Envelope>),
    // An actor that receives its messages from its thread's dispatcher.
    Routed(Recipient<Envelope>, Route),
    // Identified by its number.
    Subscription(mpsc::Sender<Envelope>),
}

/// A member as requests name it.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// The actor with this address.
    Actor(Recipient<Envelope>),
    /// The actor with this address, which receives its messages over this route.
    Routed(Recipient<Envelope>, Route),
    /// The subscription with this number.
    Subscription(u64),
}

/// Outlives the membership of one member, and knows when the membership has ended.
#[derive(Debug)]
pub(super) struct Tether(Weak<Inner>);

impl Tether {
    pub(super) fn is_loose(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        if let Some(member) = self.0.upgrade() {
            member.guarded.store(false, Ordering::Relaxed);
        }
    }
}

/// The result of sending a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The message is in the mailbox.
    Sent,
    /// The mailbox is full.
    Full,
    /// The member is dead.
    Dead,
}

impl Subscriber {
    pub(super) fn actor(recipient: Recipient<Envelope>, number: u64) -> Subscriber {
        Subscriber::new(Ear::Actor(recipient), number)
    }

    pub(super) fn routed(recipient: Recipient<Envelope>, route: Route, number: u64) -> Subscriber {
        Subscriber::new(Ear::Routed(recipient, route), number)
    }

    pub(super) fn subscription(sender: mpsc::Sender<Envelope>, number: u64) -> Subscriber {
        Subscriber::new(Ear::Subscription(sender), number)
    }

    fn new(ear: Ear, number: u64) -> Subscriber {
        let (lags, guarded) = (AtomicBool::new(false), AtomicBool::new(false));
        Subscriber(Arc::new(Inner { ear, lags, guarded, number }))
    }

    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    pub(super) fn recipient(&self) -> Option<&Recipient<Envelope>> {
        match &self.0.ear {
            Ear::Actor(recipient) | Ear::Routed(recipient, _) => Some(recipient),
            Ear::Subscription(_) => None,
        }
    }

    pub(super) fn route(&self) -> Option<&Route> {
        match &self.0.ear {
            Ear::Routed(_, route) => Some(route),
            _ => None,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        match &self.0.ear {
            Ear::Actor(recipient) => recipient.connected(),
            Ear::Routed(recipient, route) => recipient.connected() && route.is_open(),
            Ear::Subscription(sender) => !sender.is_closed(),
        }
    }

    pub(super) fn send(&self, envelope: Envelope) -> Delivery {
        match &self.0.ear {
            Ear::Actor(recipient) => match recipient.try_send(envelope) {
                Ok(()) => Delivery::Sent,
                Err(SendError::Full(_)) => Delivery::Full,
                Err(SendError::Closed(_)) => Delivery::Dead,
            },
            Ear::Routed(_, route) => route.send(envelope),
            Ear::Subscription(sender) => match sender.try_send(envelope) {
                Ok(()) => Delivery::Sent,
                Err(TrySendError::Full(_)) => Delivery::Full,
                Err(TrySendError::Closed(_)) => Delivery::Dead,
            },
        }
    }

    /// Returns a tether for a guard in the actor's context; `None` while the actor has one.
    pub(super) fn tether(&self) -> Option<Tether> {
        let guarded = self.0.guarded.swap(true, Ordering::Relaxed);
        (!guarded).then(|| Tether(Arc::downgrade(&self.0)))
    }

    pub(super) fn lags(&self) -> bool {
        self.0.lags.load(Ordering::Relaxed)
    }

    pub(super) fn set_lags(&self, lags: bool) {
        self.0.lags.store(lags, Ordering::Relaxed);
    }
}

// `Subscriber` and `Who` must hash the same, so that a member is found by its `Who`.
impl Hash for Subscriber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0.ear {
            Ear::Actor(recipient) | Ear::Routed(recipient, _) => recipient.hash(state),
            Ear::Subscription(_) => self.0.number.hash(state),
        }
    }
}

impl Hash for Who {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Who::Actor(recipient) | Who::Routed(recipient, _) => recipient.hash(state),
            Who::Subscription(number) => number.hash(state),
        }
    }
}

impl Equivalent<Subscriber> for Who {
    fn equivalent(&self, subscriber: &Subscriber) -> bool {
        match self {
            Who::Actor(one) | Who::Routed(one, _) => Some(one) == subscriber.recipient(),
            Who::Subscription(number) => {
                matches!(subscriber.0.ear, Ear::Subscription(_)) && *number == subscriber.0.number
            }
        }
    }
}

impl PartialEq for Subscriber {
    fn eq(&self, other: &Subscriber) -> bool {
        match (&self.0.ear, &other.0.ear) {
            (Ear::Subscription(one), Ear::Subscription(other)) => one.same_channel(other),
            _ => self.recipient().is_some() && self.recipient() == other.recipient(),
        }
    }
}

impl Eq for Subscriber {}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.ear {
            Ear::Actor(recipient) | Ear::Routed(recipient, _) => recipient.fmt(f),
            Ear::Subscription(_) => write!(f, "Subscription({})", self.0.number),
        }
    }
}
