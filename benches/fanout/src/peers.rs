//! The measured servers, each a separate process: Kilonova's real binary, and two servers that this
//! binary runs with the command `serve`.

pub(crate) mod axum;
pub(crate) mod floor;
mod note;
mod start;

use clap::ValueEnum;
use serde::Serialize;

pub(crate) use self::start::{Server, build};

/// A measured server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Peer {
    /// The real binary, with a database on the disk
    Kilonova,
    /// Another build, for comparison: `--baseline`
    Baseline,
    /// axum with tokio's broadcast channel, in memory
    Axum,
    /// One thread, one epoll, one send per socket
    Floor,
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Kilonova => "kilonova",
            Peer::Baseline => "baseline",
            Peer::Axum => "axum",
            Peer::Floor => "floor",
        }
    }
}
