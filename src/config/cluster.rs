//! The flags of a cluster, and what they ask for together.

use std::path::PathBuf;

use clap::Args;

use super::Error;
use crate::cluster::zenoh::{Endpoint, Secret, Tls};

/// The flags.
#[derive(Clone, Debug, Args)]
pub(super) struct ClusterArgs {
    /// Where other nodes may connect to this one: tcp/ADDR:PORT or tls/HOST:PORT, several with commas
    #[arg(long, env = "KILONOVA_CLUSTER_LISTEN", value_delimiter = ',', value_name = "ENDPOINT")]
    cluster_listen: Vec<String>,
    /// Other nodes to connect to, likewise; those that are not there yet are tried again
    #[arg(long, env = "KILONOVA_CLUSTER_CONNECT", value_delimiter = ',', value_name = "ENDPOINT")]
    cluster_connect: Vec<String>,
    /// What all nodes of the cluster know and nobody else does; required with either
    #[arg(long, env = "KILONOVA_CLUSTER_SECRET", value_name = "TEXT", hide_env_values = true)]
    cluster_secret: Option<String>,
    /// Certificate of the authority that signed those of all nodes, PEM; for endpoints with tls/
    #[arg(long, env = "KILONOVA_CLUSTER_CA", value_name = "FILE", requires_all = ["cluster_cert", "cluster_key"])]
    cluster_ca: Option<PathBuf>,
    /// This node's certificate, PEM
    #[arg(long, env = "KILONOVA_CLUSTER_CERT", value_name = "FILE", requires = "cluster_ca")]
    cluster_cert: Option<PathBuf>,
    /// The private key to it, PEM
    #[arg(long, env = "KILONOVA_CLUSTER_KEY", value_name = "FILE", requires = "cluster_ca")]
    cluster_key: Option<PathBuf>,
}

/// How this node and the others find each other.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Where the others may connect to.
    pub listen: Vec<Endpoint>,
    /// The others.
    pub connect: Vec<Endpoint>,
    /// What all of them know.
    pub secret: Secret,
    /// How they know each other's connections.
    pub tls: Option<Tls>,
}

impl ClusterArgs {
    /// What is asked for; `None` when it is nothing.
    pub(super) fn check(self) -> Result<Option<Cluster>, Error> {
        let listen = endpoints("--cluster-listen", &self.cluster_listen)?;
        let connect = endpoints("--cluster-connect", &self.cluster_connect)?;
        if listen.is_empty() && connect.is_empty() {
            return Ok(None);
        }
        let secret = self.cluster_secret.filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| {
            Error(
                "--cluster-secret is missing: --cluster-listen and --cluster-connect need it"
                    .to_owned(),
            )
        })?;
        let tls = match (self.cluster_ca, self.cluster_cert, self.cluster_key) {
            (Some(authority), Some(certificate), Some(key)) => {
                Some(Tls { authority, certificate, key })
            }
            _ => None,
        };
        if tls.is_some() && !listen.iter().chain(&connect).any(Endpoint::tls) {
            return Err(Error(
                "--cluster-cert is for endpoints with tls/, and there is none: nothing would be \
                 encrypted"
                    .to_owned(),
            ));
        }
        Ok(Some(Cluster { listen, connect, secret: Secret::new(secret), tls }))
    }
}

/// An empty text is none: an environment variable that is set to nothing.
fn endpoints(flag: &str, texts: &[String]) -> Result<Vec<Endpoint>, Error> {
    let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    texts.map(|text| text.parse().map_err(|error| Error(format!("{flag}: {error}")))).collect()
}
