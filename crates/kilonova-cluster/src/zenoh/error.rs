//! Why the adapter cannot be opened, each in one line.

use std::io;
use std::path::PathBuf;

use super::Endpoint;

/// Why the adapter cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The node's name is empty or too long to be sent.
    #[error("a node's name has 1 to 128 bytes, this one has {length}")]
    Name {
        /// Its length in bytes.
        length: usize,
    },
    /// The secret is empty.
    #[error("nodes need a secret that they share")]
    NoSecret,
    /// An endpoint is `tls/`, but there is no certificate.
    #[error("{endpoint} needs a certificate, its key and its authority")]
    NoCertificate {
        /// The first such endpoint.
        endpoint: Endpoint,
    },
    /// A file of [`Tls`](super::Tls) cannot be read or holds something else.
    #[error("cannot use {path} as {what}: {source}", path = path.display())]
    Certificate {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        source: io::Error,
    },
    /// The address to listen on is taken or is not this machine's.
    #[error("cannot listen on {endpoint}: {source}")]
    Listen {
        /// Where.
        endpoint: Endpoint,
        /// The system's reason.
        source: io::Error,
    },
    /// The password file cannot be written.
    #[error("cannot write into {folder}: {source}", folder = folder.display())]
    Folder {
        /// The folder that was given.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Zenoh has another reason.
    #[error("cannot reach other nodes: {0}")]
    Zenoh(String),
}

impl Error {
    pub(super) fn open(error: ::zenoh::Error) -> Error {
        Error::Zenoh(line(&error))
    }
}

/// Zenoh's errors end with the place in its sources where they arose, and may run over several
/// lines.
pub(super) fn line(error: &::zenoh::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at /").next().unwrap_or(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
