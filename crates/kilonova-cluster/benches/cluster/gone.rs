//! The time until a peer that ends without notice is gone.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::node::Node;

const TIMES: usize = 10;

pub(crate) async fn measure() {
    for signal in ["KILL", "STOP"] {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let mut node = Node::start("node", &[]).await;
            let mut peer = start(node.address);
            node.sees(1).await;
            // Varies the moment between two keep-alives.
            tokio::time::sleep(Duration::from_millis(500 + 37 * times.len() as u64)).await;
            Command::new("kill")
                .args([format!("-{signal}"), peer.id().to_string()])
                .status()
                .unwrap();
            let start = Instant::now();
            node.sees(0).await;
            times.push(start.elapsed());
            peer.kill().unwrap();
            peer.wait().unwrap();
            node.adapter.close().await;
        }
        times.sort_unstable();
        println!(
            "gone after SIG{signal}: {:.1?} to {:.1?}, median {:.1?}",
            times[0],
            times[TIMES - 1],
            times[TIMES / 2]
        );
    }
}

fn start(address: SocketAddr) -> Child {
    let this = std::env::current_exe().unwrap();
    Command::new(this).args(["peer", &address.to_string()]).stdin(Stdio::null()).spawn().unwrap()
}

/// The peer, in a separate process.
pub(crate) async fn peer(address: SocketAddr) {
    let mut node = Node::start("peer", &[address]).await;
    // Exits when the other node is gone, in case the benchmark did not kill this process.
    node.sees(1).await;
    node.sees(0).await;
}
