//! Delivery to one member. Owns what happens when its mailbox is full or closed; who is a member of what is
//! `Membership`'s.

use std::borrow::Borrow;
use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use actix::Recipient;
use actix::dev::SendError;

use super::{Channel, Envelope};

/// A member as the registry knows it, with what it has missed; equal to another when both are the same actor.
#[derive(Clone)]
pub(super) struct Subscriber(Rc<Inner>);

/// A subscriber that may have left every channel since.
pub(super) struct Laggard(Weak<Inner>);

struct Inner {
    // Always the same clone of the address is sent through: an actix mailbox grants every clone a message
    // beyond its capacity.
    recipient: Arc<Recipient<Envelope>>,
    gap: Cell<Option<Gap>>,
    // Whether it waits in the registry's queue of those to be told; it must not be there twice.
    queued: Cell<bool>,
}

struct Gap {
    channel: Channel,
    missed: u64,
}

/// What became of a message.
pub(super) enum Delivery {
    /// It is in the mailbox.
    Sent,
    /// There was no room; the member will be told.
    Missed,
    /// The actor is dead.
    Dead,
}

impl Subscriber {
    pub(super) fn new(recipient: Recipient<Envelope>) -> Subscriber {
        Subscriber(Rc::new(Inner {
            recipient: Arc::new(recipient),
            gap: Cell::new(None),
            queued: Cell::new(false),
        }))
    }

    pub(super) fn recipient(&self) -> &Arc<Recipient<Envelope>> {
        &self.0.recipient
    }

    pub(super) fn is_alive(&self) -> bool {
        self.0.recipient.connected()
    }

    /// Delivers one message; what was missed before is told first.
    pub(super) fn deliver(&self, envelope: &Envelope) -> Delivery {
        match self.tell_gap() {
            Delivery::Sent => {}
            Delivery::Dead => return Delivery::Dead,
            Delivery::Missed => {
                self.miss(envelope);
                return Delivery::Missed;
            }
        }
        match self.0.recipient.try_send(envelope.clone()) {
            Ok(()) => Delivery::Sent,
            Err(SendError::Full(_)) => {
                self.miss(envelope);
                Delivery::Missed
            }
            Err(SendError::Closed(_)) => Delivery::Dead,
        }
    }

    /// Tells the member what it missed, if anything; `Missed` when there is still no room for that.
    pub(super) fn tell_gap(&self) -> Delivery {
        let Some(gap) = self.0.gap.take() else {
            return Delivery::Sent;
        };
        match self.0.recipient.try_send(Envelope::notice(&gap.channel, gap.missed)) {
            Ok(()) => Delivery::Sent,
            Err(SendError::Full(_)) => {
                self.0.gap.set(Some(gap));
                Delivery::Missed
            }
            Err(SendError::Closed(_)) => Delivery::Dead,
        }
    }

    fn miss(&self, envelope: &Envelope) {
        let gap = match self.0.gap.take() {
            Some(gap) => Gap { missed: gap.missed.saturating_add(1), ..gap },
            None => {
                log::debug!(
                    "a member's mailbox is full: it misses messages of {}",
                    envelope.channel()
                );
                Gap { channel: envelope.channel().clone(), missed: 1 }
            }
        };
        self.0.gap.set(Some(gap));
    }

    /// Itself for the queue of those to be told, unless it is there already.
    pub(super) fn enqueue(&self) -> Option<Laggard> {
        (!self.0.queued.replace(true)).then(|| Laggard(Rc::downgrade(&self.0)))
    }
}

impl Laggard {
    /// The subscriber, taken from the queue, if it is still a member of anything.
    pub(super) fn dequeue(self) -> Option<Subscriber> {
        let subscriber = Subscriber(self.0.upgrade()?);
        subscriber.0.queued.set(false);
        Some(subscriber)
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
