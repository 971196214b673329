//! Receives from other nodes. Runs on Zenoh's threads and must not wait: a callback that waits
//! delays everything from its sender.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use ::zenoh::sample::{Sample, SampleKind};
use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::key::{self, Keys};
use super::proof::{self, Proof};
use super::{MAX_MESSAGE, NodeId};
use crate::loss::Loss;

// Senders beyond this number share one room, and are decoded again for each message.
const MAX_KNOWN: usize = 1_000;

// The bytes of one sender's messages that may wait, and the minimum that a message counts for, so
// that about a thousand may wait. A sender that floods this node takes no room from the others.
const ROOM: usize = 16 * 1024 * 1024;
const LEAST: usize = ROOM / 1024;

/// From a sender's encoding to its node and the room left for its messages.
type Senders = HashMap<Vec<u8>, (NodeId, Arc<Semaphore>)>;

/// Receives samples, and passes on those from a node of this site that knows the secret.
pub(super) struct Receiver {
    own: NodeId,
    own_bytes: Vec<u8>,
    keys: Keys,
    proof: Proof,
    nodes: watch::Sender<HashSet<NodeId>>,
    messages: mpsc::Sender<(NodeId, Bytes)>,
    // Decoded senders, so that a message need not decode its sender.
    known: Mutex<Senders>,
    others: Arc<Semaphore>,
    strangers: Loss,
    too_large: Loss,
    unproven: Loss,
    full: Loss,
}

impl Receiver {
    pub(super) fn new(
        own: NodeId,
        keys: Keys,
        proof: Proof,
        nodes: watch::Sender<HashSet<NodeId>>,
        messages: mpsc::Sender<(NodeId, Bytes)>,
    ) -> Receiver {
        Receiver {
            own_bytes: key::to_bytes(&own),
            own,
            keys,
            proof,
            nodes,
            messages,
            known: Mutex::default(),
            others: Arc::new(Semaphore::new(ROOM)),
            strangers: Loss::new("nodes were ignored: they do not have the secret"),
            too_large: Loss::new("messages from other nodes were dropped: larger than 1 MiB"),
            unproven: Loss::new("messages were ignored: their sender does not have the secret"),
            full: Loss::new(
                "messages from other nodes were dropped: this node handles them too slowly",
            ),
        }
    }

    /// A node appeared or left.
    pub(super) fn token(&self, sample: &Sample) {
        let Some(node) = self.keys.node(sample.key_expr().as_str(), &self.proof) else {
            return self.strangers.note();
        };
        if node == self.own {
            return;
        }
        match sample.kind() {
            SampleKind::Put => {
                log::info!("node {:?} has joined", node.name());
                if node.name() == self.own.name() {
                    log::warn!("it has this node's name, and lists show both as one; rename one");
                }
                self.nodes.send_if_modified(|nodes| nodes.insert(node));
            }
            SampleKind::Delete => {
                log::info!("node {:?} has left or is unreachable", node.name());
                self.known().remove(&key::to_bytes(&node));
                self.nodes.send_if_modified(|nodes| nodes.remove(&node));
            }
        }
    }

    /// Receives a message to all nodes.
    pub(super) fn to_all(&self, sample: &Sample) {
        self.message(sample, None);
    }

    /// Receives a message to this node.
    pub(super) fn to_own(&self, sample: &Sample) {
        self.message(sample, Some(&self.own_bytes));
    }

    fn message(&self, sample: &Sample, to: Option<&[u8]>) {
        if sample.payload().len() > MAX_MESSAGE {
            return self.too_large.note();
        }
        let attachment =
            sample.attachment().map(|attachment| attachment.to_bytes()).unwrap_or_default();
        let Some((proof, from)) = attachment.split_at_checked(proof::LENGTH) else {
            return self.unproven.note();
        };
        if from == self.own_bytes {
            return;
        }
        // Copied, because a reference would keep the whole buffer, with the data before and after
        // it.
        let message = sample.payload().to_bytes().into_owned();
        if !self.proof.is_of_message(proof, from, to, &message) {
            return self.unproven.note();
        }
        let Some((from, room)) = self.sender(from) else { return };
        let size = u32::try_from(message.len().max(LEAST)).unwrap_or(u32::MAX);
        let Ok(room) = room.try_acquire_many_owned(size) else { return self.full.note() };
        let message = Bytes::from_owner(Waiting { message, _room: room });
        if let Err(TrySendError::Full(_)) = self.messages.try_send((from, message)) {
            self.full.note();
        }
    }

    fn sender(&self, bytes: &[u8]) -> Option<(NodeId, Arc<Semaphore>)> {
        let mut known = self.known();
        if let Some(sender) = known.get(bytes) {
            return Some(sender.clone());
        }
        let node = key::from_bytes(bytes)?;
        if known.len() >= MAX_KNOWN {
            return Some((node, Arc::clone(&self.others)));
        }
        let sender = (node, Arc::new(Semaphore::new(ROOM)));
        known.insert(bytes.to_owned(), sender.clone());
        Some(sender)
    }

    fn known(&self) -> MutexGuard<'_, Senders> {
        self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A message that occupies room until its receiver drops it.
struct Waiting {
    message: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.message
    }
}
