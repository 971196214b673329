//! The flags of a cluster, checked together.

use std::path::PathBuf;

use clap::Args;

use super::{Error, heading};
use crate::cluster::zenoh::{Endpoint, Secret, Tls};

/// The flags.
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
    /// Required with --cluster-listen and --cluster-connect. Put it into the environment: every
    /// user of the machine can read a command line.
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_CLUSTER_SECRET",
        value_name = "TEXT",
        hide_env_values = true,
    )]
    cluster_secret: Option<String>,
    /// Certificate (PEM) of the authority that signed those of all nodes
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

/// How this node and the others find each other.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Endpoints on which the others connect.
    pub listen: Vec<Endpoint>,
    /// Endpoints of the others.
    pub connect: Vec<Endpoint>,
    /// The secret that all of them share.
    pub secret: Secret,
    /// How connections between them are encrypted.
    pub tls: Option<Tls>,
}

/// The shortest secret of a cluster of more than this machine, in bytes.
const SHORTEST_SECRET: usize = 16;

impl ClusterArgs {
    /// Checks the flags; `None` when they name no endpoint.
    pub(super) fn check(self) -> Result<Option<Cluster>, Error> {
        let listen = endpoints("--cluster-listen", &self.cluster_listen)?;
        let connect = endpoints("--cluster-connect", &self.cluster_connect)?;
        if listen.is_empty() && connect.is_empty() {
            return Ok(None);
        }
        let secret = self.cluster_secret.filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| {
            Error(
                "--cluster-secret is missing; --cluster-listen and --cluster-connect require it"
                    .to_owned(),
            )
        })?;
        let is_local = listen.iter().chain(&connect).all(Endpoint::is_loopback);
        if secret.trim().len() < SHORTEST_SECRET && !is_local {
            return Err(Error(format!(
                "--cluster-secret has fewer than {SHORTEST_SECRET} bytes; across a network it could \
                 be guessed"
            )));
        }
        let tls = match (self.cluster_ca, self.cluster_cert, self.cluster_key) {
            (Some(authority), Some(certificate), Some(key)) => {
                Some(Tls { authority, certificate, key })
            }
            _ => None,
        };
        if tls.is_some() && !listen.iter().chain(&connect).any(Endpoint::tls) {
            return Err(Error(
                "--cluster-cert encrypts nothing without a tls/ endpoint; use tls/ in \
                 --cluster-listen or --cluster-connect"
                    .to_owned(),
            ));
        }
        Ok(Some(Cluster { listen, connect, secret: Secret::new(secret), tls }))
    }
}

/// Skips empty texts, which an environment variable set to nothing leaves.
fn endpoints(flag: &str, texts: &[String]) -> Result<Vec<Endpoint>, Error> {
    let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    texts.map(|text| text.parse().map_err(|error| Error(format!("{flag}: {error}")))).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        cluster: ClusterArgs,
    }

    fn check(listen: &str, connect: &str, secret: &str) -> Result<Option<Cluster>, Error> {
        let flags = ["x", "--cluster-listen", listen, "--cluster-connect", connect];
        let flags = Flags::parse_from(flags.into_iter().chain(["--cluster-secret", secret]));
        flags.cluster.check()
    }

    #[test]
    fn a_short_secret_is_for_one_machine_alone() {
        const SHORT: &str = "fifteen bytes..";
        const LONG: &str = "sixteen bytes...";
        for (listen, connect) in [
            ("tcp/127.0.0.1:7447", ""),
            ("tcp/[::1]:7447", "tcp/localhost:7448"),
            ("", "tcp/127.8.9.1:7447"),
        ] {
            assert!(check(listen, connect, SHORT).is_ok(), "{listen} {connect}");
            assert!(check(listen, connect, LONG).is_ok(), "{listen} {connect}");
        }
        for (listen, connect) in [
            ("tcp/0.0.0.0:7447", ""),
            ("tcp/[::]:7447", ""),
            ("tcp/127.0.0.1:7447", "tcp/192.0.2.1:7447"),
            ("", "tcp/localhost.example.org:7447"),
            ("", "tcp/127.0.0.1.example.org:7447"),
        ] {
            assert!(check(listen, connect, SHORT).is_err(), "{listen} {connect}");
            assert!(check(listen, connect, &" ".repeat(16)).is_err(), "{listen} {connect}");
            assert!(check(listen, connect, LONG).is_ok(), "{listen} {connect}");
        }
        assert!(check("tcp/127.0.0.1:7447", "", "").is_err());
    }
}
