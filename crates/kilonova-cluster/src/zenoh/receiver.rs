//! What comes from other nodes. Called on Zenoh's threads, where nothing may wait: a callback that
//! did would hold up all that its sender sends.

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

// More senders than these share one room, and are read anew with each message.
const MAX_KNOWN: usize = 1_000;

// What of one sender's messages may wait, in bytes, and what a small one counts as: a thousand of
// them. Who floods this node takes no room from the others.
const ROOM: usize = 16 * 1024 * 1024;
const LEAST: usize = ROOM / 1024;

/// By how messages tell them: who they are, and the room that is left for what they send.
type Senders = HashMap<Vec<u8>, (NodeId, Arc<Semaphore>)>;

/// Takes samples, and hands on those that are of a node of this site that knows the secret.
pub(super) struct Receiver {
    own: NodeId,
    own_bytes: Vec<u8>,
    keys: Keys,
    proof: Proof,
    nodes: watch::Sender<HashSet<NodeId>>,
    messages: mpsc::Sender<(NodeId, Bytes)>,
    // Senders as messages tell them, so that a message costs no reading of its sender.
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
            strangers: Loss::new("nodes were ignored: they do not know the secret"),
            too_large: Loss::new("messages of other nodes were dropped: too large"),
            unproven: Loss::new("messages were ignored: their sender does not know the secret"),
            full: Loss::new(
                "messages of other nodes were dropped: this node takes them too slowly",
            ),
        }
    }

    /// A node came or went.
    pub(super) fn token(&self, sample: &Sample) {
        let Some(node) = self.keys.node(sample.key_expr().as_str(), &self.proof) else {
            return self.strangers.note();
        };
        if node == self.own {
            return;
        }
        match sample.kind() {
            SampleKind::Put => {
                log::info!("node {:?} is there", node.name());
                if node.name() == self.own.name() {
                    log::warn!("it has this node's own name: lists show the two as one");
                }
                self.nodes.send_if_modified(|nodes| nodes.insert(node));
            }
            SampleKind::Delete => {
                log::info!("node {:?} is gone", node.name());
                self.known().remove(&key::to_bytes(&node));
                self.nodes.send_if_modified(|nodes| nodes.remove(&node));
            }
        }
    }

    /// A message came to all.
    pub(super) fn to_all(&self, sample: &Sample) {
        self.message(sample, None);
    }

    /// A message came to this node.
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
        // Copied, because it lies in a buffer with what came before and after, which it would hold
        // on to.
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

/// A message that counts until whoever takes it has done with it.
struct Waiting {
    message: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.message
    }
}
