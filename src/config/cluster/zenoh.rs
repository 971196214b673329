//! Validates the flags of a cluster and turns them into the node's options.

use std::path::Path;

use super::ClusterArgs;
use crate::cluster::Options;
use crate::cluster::zenoh::{Endpoint, Secret, Tls};
use crate::config::Error;

/// How this node and the others find each other.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Endpoints on which other nodes connect.
    pub listen: Vec<Endpoint>,
    /// Endpoints of other nodes to connect to.
    pub connect: Vec<Endpoint>,
    /// The secret that all nodes share.
    pub secret: Secret,
    /// How connections between nodes are encrypted; `None` means not at all.
    pub tls: Option<Tls>,
}

/// The minimum length in bytes of the secret of a cluster that spans several machines.
const SHORTEST_SECRET: usize = 16;

impl Cluster {
    /// The log filter for the cluster's libraries.
    pub const LOG_FILTER: &str = crate::cluster::zenoh::LOG_FILTER;

    /// Adds this cluster's settings to a node's options.
    pub fn join(&self, options: Options, folder: &Path) -> Options {
        if self.secret.is_short() {
            log::warn!("--cluster-secret is short: anyone who sees a connection can guess it");
        }
        let options = options
            .listen(self.listen.clone())
            .connect(self.connect.clone())
            .secret(self.secret.clone())
            .folder(folder);
        match &self.tls {
            Some(tls) => options.tls(tls.clone()),
            None => options,
        }
    }
}

impl ClusterArgs {
    /// Validates the flags; returns `None` if they name no endpoint.
    pub(in crate::config) fn check(self) -> Result<Option<Cluster>, Error> {
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
                "--cluster-secret has fewer than {SHORTEST_SECRET} bytes and could be guessed on a \
                 network; use a longer one"
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

/// Parses endpoints. It skips empty texts, which an empty environment variable leaves.
fn endpoints(flag: &str, texts: &[String]) -> Result<Vec<Endpoint>, Error> {
    let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    texts.map(|text| text.parse().map_err(|error| Error(format!("{flag}: {error}")))).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Flags;
    use super::*;

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
