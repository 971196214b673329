//! How the death of an actor becomes known at once. Owns the guard; actors without one are found by the registry's sweep.

use std::sync::Weak;

use actix::Recipient;

use super::Envelope;
use super::command::Command;
use super::inlet::Inlet;

/// Removes its member from every channel when it is dropped, also when that is because the actor panicked.
///
/// It belongs in the actor's struct. It does not keep the registry running, and a member that joins anew after it was
/// dropped is a member again.
#[must_use = "a lifeline that is dropped at once removes the member at once"]
#[derive(Debug)]
pub struct Lifeline {
    inlet: Weak<Inlet>,
    member: Recipient<Envelope>,
}

impl Lifeline {
    pub(super) fn new(inlet: Weak<Inlet>, member: Recipient<Envelope>) -> Lifeline {
        Lifeline { inlet, member }
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        if let Some(inlet) = self.inlet.upgrade() {
            inlet.push(Command::Died(self.member.clone()));
        }
    }
}
