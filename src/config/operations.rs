//! The flags for operators: metrics, health checks, logs and shutdown.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::heading;
use crate::logging::Format;

/// The flags for monitoring, logs and shutdown.
#[derive(Clone, Debug, Args)]
pub(super) struct OperationArgs {
    /// Second listener, only for /metrics, /health/live and /health/ready
    ///
    /// If it is not set, there is no second listener. Port 0 picks a free port.
    #[arg(long, help_heading = heading::ADDRESS, env = "KILONOVA_ADMIN_BIND", value_name = "ADDR:PORT")]
    pub(super) admin_bind: Option<SocketAddr>,
    /// Seconds after SIGTERM to keep serving while /health/ready fails
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
    /// Format of log lines
    ///
    /// With json, each line is an object with the time, the level, the message, and the id of the
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
    /// The duration of the drain period.
    pub(super) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain)
    }

    /// The duration of the shutdown after the drain period.
    pub(super) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }
}
