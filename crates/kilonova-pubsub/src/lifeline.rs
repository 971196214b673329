//! Reporting an actor's death at once. Owns the guard; the registry's sweep finds actors without
//! one.

use std::sync::Weak;

use actix::{Recipient, WeakRecipient};

use super::Envelope;
use super::command::Command;
use super::inlet::Inlet;
use super::subscriber::Who;

/// Removes its member from every channel when dropped, even by a panic of the actor.
///
/// Keep it in the actor's struct. It keeps neither the actor nor the registry running. A member can
/// join again after its lifeline was dropped.
#[must_use = "a lifeline that is dropped at once removes the member at once"]
#[derive(Debug)]
pub struct Lifeline {
    inlet: Weak<Inlet>,
    // A weak address takes a fifth of the memory. It is enough, because the registry holds an
    // address of each member.
    member: WeakRecipient<Envelope>,
}

impl Lifeline {
    pub(super) fn new(inlet: Weak<Inlet>, member: &Recipient<Envelope>) -> Lifeline {
        Lifeline { inlet, member: member.downgrade() }
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        if let (Some(inlet), Some(member)) = (self.inlet.upgrade(), self.member.upgrade()) {
            inlet.push(Command::Died(Who::Actor(member)));
        }
    }
}
