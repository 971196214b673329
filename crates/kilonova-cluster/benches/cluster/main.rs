//! Measures the adapter between nodes, over TCP on one machine:
//!
//!     cargo bench --no-default-features --features zenoh --bench cluster
//!
//! - `latency`: from `send_to` on one node to the reader on another, one message at a time, in one
//!   process.
//! - `messages`: how many arrive in a second, when the sender waits only so that none is lost.
//! - `groups`: from a broadcast on one node to an actor on another, and how many broadcasts three
//!   nodes send each other in a second.
//! - `idle`: threads, memory and CPU of a node that has one peer and nothing to do.
//! - `gone`: until a peer, a process of its own, is gone after SIGKILL, and after SIGSTOP.
//!
//! Words after `--` choose.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and prints"
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
    // First, as what comes after leaves threads behind.
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
