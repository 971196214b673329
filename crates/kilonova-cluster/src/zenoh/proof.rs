//! Proofs that a node knows the secret. Owns the keys derived from the secret. Zenoh asks a
//! connecting node for the password. A proof (half of an HMAC-SHA256) accompanies each token and
//! each message. It covers the site, the sender, the receiver and the content, but not the time: an
//! attacker who can write to the network can replay recorded messages. Only TLS prevents that.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Secret;
use super::key::{hex, unhex};

/// The length of a proof in bytes.
pub(super) const LENGTH: usize = 16;

/// Creates and verifies proofs.
#[derive(Clone)]
pub(super) struct Proof {
    token: Hmac<Sha256>,
    message: Hmac<Sha256>,
}

impl Proof {
    pub(super) fn new(secret: &Secret, site: &str) -> Proof {
        let derived = |purpose| {
            let mut key = keyed(secret.as_bytes());
            put(&mut key, purpose);
            put(&mut key, site.as_bytes());
            keyed(&key.finalize().into_bytes())
        };
        Proof { token: derived(b"token"), message: derived(b"message") }
    }

    /// The password for Zenoh, for a secret of any characters. It does not reveal the secret or the
    /// other keys.
    pub(super) fn password(secret: &Secret) -> String {
        let mut key = keyed(secret.as_bytes());
        put(&mut key, b"password");
        hex(&key.finalize().into_bytes())
    }

    pub(super) fn of_token(&self, node: &str) -> String {
        hex(&half(self.token(node)))
    }

    pub(super) fn is_of_token(&self, proof: &str, node: &str) -> bool {
        unhex(proof).is_some_and(|proof| verify(self.token(node), &proof))
    }

    /// The proof of a message. `to` is `None` for a message to all.
    pub(super) fn of_message(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        message: &[u8],
    ) -> [u8; LENGTH] {
        half(self.message(from, to, message))
    }

    pub(super) fn is_of_message(
        &self,
        proof: &[u8],
        from: &[u8],
        to: Option<&[u8]>,
        message: &[u8],
    ) -> bool {
        verify(self.message(from, to, message), proof)
    }

    fn token(&self, node: &str) -> Hmac<Sha256> {
        let mut mac = self.token.clone();
        put(&mut mac, node.as_bytes());
        mac
    }

    fn message(&self, from: &[u8], to: Option<&[u8]>, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.message.clone();
        put(&mut mac, from);
        // No node has an empty encoding.
        put(&mut mac, to.unwrap_or_default());
        put(&mut mac, message);
        mac
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key")
}

// The length prefix makes sure that different lists of parts give different input.
fn put(mac: &mut Hmac<Sha256>, part: &[u8]) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part);
}

fn half(mac: Hmac<Sha256>) -> [u8; LENGTH] {
    let whole: [u8; 2 * LENGTH] = mac.finalize().into_bytes().into();
    std::array::from_fn(|index| whole[index])
}

// Constant time, wherever the proof differs.
fn verify(mac: Hmac<Sha256>, proof: &[u8]) -> bool {
    proof.len() == LENGTH && mac.verify_truncated_left(proof).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_message_only() {
        let ours = Proof::new(&Secret::new("secret"), "site");
        let proof = ours.of_message(b"a", Some(b"b"), b"hello");
        assert!(ours.is_of_message(&proof, b"a", Some(b"b"), b"hello"));
        for (from, to, message) in [
            ("b", Some("b"), "hello"),
            ("a", Some("a"), "hello"),
            ("a", None, "hello"),
            ("a", Some("b"), "hallo"),
            ("ab", None, "hello"),
        ] {
            assert!(!ours.is_of_message(
                &proof,
                from.as_bytes(),
                to.map(str::as_bytes),
                message.as_bytes()
            ));
        }
        for length in [0, 1, LENGTH - 1] {
            assert!(!ours.is_of_message(&proof[..length], b"a", Some(b"b"), b"hello"), "{length}");
        }
    }

    #[test]
    fn another_secret_or_site_proves_nothing() {
        let ours = Proof::new(&Secret::new("secret"), "site");
        assert!(ours.is_of_token(&ours.of_token("a"), "a"));
        assert!(!ours.is_of_token(&ours.of_token("a"), "b"));
        for theirs in [
            Proof::new(&Secret::new("Secret"), "site"),
            Proof::new(&Secret::new("secret"), "other"),
        ] {
            assert!(!ours.is_of_token(&theirs.of_token("a"), "a"));
            assert!(!ours.is_of_message(&theirs.of_message(b"a", None, b"x"), b"a", None, b"x"));
        }
    }

    #[test]
    fn any_secret_makes_a_password() {
        for secret in ["a:b", "a\nb\r\n", " ", "ü\0", "\u{feff}"] {
            let password = Proof::password(&Secret::new(secret));
            assert!(
                password.len() == 64 && password.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{password}"
            );
        }
        assert_ne!(Proof::password(&Secret::new("a")), Proof::password(&Secret::new("a ")));
    }
}
