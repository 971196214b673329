//! Throughput and latency, compared with two Erlang nodes in the same run:
//!
//!     cargo test --release -p kilonova-cluster --features erlang --test erlang -- \
//!         --ignored --nocapture figures
//!
//! Messages have about 300 bytes and use one channel with one member at each end. Each batch of 250
//! is confirmed, and two are in transit at a time: more could be lost on the way to Erlang, as
//! docs/erlang.md says.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use kilonova_pubsub::{Payload, Subscription};
use kilonova_test::erlang::{Node, is_installed};
use kilonova_test::free_port;
use serde_json::json;

use super::{Here, within};

const BATCH: usize = 250;
const BATCHES: usize = 800;
const ROUND_TRIPS: usize = 5_000;
const RUNS: usize = 3;
const MEMBERS: usize = 100_000;
const DEATHS: usize = 5;

/// The payload as an Erlang term; `payload` has it as JSON.
const TERM: &str = "#{<<\"id\">> => 123456, <<\"title\">> => binary:copy(<<\"x\">>, 250)}";

fn payload() -> Payload {
    Payload::from(json!({"id": 123_456, "title": "x".repeat(250)}))
}

#[actix::test]
#[ignore = "a benchmark"]
async fn figures() {
    if !is_installed() {
        return;
    }
    // Erlang nodes that connect to each other use the same port.
    let port = free_port();
    let mut one = Node::start_at("one", "127.0.0.1", port, &[]);
    let mut two = Node::start_at("two", "127.0.0.2", port, &[]);
    one.is(&format!("net_kernel:connect_node('{}')", two.name()), "true");
    // This node does not receive the messages between those two.
    let mut nova = Node::start("nova");
    let here = Here::start(&[nova.peer()]);
    here.meet(&mut nova).await;
    nova.is("exit(whereis(m), kill)", "true");
    here.await_members("posts", 0).await;
    println!("{} cores", std::thread::available_parallelism().unwrap());

    for run in 1..=RUNS {
        let apart = rate(Duration::from_micros(between(&mut one, &mut two)));
        let (incoming, outgoing) = (rate(receive(&here, &mut nova).await), send(&here, &mut nova));
        let outgoing = rate(outgoing.await);
        println!(
            "run {run}: messages a second: Erlang to Erlang {apart:.0}, Erlang to Kilonova \
             {incoming:.0} ({:.2}), Kilonova to Erlang {outgoing:.0} ({:.2})",
            incoming / apart,
            outgoing / apart
        );
        let apart = echoes_between(&mut one, &mut two);
        let from_here = echoes(&here, &mut nova).await;
        println!(
            "run {run}: there and back, p50 and p99: Erlang and Erlang {} and {} µs, Kilonova and \
             Erlang {} and {} µs",
            apart[ROUND_TRIPS / 2],
            apart[ROUND_TRIPS * 99 / 100],
            from_here[ROUND_TRIPS / 2].as_micros(),
            from_here[ROUND_TRIPS * 99 / 100].as_micros()
        );
    }
    memory(&here, &mut nova).await;
    drop(here);
    deaths().await;
}

fn rate(time: Duration) -> f64 {
    (BATCH * BATCHES) as f64 / time.as_secs_f64()
}

/// The time for all messages from one Erlang node to another, in microseconds.
fn between(one: &mut Node, two: &mut Node) -> u64 {
    two.is(&format!("register(s, figures:sink({BATCH})), ok"), "ok");
    one.is("probe:await(posts, 1)", "ok");
    let time = one.eval(&format!("figures:stream({BATCHES}, {BATCH}, {TERM})"));
    two.is("figures:stop(whereis(s))", "ok");
    one.is("probe:await(posts, 0)", "ok");
    time.parse().unwrap()
}

/// The time for all messages from Erlang to this node.
async fn receive(here: &Here, one: &mut Node) -> Duration {
    let mut posts = here.pubsub.subscribe_with_capacity(4 * BATCH, ["posts"]).await.unwrap();
    one.send(&format!("figures:stream({BATCHES}, {BATCH}, {TERM})"));
    let mut left = BATCH * BATCHES;
    while left > 0 {
        let heard = within(posts.next()).await.unwrap();
        if heard.topic() != "hello" {
            left -= 1;
        }
        if heard.topic() == "hello" || left.is_multiple_of(BATCH) {
            confirm(here).await;
        }
    }
    Duration::from_micros(one.value().parse().unwrap())
}

async fn confirm(here: &Here) {
    here.pubsub.broadcast("comments", "ack", Payload::null()).await.unwrap();
}

/// The time for all messages from this node to Erlang.
async fn send(here: &Here, one: &mut Node) -> Duration {
    one.is(&format!("register(s, figures:sink({BATCH})), ok"), "ok");
    here.await_members("posts", 1).await;
    let mut acks = here.pubsub.subscribe(["comments"]).await.unwrap();
    greet(here, &mut acks).await;
    let begun = Instant::now();
    let mut under_way = 0;
    for _ in 0..BATCHES {
        if under_way == 2 {
            within(acks.next()).await.unwrap();
            under_way -= 1;
        }
        for _ in 0..BATCH {
            here.pubsub.broadcast("posts", "t", payload()).await.unwrap();
        }
        under_way += 1;
    }
    for _ in 0..under_way {
        within(acks.next()).await.unwrap();
    }
    let time = begun.elapsed();
    one.is("figures:stop(whereis(s))", "ok");
    here.await_members("posts", 0).await;
    time
}

/// Waits until the Erlang node knows the member that receives its confirmations.
async fn greet(here: &Here, acks: &mut Subscription) {
    let pause = Duration::from_millis(300);
    loop {
        here.pubsub.broadcast("posts", "hello", Payload::null()).await.unwrap();
        if tokio::time::timeout(pause, acks.next()).await.is_ok() {
            break;
        }
    }
    while tokio::time::timeout(pause, acks.next()).await.is_ok() {}
}

fn echoes_between(one: &mut Node, two: &mut Node) -> Vec<u64> {
    two.is("register(s, figures:echo()), ok", "ok");
    one.is("probe:await(posts, 1)", "ok");
    let times = one.eval(&format!("figures:echoes({ROUND_TRIPS}, {TERM})"));
    two.is("figures:stop(whereis(s))", "ok");
    one.is("probe:await(posts, 0)", "ok");
    let times = times.trim_matches(['[', ']']).split(',');
    times.map(|time| time.parse().unwrap()).collect()
}

async fn echoes(here: &Here, one: &mut Node) -> Vec<Duration> {
    one.is("register(s, figures:echo()), ok", "ok");
    here.await_members("posts", 1).await;
    let mut acks = here.pubsub.subscribe(["comments"]).await.unwrap();
    greet(here, &mut acks).await;
    let mut times = Vec::new();
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        here.pubsub.broadcast("posts", "t", payload()).await.unwrap();
        within(acks.next()).await.unwrap();
        times.push(begun.elapsed());
    }
    one.is("figures:stop(whereis(s))", "ok");
    here.await_members("posts", 0).await;
    times.sort_unstable();
    times
}

/// The memory for members of an Erlang node, and the time until they are known.
async fn memory(here: &Here, one: &mut Node) {
    let before = resident();
    let begun = Instant::now();
    one.is(&format!("probe:many(comments, {MEMBERS})"), "ok");
    // A new monitor each time, because one has no room for this many changes.
    while here.pubsub.monitor("comments").await.unwrap().members().len() < MEMBERS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!(
        "{MEMBERS} members of an Erlang node: known after {} ms, {} bytes each",
        begun.elapsed().as_millis(),
        resident().saturating_sub(before) / MEMBERS as u64
    );
}

/// The memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// The time until killed members are gone, alone and with their node.
async fn deaths() {
    let (mut processes, mut nodes) = (Vec::new(), Vec::new());
    for _ in 0..DEATHS {
        let mut nova = Node::start("nova");
        let here = Here::start(&[nova.peer()]);
        here.meet(&mut nova).await;
        let begun = Instant::now();
        nova.is("exit(whereis(m), kill)", "true");
        here.await_members("posts", 0).await;
        processes.push(begun.elapsed().as_millis());
        nova.is("register(n, probe:start([posts])), ok", "ok");
        here.await_members("posts", 1).await;
        let begun = Instant::now();
        nova.kill();
        here.await_members("posts", 0).await;
        nodes.push(begun.elapsed().as_millis());
    }
    println!("members gone after their process was killed: {processes:?} ms");
    println!("members gone after their node was killed: {nodes:?} ms");
}
