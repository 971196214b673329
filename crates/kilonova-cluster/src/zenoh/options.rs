//! What the adapter is told when it is opened.

use std::fmt;
use std::path::PathBuf;

use super::super::NodeId;
use super::{Endpoint, Error, key};

/// Who this node is, and how it and the others find each other.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which cluster: nodes of another site are not seen, even if they are connected.
    pub site: String,
    /// This node. Its name has 1 to 128 bytes.
    pub node: NodeId,
    /// Where the others may connect to it.
    pub listen: Vec<Endpoint>,
    /// The others. This node may be among them, and they may have this node in their lists too. Two
    /// nodes reach each other when at least one of them is told of the other.
    pub connect: Vec<Endpoint>,
    /// What all nodes know and nobody else does.
    pub secret: Secret,
    /// Needed for endpoints that are `tls/`.
    pub tls: Option<Tls>,
    /// A folder that only this process's user should read. Zenoh takes its password from a file,
    /// which is in there for as long as opening takes.
    pub folder: PathBuf,
}

impl Options {
    /// Refuses what could not work.
    pub(super) fn check(&self) -> Result<(), Error> {
        let length = self.node.name().len();
        if !(1..=key::MAX_NAME).contains(&length) {
            return Err(Error::Name { length });
        }
        if self.secret.0.is_empty() {
            return Err(Error::NoSecret);
        }
        if self.tls.is_none()
            && let Some(endpoint) =
                self.listen.iter().chain(&self.connect).find(|endpoint| endpoint.tls())
        {
            return Err(Error::NoCertificate { endpoint: endpoint.clone() });
        }
        Ok(())
    }
}

/// What all nodes know and nobody else does: any text that is not empty. It should be long and
/// random, as whoever gets to see a handshake can try guesses.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// This text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// Whether it has fewer than 20 bytes, so that guesses are worth trying.
    pub fn is_short(&self) -> bool {
        self.0.len() < 20
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Does not tell it.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The files with which nodes know each other, PEM. Both sides of a connection show their
/// certificate, which therefore has to be good for a server and for a client, and for the name in
/// the endpoint.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate of the authority that has signed those of all nodes.
    pub authority: PathBuf,
    /// This node's certificate.
    pub certificate: PathBuf,
    /// The private key to it.
    pub key: PathBuf,
}
