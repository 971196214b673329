//! The cost of an idle adapter.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::node::Node;

pub(crate) async fn measure() {
    let before = [status("Threads"), status("VmRSS")];
    let mut node = Node::start("node", &[]).await;
    let mut peer = Command::new(std::env::current_exe().unwrap())
        .args(["peer", &node.address.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    node.sees(1).await;
    let [threads, memory] = [status("Threads") - before[0], status("VmRSS") - before[1]];
    println!("an adapter with a peer: {threads} threads, {memory} KiB resident");
    // The work of opening the adapter is done after this.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let (start, threads) = (ticks(), status("Threads") - before[0]);
    let names = fs::read_dir("/proc/self/task").unwrap().map(|task| {
        fs::read_to_string(task.unwrap().path().join("comm")).unwrap().trim().to_owned()
    });
    let names = names.collect::<Vec<_>>().join(" ");
    tokio::time::sleep(Duration::from_secs(30)).await;
    println!(
        "idle: {threads} threads ({names}), {:.2} % of one core",
        (ticks() - start) as f64 / 30.0
    );
    peer.kill().unwrap();
    peer.wait().unwrap();
    node.adapter.close().await;
}

fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

// User and system CPU time, in hundredths of a second.
fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}
