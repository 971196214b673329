//! Logs which of the configured nodes cannot be reached, and why. Zenoh retries without logging.

use std::collections::HashSet;
use std::time::Duration;

use log::Level;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::super::NodeId;
use super::Endpoint;

// The interval between checks. It doubles while nodes are missing.
const FIRST: Duration = Duration::from_secs(10);
const LAST: Duration = Duration::from_secs(160);
const PATIENCE: Duration = Duration::from_secs(3);

/// While fewer nodes are present than configured, checks which can be reached. Logs each change
/// once.
pub(super) async fn watch(endpoints: Vec<Endpoint>, nodes: watch::Receiver<HashSet<NodeId>>) {
    let mut known = Known::default();
    let mut pause = FIRST;
    loop {
        sleep(pause).await;
        let mut reached = Vec::new();
        if nodes.borrow().len() < endpoints.len() {
            for endpoint in &endpoints {
                reached.push((endpoint, reach(endpoint).await));
            }
        }
        // More nodes may have appeared during the checks.
        let there = nodes.borrow().len();
        pause = if there < endpoints.len() { LAST.min(2 * pause) } else { FIRST };
        for (level, line) in known.compare(&reached, there, endpoints.len()) {
            log::log!(level, "{line}");
        }
    }
}

/// The state that was logged last.
#[derive(Default)]
struct Known {
    away: HashSet<Endpoint>,
    missing: bool,
}

impl Known {
    /// The lines to log now, with `there` nodes present of the `wanted` ones.
    fn compare(
        &mut self,
        reached: &[(&Endpoint, Result<(), String>)],
        there: usize,
        wanted: usize,
    ) -> Vec<(Level, String)> {
        let mut lines = Vec::new();
        if there >= wanted {
            if !self.away.is_empty() || self.missing {
                lines.push((
                    Level::Info,
                    "as many nodes are present as this node connects to".to_owned(),
                ));
            }
            *self = Known::default();
            return lines;
        }
        for (endpoint, reached) in reached {
            match reached {
                Err(reason) if self.away.insert((*endpoint).clone()) => lines.push((
                    Level::Warn,
                    format!("cannot connect to {endpoint}: {reason}; retrying"),
                )),
                Ok(()) if self.away.remove(endpoint) => {
                    lines.push((Level::Info, format!("{endpoint} is reachable again")));
                }
                _ => {}
            }
        }
        if self.away.is_empty() && !reached.is_empty() && !self.missing {
            self.missing = true;
            lines.push((
                Level::Warn,
                format!(
                    "all nodes that this node connects to answer, but only {there} of {wanted} are \
                     present; check for a frozen node, for different secrets, and for certificates \
                     of different authorities"
                ),
            ));
        }
        lines
    }
}

async fn reach(endpoint: &Endpoint) -> Result<(), String> {
    match timeout(PATIENCE, TcpStream::connect(endpoint.address())).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_logged_once() {
        let [a, b] = ["tcp/a:1", "tcp/b:1"].map(|text| text.parse::<Endpoint>().unwrap());
        let mut known = Known::default();
        let mut said = |reached: [Result<(), &str>; 2], there| {
            let [first, second] = reached.map(|reached| reached.map_err(str::to_owned));
            let lines = known.compare(&[(&a, first), (&b, second)], there, 2);
            lines
                .into_iter()
                .map(|(_, line)| line.split([':', ';']).next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let (ok, refused) = (Ok(()), Err("connection refused"));
        assert_eq!(said([ok, refused], 1), ["cannot connect to tcp/b"]);
        assert_eq!(said([ok, refused], 1), [""; 0]);
        let missing = "all nodes that this node connects to answer, but only 1 of 2 are present";
        assert_eq!(said([ok, ok], 1), ["tcp/b", missing]);
        assert_eq!(said([ok, ok], 1), [""; 0]);
        assert_eq!(said([ok, ok], 2), ["as many nodes are present as this node connects to"]);
        assert_eq!(said([ok, ok], 2), [""; 0]);
        assert_eq!(said([refused, ok], 0), ["cannot connect to tcp/a"]);
    }
}
