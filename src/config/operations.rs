//! The flags of whoever runs the site: metrics and health, and how it stops.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::heading;
use crate::logging::Format;

/// How the site is watched, and how it stops.
#[derive(Clone, Debug, Args)]
pub(super) struct OperationArgs {
    /// Second listener, for /metrics, /health/live and /health/ready alone
    ///
    /// Without it there is none. Port 0 picks a free port.
    #[arg(long, help_heading = heading::ADDRESS, env = "KILONOVA_ADMIN_BIND", value_name = "ADDR:PORT")]
    pub(super) admin_bind: Option<SocketAddr>,
    /// Seconds from SIGTERM that the node serves on while /health/ready fails
    ///
    /// Then --grace begins.
    #[arg(
        long,
        help_heading = heading::PROCESS,
        env = "KILONOVA_DRAIN",
        default_value_t = 0,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(0..=3600),
    )]
    drain: u64,
    /// Seconds from SIGTERM, or from the end of --drain, until the process exits
    #[arg(
        long,
        help_heading = heading::PROCESS,
        env = "KILONOVA_GRACE",
        default_value_t = 10,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(0..=3600),
    )]
    grace: u64,
    /// Form of the log's lines
    ///
    /// Each line of json is an object with the time, the level, the message, and the id of the
    /// request that it belongs to.
    #[arg(
        long,
        help_heading = heading::PROCESS,
        env = "KILONOVA_LOG_FORMAT",
        default_value = "text",
        value_enum,
        value_name = "FORM"
    )]
    pub(super) log_format: Format,
}

impl OperationArgs {
    /// The time of draining.
    pub(super) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain)
    }

    /// The time for the stop after it.
    pub(super) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }
}
