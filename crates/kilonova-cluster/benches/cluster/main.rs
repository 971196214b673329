//! Measures the adapter between nodes, over TCP on one machine:
//!
//!     cargo bench --no-default-features --features zenoh --bench cluster
//!
//! - `latency`: the time from `send_to` on one node to the reader on another, one message at a
//!   time, in one process.
//! - `messages`: messages per second, when the sender waits only to avoid losses.
//! - `groups`: the time from a broadcast on one node to an actor on another, and the broadcasts per
//!   second between three nodes.
//! - `idle`: threads, memory and CPU of an idle node with one peer.
//! - `gone`: the time until a peer in a separate process is gone after SIGKILL, and after SIGSTOP.
//!
//! To run only some of them, name them after `--`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark panics on a failure, and prints its figures"
)]

mod gone;
mod groups;
mod idle;
mod node;
mod traffic;

#[actix::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [word, address] = &words[..]
        && word == "peer"
    {
        return gone::peer(address.parse().unwrap()).await;
    }
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    // First, because the other measurements leave threads behind.
    if chosen("idle") {
        idle::measure().await;
    }
    if chosen("latency") {
        traffic::latency().await;
    }
    if chosen("messages") {
        traffic::messages().await;
    }
    if chosen("groups") {
        groups::measure().await;
    }
    if chosen("gone") {
        gone::measure().await;
    }
}
