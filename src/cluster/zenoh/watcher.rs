//! Says which of the nodes that this one was told of cannot be reached, and why. Zenoh goes on trying
//! without a word.

use std::collections::HashSet;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::super::NodeId;
use super::Endpoint;

const PAUSE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(3);

/// Looks every ten seconds, and only while fewer nodes are there than it was told of, whether they can
/// be connected to. Each change is logged once.
pub(super) async fn watch(endpoints: Vec<Endpoint>, nodes: watch::Receiver<HashSet<NodeId>>) {
    let mut away = HashSet::new();
    let mut refused = false;
    loop {
        sleep(PAUSE).await;
        let complete = || nodes.borrow().len() >= endpoints.len();
        if complete() {
            if !away.is_empty() || refused {
                log::info!("as many nodes are there as this one connects to");
            }
            away.clear();
            refused = false;
            continue;
        }
        for endpoint in &endpoints {
            match reach(endpoint).await {
                Err(reason) if away.insert(endpoint) => {
                    log::warn!(
                        "cannot connect to {endpoint}: {reason}; it is tried again until it is there"
                    );
                }
                Ok(()) if away.remove(endpoint) => log::info!("{endpoint} can be connected to"),
                _ => {}
            }
        }
        if away.is_empty() && !complete() && !refused {
            refused = true;
            log::warn!(
                "all nodes that this one connects to answer, but only {} of {} are there; \
                 do all have the same secret, site and kind of endpoint?",
                nodes.borrow().len(),
                endpoints.len(),
            );
        }
    }
}

async fn reach(endpoint: &Endpoint) -> Result<(), String> {
    match timeout(PATIENCE, TcpStream::connect(endpoint.address())).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}
