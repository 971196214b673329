//! The cluster flags in a build without the feature `zenoh`. The type [`Cluster`] has no values,
//! which lets the rest of the application stay the same in every build. This module owns the error
//! for flags that name other nodes.

use std::path::Path;

use super::ClusterArgs;
use crate::cluster::Options;
use crate::config::Error;

/// The error for every flag that names an endpoint.
const ABSENT: &str = "this build of kilonova has no cluster; build it with `--features zenoh`";

/// A cluster that cannot exist.
#[derive(Clone, Debug)]
pub enum Cluster {}

impl Cluster {
    /// The log filter for the cluster's libraries; empty, because there are none.
    pub const LOG_FILTER: &str = "";

    /// Cannot be called, because the type has no values.
    pub fn join(&self, _: Options, _: &Path) -> Options {
        match *self {}
    }
}

impl ClusterArgs {
    /// Fails if the flags name an endpoint.
    pub(in crate::config) fn check(self) -> Result<Option<Cluster>, Error> {
        for (flag, endpoints) in [
            ("--cluster-listen", &self.cluster_listen),
            ("--cluster-connect", &self.cluster_connect),
        ] {
            if endpoints.iter().any(|endpoint| !endpoint.trim().is_empty()) {
                return Err(Error(format!("{flag}: {ABSENT}")));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Flags;
    use super::*;

    #[test]
    fn a_build_for_one_node_says_so_when_it_is_told_of_others() {
        let check = |flags: &[&str]| {
            Flags::parse_from(["x"].into_iter().chain(flags.iter().copied())).cluster.check()
        };
        assert!(matches!(check(&[]), Ok(None)));
        assert!(matches!(check(&["--cluster-listen", "", "--cluster-secret", "s"]), Ok(None)));
        for flag in ["--cluster-listen", "--cluster-connect"] {
            let error = check(&[flag, "tcp/127.0.0.1:7447"]).expect_err("no cluster").to_string();
            assert!(error.starts_with(flag) && error.contains("--features zenoh"), "{error}");
        }
    }
}
