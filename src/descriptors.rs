//! File descriptors. Every connection takes one, and the database and the search index need some at
//! any time. This module owns the resulting limits on connections and sockets. Without them a
//! connection flood would use up the descriptors, and the database and the index would stop
//! working.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Descriptors reserved for files: SQLite has 19 open with all its readers, or PostgreSQL 36; the
/// index about 50 while it writes one segment and merges others; everything else 20. The rest is
/// spare.
const RESERVE: usize = 128;

/// Descriptors of each worker: its event loop and the pipe that wakes it.
const PER_WORKER: usize = 4;

/// Descriptors of `--admin-bind`: its connections, its listener and its two threads.
const ADMIN: usize = 48;

/// The minimum number of connections with which a page can be served.
const FEWEST: usize = 16;

/// The maximum number of connections that are kept free of sockets for other requests.
const SPARE: usize = 1_000;

/// The process has too few file descriptors to start the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{available} file descriptors (ulimit -n) are too few; the server needs at least {needed}")]
pub struct TooFew {
    available: usize,
    needed: usize,
}

/// The reason why fewer sockets are allowed than configured, as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shortage {
    /// The system permits too few file descriptors.
    #[error(
        "{available} file descriptors (ulimit -Hn) are too few for --max-sockets {asked}, which \
         needs {needed}; sockets beyond {sockets} are refused with 503"
    )]
    Descriptors {
        /// The number of descriptors that the process may open.
        available: usize,
        /// The number of descriptors that would be enough.
        needed: usize,
        /// The number of sockets that was configured.
        asked: usize,
        /// The number of sockets that is allowed.
        sockets: usize,
    },
    /// A flag allows too few connections.
    #[error(
        "--max-connections {connections} is too low for --max-sockets {asked}; \
         sockets beyond {sockets} are refused with 503"
    )]
    Connections {
        /// The number of connections that is allowed.
        connections: usize,
        /// The number of sockets that was configured.
        asked: usize,
        /// The number of sockets that is allowed.
        sockets: usize,
    },
}

/// Raises the process's soft limit to the hard one.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
    {
        log::warn!("cannot raise the limit on file descriptors: {error}");
    }
}

/// The limit on open descriptors; `None` if there is no limit.
pub fn available() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Lowers the limits in the configuration to fit the available descriptors. Connections leave the
/// reserve for files; sockets leave connections for other requests and for refusals. Returns the
/// shortage if an explicit number of sockets had to be lowered.
pub fn fit(config: &mut Config, available: Option<usize>) -> Result<Option<Shortage>, TooFew> {
    let asked = config.max_sockets;
    let admin = if config.admin_bind.is_some() { ADMIN } else { 0 };
    let reserve = reserve(config.workers) + admin;
    let most = match available {
        None => usize::MAX,
        Some(available) => {
            let needed = reserve + FEWEST.max(config.workers);
            if available < needed {
                return Err(TooFew { available, needed });
            }
            available - reserve
        }
    };
    let by_flag = config.max_connections <= most;
    // Each worker gets an equal share.
    config.max_connections =
        (config.max_connections.min(most) / config.workers).max(1).saturating_mul(config.workers);
    config.max_sockets = asked.min(sockets_in(config.max_connections));
    let (connections, sockets) = (config.max_connections, config.max_sockets);
    Ok(if sockets == asked || asked == usize::MAX {
        None
    } else if by_flag {
        Some(Shortage::Connections { connections, asked, sockets })
    } else {
        let connections = with_spare(asked).div_ceil(config.workers).saturating_mul(config.workers);
        let (available, needed) =
            (most.saturating_add(reserve), connections.saturating_add(reserve));
        Some(Shortage::Descriptors { available, needed, asked, sockets })
    })
}

fn reserve(workers: usize) -> usize {
    RESERVE + PER_WORKER * workers
}

/// Returns how many of the connections may be sockets: all but a tenth, but never fewer than all
/// but [`SPARE`].
fn sockets_in(connections: usize) -> usize {
    connections - connections.div_ceil(10).min(SPARE)
}

/// Returns how many connections are needed for a number of sockets.
fn with_spare(sockets: usize) -> usize {
    sockets.saturating_add(sockets.div_ceil(9).min(SPARE))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{Cli, Command};

    fn config(flags: &[&str]) -> Config {
        let arguments = ["kilonova", "serve"].iter().chain(flags).map(OsString::from);
        match Cli::read(arguments).expect("flags").into_command() {
            Command::Serve(args) => args.check().expect("a configuration"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn limits_that_fit_are_unchanged() {
        let mut config = config(&["--workers", "2"]);
        assert_eq!(fit(&mut config, Some(1 << 20)), Ok(None));
        assert_eq!((config.max_sockets, config.max_connections), (20_000, 25_000));
        assert_eq!(fit(&mut config, None), Ok(None));
        assert_eq!((config.max_sockets, config.max_connections), (20_000, 25_000));
    }

    #[test]
    fn without_limits_connections_fit_the_descriptors() {
        let mut config =
            config(&["--workers", "2", "--max-sockets", "0", "--max-connections", "0"]);
        assert_eq!(fit(&mut config, None), Ok(None));
        assert!(config.max_sockets > usize::MAX / 2);
        fit(&mut config, Some(10_136)).unwrap();
        assert_eq!((config.max_sockets, config.max_connections), (9_000, 10_000));
    }

    #[test]
    fn sockets_leave_connections_for_refusals() {
        let mut config = config(&["--workers", "2", "--max-connections", "101"]);
        fit(&mut config, Some(1 << 20)).unwrap();
        assert_eq!((config.max_sockets, config.max_connections), (90, 100));
    }

    #[test]
    fn too_few_descriptors_are_refused() {
        let mut config = config(&["--workers", "2"]);
        assert_eq!(fit(&mut config, Some(151)), Err(TooFew { available: 151, needed: 152 }));
        fit(&mut config, Some(152)).unwrap();
        assert_eq!((config.max_sockets, config.max_connections), (14, 16));
    }

    proptest! {
        #[test]
        fn with_spare_is_the_smallest_sufficient_number(sockets in 0..100_000_usize) {
            prop_assert_eq!(sockets_in(with_spare(sockets)), sockets);
            let fewer = with_spare(sockets).saturating_sub(1);
            prop_assert!(sockets == 0 || sockets_in(fewer) < sockets);
        }
    }
}
