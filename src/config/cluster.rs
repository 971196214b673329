//! The flags of a cluster. The module `zenoh` validates and applies them, or `no_zenoh` in a build
//! without it.

#[cfg(not(feature = "zenoh"))]
mod no_zenoh;
#[cfg(feature = "zenoh")]
mod zenoh;

use std::path::PathBuf;

use clap::Args;

#[cfg(not(feature = "zenoh"))]
pub use self::no_zenoh::Cluster;
#[cfg(feature = "zenoh")]
pub use self::zenoh::Cluster;
use super::heading;

/// The cluster flags.
#[derive(Clone, Debug, Args)]
pub(super) struct ClusterArgs {
    /// Endpoints on which other nodes connect, separated by commas
    ///
    /// tcp/ADDR:PORT or tls/HOST:PORT.
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_CLUSTER_LISTEN",
        value_delimiter = ',',
        value_name = "ENDPOINT",
    )]
    cluster_listen: Vec<String>,
    /// Endpoints of other nodes to connect to, separated by commas
    ///
    /// Unreachable ones are retried.
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_CLUSTER_CONNECT",
        value_delimiter = ',',
        value_name = "ENDPOINT",
    )]
    cluster_connect: Vec<String>,
    /// Secret that all nodes share
    ///
    /// Required with --cluster-listen and --cluster-connect. Put it into the environment, because
    /// every user of the machine can read a command line.
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_CLUSTER_SECRET",
        value_name = "TEXT",
        hide_env_values = true,
    )]
    cluster_secret: Option<String>,
    /// Certificate (PEM) of the authority that signed all nodes' certificates
    ///
    /// For tls/ endpoints.
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_CLUSTER_CA",
        value_name = "FILE",
        requires_all = ["cluster_cert", "cluster_key"],
    )]
    cluster_ca: Option<PathBuf>,
    /// Certificate (PEM) of this node
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_CLUSTER_CERT",
        value_name = "FILE",
        requires = "cluster_ca",
    )]
    cluster_cert: Option<PathBuf>,
    /// Private key (PEM) of this node's certificate
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_CLUSTER_KEY",
        value_name = "FILE",
        requires = "cluster_ca",
    )]
    cluster_key: Option<PathBuf>,
}

/// The flags as a separate command.
#[cfg(test)]
#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    cluster: ClusterArgs,
}
