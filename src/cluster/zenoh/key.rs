//! The keys under which nodes announce themselves and send. Owns how a site and a node are written in
//! them; what the text of a node's name may be is not limited but in length.
//!
//!     kilonova1/SITE/node/NODE/PROOF    the liveliness token of a node
//!     kilonova1/SITE/all/FROM           a message to all
//!     kilonova1/SITE/to/TO/FROM         a message to one

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::super::NodeId;
use super::proof::Proof;

/// The longest name of a node, in bytes.
pub(super) const MAX_NAME: usize = 128;

/// Who a message to all is for, where a proof is made of it. No node is written so.
pub(super) const ALL: &str = "*";

/// This node's keys.
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

    /// This node, as it is written in keys.
    pub(super) fn own(&self) -> &str {
        &self.own
    }

    pub(super) fn to_all(&self) -> String {
        format!("{}/all/{}", self.base, self.own)
    }

    pub(super) fn to_one(&self, to: &str) -> String {
        format!("{}/to/{to}/{}", self.base, self.own)
    }

    pub(super) fn token(&self, proof: &Proof) -> String {
        format!("{}/node/{}/{}", self.base, self.own, proof.of_token(&self.own))
    }

    pub(super) fn all_filter(&self) -> String {
        format!("{}/all/*", self.base)
    }

    pub(super) fn own_filter(&self) -> String {
        format!("{}/to/{}/*", self.base, self.own)
    }

    pub(super) fn token_filter(&self) -> String {
        format!("{}/node/*/*", self.base)
    }

    /// Whom a message is for and whom it is from. `None` when it is not such a key.
    pub(super) fn message<'k>(&self, key: &'k str) -> Option<(&'k str, &'k str)> {
        match self.rest(key)?.split_once('/')? {
            ("all", from) => Some((ALL, from)),
            ("to", rest) => rest.split_once('/'),
            _ => None,
        }
    }

    /// Whom a token is of, and its proof. `None` when it is not such a key.
    pub(super) fn node<'k>(&self, key: &'k str) -> Option<(&'k str, &'k str)> {
        self.rest(key)?.strip_prefix("node/")?.split_once('/')
    }

    fn rest<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(&self.base)?.strip_prefix('/')
    }
}

/// The node as one chunk of a key.
pub(super) fn encode(node: &NodeId) -> String {
    format!("{}-{:x}", hex(node.name().as_bytes()), node.incarnation())
}

/// The node that is written so. `None` for what `encode` would not have written.
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
        // Writing to a string does not fail.
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
    fn what_is_not_a_node_is_none() {
        let long = format!("{}-1", "61".repeat(MAX_NAME + 1));
        for chunk in [
            "", "-", "-1", "6-1", "61", "61-", "61-g", "61-+1", "61-01", "6A-1", "zz-1", "ff-1",
            "61-1-1", &long,
        ] {
            assert_eq!(decode(chunk), None, "{chunk}");
        }
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let keys = Keys::new("a site", &NodeId::new("a", 1));
        assert_eq!(keys.message(&keys.to_all()), Some((ALL, "61-1")));
        assert_eq!(keys.message(&keys.to_one("62-2")), Some(("62-2", "61-1")));
        assert_eq!(Keys::new("another", &NodeId::new("a", 1)).message(&keys.to_all()), None);
    }
}
