//! The options of the adapter.

use std::fmt;
use std::path::PathBuf;

use super::super::NodeId;
use super::{Endpoint, Error, key};

/// The node's identity, and how it and the other nodes find each other.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the cluster. Nodes of another site are ignored, even if they are connected.
    pub site: String,
    /// This node. Its name has 1 to 128 bytes.
    pub node: NodeId,
    /// The endpoints that other nodes can connect to.
    pub listen: Vec<Endpoint>,
    /// The endpoints of the other nodes. The list may include this node, and the other nodes may
    /// list this node too. Two nodes reach each other if at least one of them lists the other.
    pub connect: Vec<Endpoint>,
    /// The secret that all nodes share.
    pub secret: Secret,
    /// The certificates, required for `tls/` endpoints.
    pub tls: Option<Tls>,
    /// The folder for the file from which Zenoh reads its password. The file exists only while the
    /// adapter opens. Only this process's user should be able to read the folder.
    pub folder: PathBuf,
}

impl Options {
    /// Refuses invalid options.
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

/// The secret that all nodes of a cluster share: any text that is not empty. It should be long and
/// random, because anyone who records a handshake can test guesses against it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Creates a secret from a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// Returns true if the secret has fewer than 20 bytes, so that guessing it is feasible.
    pub fn is_short(&self) -> bool {
        self.0.len() < 20
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Omits the secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The PEM files for connections with TLS. Both sides of a connection present their certificate. It
/// must therefore be valid for a server and for a client, and for the name in the endpoint.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate of the authority that signed the certificates of all nodes.
    pub authority: PathBuf,
    /// This node's certificate.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
}
