//! What comes from other nodes. Called on Zenoh's threads, where nothing may wait: a callback that did
//! would hold up all that its sender sends.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use ::zenoh::sample::{Sample, SampleKind};
use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::key::{self, Keys};
use super::loss::Loss;
use super::proof::Proof;
use super::{MAX_MESSAGE, NodeId};

// More senders than these are decoded again with each message.
const MAX_DECODED: usize = 1_000;

/// Takes samples, and hands on those that are of a node of this site that knows the secret.
pub(super) struct Receiver {
    keys: Keys,
    proof: Proof,
    nodes: watch::Sender<HashSet<NodeId>>,
    messages: mpsc::Sender<(NodeId, Bytes)>,
    // Senders as they are written in keys, so that a message costs no decoding.
    decoded: Mutex<HashMap<String, NodeId>>,
    too_large: Loss,
    unproven: Loss,
    full: Loss,
}

impl Receiver {
    pub(super) fn new(
        keys: Keys,
        proof: Proof,
        nodes: watch::Sender<HashSet<NodeId>>,
        messages: mpsc::Sender<(NodeId, Bytes)>,
    ) -> Receiver {
        Receiver {
            keys,
            proof,
            nodes,
            messages,
            decoded: Mutex::default(),
            too_large: Loss::new("another node sent what is too large"),
            unproven: Loss::new("their sender does not know the secret"),
            full: Loss::new("this node takes them too slowly"),
        }
    }

    /// A node came or went.
    pub(super) fn token(&self, sample: &Sample) {
        let Some((chunk, proof)) = self.keys.node(sample.key_expr().as_str()) else { return };
        if chunk == self.keys.own() {
            return;
        }
        if !self.proof.is_of_token(proof, chunk) {
            return self.unproven.note();
        }
        let Some(node) = key::decode(chunk) else { return };
        match sample.kind() {
            SampleKind::Put => {
                log::info!("node {node} is there");
                self.nodes.send_if_modified(|nodes| nodes.insert(node));
            }
            SampleKind::Delete => {
                log::info!("node {node} is gone");
                self.decoded.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(chunk);
                self.nodes.send_if_modified(|nodes| nodes.remove(&node));
            }
        }
    }

    /// A message came.
    pub(super) fn message(&self, sample: &Sample) {
        let Some((to, from)) = self.keys.message(sample.key_expr().as_str()) else { return };
        if from == self.keys.own() || sample.kind() != SampleKind::Put {
            return;
        }
        if sample.payload().len() > MAX_MESSAGE {
            return self.too_large.note();
        }
        // Copied, because it lies in a buffer with what came before and after, which it would hold on to.
        let message = Bytes::copy_from_slice(&sample.payload().to_bytes());
        let proof = sample.attachment().map(|attachment| attachment.to_bytes());
        if !self.proof.is_of_message(proof.as_deref().unwrap_or_default(), from, to, &message) {
            return self.unproven.note();
        }
        let Some(from) = self.sender(from) else { return };
        if let Err(TrySendError::Full(_)) = self.messages.try_send((from, message)) {
            self.full.note();
        }
    }

    fn sender(&self, chunk: &str) -> Option<NodeId> {
        let mut decoded = self.decoded.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(node) = decoded.get(chunk) {
            return Some(node.clone());
        }
        let node = key::decode(chunk)?;
        if decoded.len() < MAX_DECODED {
            decoded.insert(chunk.to_owned(), node.clone());
        }
        Some(node)
    }
}
