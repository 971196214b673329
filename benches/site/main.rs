//! Measures the real binary from outside, one client process against one server process:
//!
//!     cargo bench --bench site -- reads DIR    pages, lists and searches over imported Markdown
//!     cargo bench --bench site -- writes       durable writes with 1 and with 64 clients
//!     cargo bench --bench site -- latency      from a write to 1,000 open sockets
//!     cargo bench --bench site -- replay       events that a reconnecting client missed
//!     cargo bench --bench site -- attacks      the time of a health check under each attack
//!     cargo bench --bench site -- access       accounts access compared with open access
//!     cargo bench --bench site -- fragments    the html shape compared with JSON
//!
//! These need an empty database in `DATABASE_URL=postgres://…`:
//!
//!     cargo bench --bench site -- drain N      N sockets move to another node
//!     cargo bench --bench site -- nodes        three nodes in a cluster
//!     cargo bench --bench site -- sign-outs    a socket's end after a sign-out elsewhere
//!
//! `benches/README.md` has the measured figures and the machine.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and prints"
)]

mod access;
mod attacks;
mod client;
mod drain;
mod fragments;
mod nodes;
mod server;
mod sign_outs;

use std::path::Path;
use std::time::{Duration, Instant};

use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::client::{Client, Socket};
use self::server::Server;

fn main() {
    // `cargo bench` adds the flag `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["reads", folder] => runtime.block_on(reads(Path::new(folder))),
        ["writes"] => runtime.block_on(writes()),
        ["latency"] => runtime.block_on(latency()),
        ["replay"] => runtime.block_on(replay()),
        ["attacks"] => runtime.block_on(attacks::measure()),
        ["access"] => runtime.block_on(access::measure()),
        ["fragments"] => runtime.block_on(fragments::measure()),
        ["drain"] => runtime.block_on(drain::measure(5_000)),
        ["drain", count] => runtime.block_on(drain::measure(count.parse().unwrap())),
        ["nodes"] => runtime.block_on(nodes::measure()),
        ["sign-outs"] => runtime.block_on(sign_outs::measure()),
        _ => println!(
            "expected one of: reads DIR, writes, latency, replay, attacks, access, fragments, \
             drain [N], nodes, sign-outs"
        ),
    }
}

/// Measures reads with one client that sends one request at a time.
async fn reads(folder: &Path) {
    const REQUESTS: usize = 1000;
    let server = Server::start(|data| server::import(folder, data)).await;
    let mut client = Client::connect(server.port).await;
    let posts = all_posts(&mut client).await;
    println!("{} posts; {REQUESTS} requests of each kind, one client", posts.len());
    let words = |post: &Value| -> String {
        let body = post["body"].as_str().unwrap();
        let words: Vec<&str> = body
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() > 1)
            .skip(20)
            .take(3)
            .collect();
        format!("%22{}%22", words.join("+"))
    };
    type PathOf<'a> = Box<dyn Fn(usize) -> String + 'a>;
    let phrases: Vec<String> = posts.iter().map(words).filter(|words| words != "%22%22").collect();
    let begun = |post: &Value| -> String {
        let title = post["title"].as_str().unwrap();
        let word = title.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| word.len() > 3);
        word.unwrap_or("rust")[..3].to_owned()
    };
    let kinds: [(&str, PathOf<'_>); 11] = [
        ("page of a post", Box::new(|n| path_of(&posts[n % posts.len()]))),
        ("front page", Box::new(|_| "/".to_owned())),
        ("list of 20", Box::new(|_| "/api/posts".to_owned())),
        ("list of 100", Box::new(|_| "/api/posts?limit=100".to_owned())),
        ("search: borrow checker", Box::new(|_| "/api/search?q=borrow+checker".to_owned())),
        ("search: async traits", Box::new(|_| "/search?q=async+traits".to_owned())),
        (
            "search: a phrase of a post",
            Box::new(|n| format!("/api/search?q={}", phrases[n % phrases.len()])),
        ),
        ("search: rust", Box::new(|_| "/api/search?q=rust".to_owned())),
        ("search: 100 hits of rust", Box::new(|_| "/api/search?q=rust&limit=100".to_owned())),
        ("search: proc, being typed", Box::new(|_| "/api/search?q=proc".to_owned())),
        (
            "search: three letters of a title",
            Box::new(|n| format!("/api/search?q={}", begun(&posts[n % posts.len()]))),
        ),
    ];
    for (name, path) in kinds {
        let mut times = Vec::new();
        for n in 0..REQUESTS {
            let path = path(n);
            let begun = Instant::now();
            let (status, _) = client.get(&path).await;
            times.push(begun.elapsed());
            assert_eq!(status, 200, "{path}");
        }
        report(name, &mut times);
    }
}

async fn all_posts(client: &mut Client) -> Vec<Value> {
    let mut posts = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, body) = client.get(&format!("/api/posts?limit=100{cursor}")).await;
        assert_eq!(status, 200);
        let mut page: Value = serde_json::from_slice(&body).unwrap();
        posts.append(page["posts"].as_array_mut().unwrap());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return posts,
        }
    }
}

/// Lets `clients` clients of each server write notes for five seconds. Returns the writes per
/// second.
async fn rate(servers: &[Server], clients: usize) -> f64 {
    const SECONDS: f64 = 5.0;
    let end = Instant::now() + Duration::from_secs_f64(SECONDS);
    let mut running = JoinSet::new();
    for server in servers {
        for _ in 0..clients {
            let mut client = Client::connect(server.port).await;
            running.spawn(async move {
                let note = note();
                let mut count = 0_u32;
                while Instant::now() < end {
                    assert_eq!(client.post("/api/notes", &note).await.0, 201);
                    count += 1;
                }
                count
            });
        }
    }
    let total: u32 = running.join_all().await.into_iter().sum();
    f64::from(total) / SECONDS
}

/// The path of a post's page.
fn path_of(post: &Value) -> String {
    let id = &post["id"];
    match post["slug"].as_str() {
        Some(slug) => format!("/posts/{id}-{}", utf8_percent_encode(slug, CONTROLS)),
        None => format!("/posts/{id}"),
    }
}

fn note() -> Value {
    json!({"title": "A note", "body": "x".repeat(200), "author": "bench"})
}

/// Measures writes of notes, each of which is on disk before it is answered.
async fn writes() {
    let server = Server::start(|_| {}).await;
    let sync = server::fsyncs_per_second(&server.data);
    println!("the disk alone: {sync:.0} appended and synced blocks a second");
    let mut rates = Vec::new();
    for clients in [1, 64, 1, 64] {
        let rate = rate(std::slice::from_ref(&server), clients).await;
        println!("{clients:3} client(s): {rate:.0} durable writes a second");
        rates.push(rate);
    }
    println!("64 clients against 1: {:.1} times", (rates[1] + rates[3]) / (rates[0] + rates[2]));
}

/// The number of writes in the latency benchmarks, and their interval.
const WRITES: usize = 500;
const EVERY: Duration = Duration::from_millis(20);

/// Returns the arrival times of all writes. Fails unless each arrives once and in order.
async fn seen(mut socket: Socket) -> Vec<Instant> {
    let mut seen = Vec::new();
    for number in 1..=WRITES {
        let frame = socket.next().await;
        seen.push(Instant::now());
        assert!(frame.ends_with(&format!("\"id\":{number}}}")), "{number}: {frame}");
    }
    seen
}

/// Writes sequentially at a fixed interval. Returns when each write was sent, and its response
/// time.
async fn write_in_rhythm(port: u16) -> (Vec<Instant>, Vec<Duration>) {
    let mut client = Client::connect(port).await;
    let note = note();
    let (mut sent, mut answered) = (Vec::new(), Vec::new());
    let mut rhythm = tokio::time::interval(EVERY);
    for _ in 0..WRITES {
        rhythm.tick().await;
        sent.push(Instant::now());
        assert_eq!(client.post("/api/notes", &note).await.0, 201);
        answered.push(sent[sent.len() - 1].elapsed());
    }
    (sent, answered)
}

/// The time from sending a write to its frame on each of many sockets.
async fn latency() {
    const SOCKETS: usize = 1000;
    let server = Server::start(|_| {}).await;
    let mut readers = JoinSet::new();
    for _ in 0..SOCKETS {
        readers.spawn(seen(Socket::connect(server.port, "/notifications").await));
    }
    let (sent, mut acknowledged) = write_in_rhythm(server.port).await;
    let mut times = Vec::new();
    for seen in readers.join_all().await {
        times.extend(seen.iter().zip(&sent).map(|(seen, sent)| *seen - *sent));
    }
    println!("{SOCKETS} sockets, {WRITES} writes, one every {EVERY:?}; each frame once, in order");
    report("write to its answer", &mut acknowledged);
    report("write to a frame on a socket", &mut times);
}

/// Measures the replay of all events to a client.
async fn replay() {
    const EVENTS: usize = 100_000;
    let server = Server::start(|data| server::seed(data, EVENTS)).await;
    for (name, path) in [
        ("all of it", "/notifications?last_event_id=0"),
        ("again", "/notifications?last_event_id=0"),
    ] {
        let begun = Instant::now();
        let mut socket = Socket::connect(server.port, path).await;
        for number in 1..=EVENTS {
            let frame = socket.next().await;
            assert!(frame.ends_with(&format!("\"id\":{number}}}")), "{number}: {frame}");
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{name}: {EVENTS} events in {seconds:.2} s, {:.0} a second",
            EVENTS as f64 / seconds
        );
    }
}

fn report(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        times[index.min(times.len() - 1)].as_secs_f64() * 1000.0
    };
    println!("{name:30} p50 {:6.2} ms  p95 {:6.2} ms  p99 {:6.2} ms", at(0.50), at(0.95), at(0.99));
}
