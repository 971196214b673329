//! The servers that are measured, each a process of its own: Kilonova's real binary, and two that
//! this binary is itself when told so.

pub(crate) mod axum;
pub(crate) mod floor;
mod note;
mod start;

use clap::ValueEnum;
use serde::Serialize;

pub(crate) use self::start::{Server, build};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Peer {
    /// The real binary, with a database on the disk
    Kilonova,
    /// Another build of it, to be compared with: `--baseline`
    Baseline,
    /// axum with tokio's broadcast channel, in memory
    Axum,
    /// One thread, one epoll, one send for each socket
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
