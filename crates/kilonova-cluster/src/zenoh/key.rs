//! The keys under which nodes announce themselves and receive messages. Owns the encoding of sites
//! and nodes in keys and messages. A node's name may be any text; only its length is limited.
//!
//! ```text
//! kilonova1/SITE/node/NODE/PROOF    the liveliness token of a node
//! kilonova1/SITE/all                messages to all
//! kilonova1/SITE/to/NODE            messages to one
//! kilonova1/SITE/taken              query of a leaving node: have all received its messages?
//! ```
//!
//! The message, not the key, names its sender. Messages go only to keys that receivers subscribe to
//! literally, so Zenoh looks up each key once and sends a number in its place.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::super::NodeId;
use super::proof::Proof;

/// The maximum length of a node's name, in bytes.
pub(super) const MAX_NAME: usize = 128;

/// The keys of a site, for one of its nodes.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    base: String,
    own: String,
}

impl Keys {
    pub(super) fn new(site: &str, node: &NodeId) -> Keys {
        let site = hex(&Sha256::digest(site.as_bytes())[..16]);
        Keys { base: format!("kilonova1/{site}"), own: encode(node) }
    }

    pub(super) fn all(&self) -> String {
        format!("{}/all", self.base)
    }

    pub(super) fn one(&self, node: &NodeId) -> String {
        format!("{}/to/{}", self.base, encode(node))
    }

    pub(super) fn taken(&self) -> String {
        format!("{}/taken", self.base)
    }

    pub(super) fn own(&self) -> String {
        format!("{}/to/{}", self.base, self.own)
    }

    pub(super) fn token(&self, proof: &Proof) -> String {
        format!("{}/node/{}/{}", self.base, self.own, proof.of_token(&self.own))
    }

    pub(super) fn tokens(&self) -> String {
        format!("{}/node/*/*", self.base)
    }

    /// The node that a token belongs to; `None` for a token without a valid proof.
    pub(super) fn node(&self, token: &str, proof: &Proof) -> Option<NodeId> {
        let rest = token.strip_prefix(&self.base)?.strip_prefix("/node/")?;
        let (node, proven) = rest.split_once('/')?;
        if !proof.is_of_token(proven, node) {
            return None;
        }
        decode(node)
    }
}

/// The node as a message encodes it: eight bytes, and the name as UTF-8.
pub(super) fn to_bytes(node: &NodeId) -> Vec<u8> {
    [&node.incarnation().to_be_bytes(), node.name().as_bytes()].concat()
}

/// Decodes a node.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<NodeId> {
    let (incarnation, name) = bytes.split_first_chunk()?;
    if !(1..=MAX_NAME).contains(&name.len()) {
        return None;
    }
    Some(NodeId::new(std::str::from_utf8(name).ok()?, u64::from_be_bytes(*incarnation)))
}

/// Encodes a node as one chunk of a key.
pub(super) fn encode(node: &NodeId) -> String {
    format!("{}-{:x}", hex(node.name().as_bytes()), node.incarnation())
}

/// Decodes a node. `None` for text that `encode` does not write.
pub(super) fn decode(chunk: &str) -> Option<NodeId> {
    let (name, incarnation) = chunk.split_once('-')?;
    if !(2..=2 * MAX_NAME).contains(&name.len()) {
        return None;
    }
    let name = String::from_utf8(unhex(name)?).ok()?;
    let node = NodeId::new(name, u64::from_str_radix(incarnation, 16).ok()?);
    (encode(&node) == chunk).then_some(node)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    #[test]
    fn any_name_survives() {
        for name in ["a", "ä/*$?# \n", "**", "node-1", &"x".repeat(MAX_NAME)] {
            for incarnation in [0, 1, u64::MAX] {
                let node = NodeId::new(name, incarnation);
                let chunk = encode(&node);
                assert!(
                    chunk.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'),
                    "{chunk}"
                );
                assert_eq!(decode(&chunk), Some(node));
            }
        }
    }

    #[test]
    fn text_that_is_not_a_node_is_none() {
        let long = format!("{}-1", "61".repeat(MAX_NAME + 1));
        for chunk in [
            "", "-", "-1", "6-1", "61", "61-", "61-g", "61-+1", "61-01", "6A-1", "zz-1", "ff-1",
            "61-1-1", &long,
        ] {
            assert_eq!(decode(chunk), None, "{chunk}");
        }
    }

    #[test]
    fn a_node_in_a_message_is_read_as_it_is_written() {
        let node = NodeId::new("\u{e4} 1", 7);
        assert_eq!(from_bytes(&to_bytes(&node)), Some(node));
        let long = [1; 8 + MAX_NAME + 1];
        for bytes in [&[][..], &[1; 7], &[1; 8], &[0xff; 9], &long] {
            assert_eq!(from_bytes(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_token_is_read_as_it_is_written() {
        let node = NodeId::new("a", 1);
        let keys = Keys::new("a site", &node);
        let proof = Proof::new(&Secret::new("secret"), "a site");
        let token = keys.token(&proof);
        assert_eq!(keys.node(&token, &proof), Some(node.clone()));
        assert_eq!(Keys::new("another", &node).node(&token, &proof), None);
        assert_eq!(keys.node(&token, &Proof::new(&Secret::new("other"), "a site")), None);
        assert_eq!(keys.node(&token[..token.len() - 2], &proof), None);
        assert_eq!(keys.node(&keys.all(), &proof), None);
    }
}
