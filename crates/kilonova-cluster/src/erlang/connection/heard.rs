//! The events from a connection to the registry. Owns that nothing waits for the registry: a
//! broadcast that finds the queue full is lost, and a lost change of members is replaced later by a
//! list of all members.

use std::sync::Arc;

use kilonova_pubsub::{Channel, Envelope, Joins, NodeId, Update};
use tokio::sync::mpsc;

use super::super::pg::{self, Scope};
use crate::outside::Heard;

/// Sends a connection's events to the registry.
pub(super) struct Told {
    node: NodeId,
    heard: mpsc::Sender<Heard>,
    /// The registry's members may differ from the scope's.
    is_behind: bool,
    is_known: bool,
}

impl Told {
    pub(super) fn new(node: NodeId, heard: mpsc::Sender<Heard>) -> Told {
        Told { node, heard, is_behind: false, is_known: false }
    }

    /// Passes on a broadcast of the other node. Returns false if it is lost.
    #[must_use]
    pub(super) fn broadcast(&self, envelope: Envelope) -> bool {
        self.heard.try_send(Heard::Broadcast(self.node.clone(), envelope)).is_ok()
    }

    /// Reports steps that changed the members.
    pub(super) fn steps(&mut self, steps: Vec<pg::Step>, scope: &mut Scope, channels: &[Arc<str>]) {
        if self.is_behind || !self.is_known {
            return self.replaced(scope, channels);
        }
        let step = |step: pg::Step| kilonova_pubsub::Step {
            channel: Channel::from(Arc::clone(&channels[step.group])),
            member: step.member.member(),
            joined: step.joined,
            meta: None,
        };
        let update = Update::Steps(self.node.clone(), steps.into_iter().map(step).collect());
        self.is_behind = self.heard.try_send(Heard::Update(update)).is_err();
    }

    /// Reports all members.
    pub(super) fn replaced(&mut self, scope: &mut Scope, channels: &[Arc<str>]) {
        // Reserved first, because the list may be large.
        let Ok(permit) = self.heard.try_reserve() else {
            self.is_behind = true;
            return;
        };
        let joins = scope.members().iter().map(|(group, member, times)| Joins {
            channel: Channel::from(Arc::clone(&channels[group])),
            member: member.member(),
            times,
            meta: None,
        });
        permit.send(Heard::Update(Update::Members(self.node.clone(), joins.collect())));
        (self.is_behind, self.is_known) = (false, true);
    }

    /// Reports all members if an earlier change was lost.
    pub(super) fn retry(&mut self, scope: &mut Scope, channels: &[Arc<str>]) {
        if self.is_behind {
            self.replaced(scope, channels);
        }
    }

    /// Reports that the node is gone.
    pub(super) async fn end(self) {
        if self.is_known {
            // Fails only if the driver has ended.
            self.heard.send(Heard::Update(Update::Gone(self.node))).await.ok();
        }
    }
}
