//! The errors of opening the adapter. Each message is a single line.

use std::io;
use std::path::PathBuf;

use super::Endpoint;

/// The reason why the adapter cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The node's name is empty or too long.
    #[error("the node's name has {length} bytes; use 1 to 128")]
    Name {
        /// The name's length in bytes.
        length: usize,
    },
    /// The secret is empty.
    #[error("the secret is missing or empty; all nodes need the same one")]
    NoSecret,
    /// There is a `tls/` endpoint, but no certificate.
    #[error("{endpoint} needs TLS files: a certificate, its key and its authority's certificate")]
    NoCertificate {
        /// The first such endpoint.
        endpoint: Endpoint,
    },
    /// A file of [`Tls`](super::Tls) cannot be read, or does not hold what it should.
    #[error("cannot use {path} as {what}: {source}", path = path.display())]
    Certificate {
        /// The expected content of the file.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason why it cannot be used.
        source: io::Error,
    },
    /// The address to listen on is in use, or does not belong to this machine.
    #[error("cannot listen on {endpoint}: {source}")]
    Listen {
        /// The endpoint to listen on.
        endpoint: Endpoint,
        /// The operating system's error.
        source: io::Error,
    },
    /// The password file cannot be written.
    #[error("cannot write into {folder}: {source}", folder = folder.display())]
    Folder {
        /// The configured folder.
        folder: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Zenoh failed for another reason.
    #[error("cannot reach other nodes: {0}")]
    Zenoh(String),
}

impl Error {
    pub(super) fn open(error: ::zenoh::Error) -> Error {
        Error::Zenoh(line(&error))
    }
}

/// Formats a Zenoh error as one line. Zenoh's errors end with a position in its source code, and
/// may have several lines.
pub(super) fn line(error: &::zenoh::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at /").next().unwrap_or(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
