//! The cost of permission checks: two servers with the same content, one in open access and one in
//! accounts access, get the same requests alternately.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Client, Socket};
use super::server::{Server, add_user};

const PASSWORD: &str = "a password of a benchmark";
const POSTS: usize = 40;
const REQUESTS: usize = 3000;
const SOCKETS: usize = 500;
const WRITES: usize = 300;
const ROUNDS: usize = 3;

pub(super) async fn measure() {
    let mut sites = Vec::new();
    for access in ["open", "accounts"] {
        sites.push(Site::start(access).await);
    }
    println!("open access, then accounts; {REQUESTS} requests each, in turns");
    let page = |n: usize| format!("/posts/{}-a-post", n % POSTS + 1);
    let list = |_: usize| "/api/posts".to_owned();
    for (name, signed_in) in [("nobody", false), ("a member", true)] {
        reads(&mut sites, &format!("page of a post, {name}"), signed_in, page).await;
        reads(&mut sites, &format!("list of 20, {name}"), signed_in, list).await;
    }
    writes(&mut sites).await;
    deliveries(&mut sites).await;
}

struct Site {
    server: Server,
    client: Client,
    cookie: String,
}

impl Site {
    async fn start(access: &str) -> Site {
        let variables = [
            ("KILONOVA_ACCESS", access.to_owned()),
            ("KILONOVA_MAX_WRITES_PER_ACCOUNT", "0".to_owned()),
            ("KILONOVA_MAX_WRITES_PER_ADDRESS", "0".to_owned()),
            ("KILONOVA_QUOTA_NOTES", "0".to_owned()),
            ("KILONOVA_MAX_SOCKETS_PER_ADDRESS", "0".to_owned()),
            ("KILONOVA_MAX_CONNECTIONS_PER_ADDRESS", "0".to_owned()),
        ];
        let add = |data: &std::path::Path| add_user(data, "writer", "member", PASSWORD);
        let server = Server::start_with(add, &variables).await;
        let mut client = Client::connect(server.port).await;
        let cookie = client.sign_in("writer", PASSWORD).await;
        let post = json!({"title": "A post", "body": "Some *words* of a post. ".repeat(200)});
        for _ in 0..POSTS {
            assert_eq!(client.post_as("/api/posts", &post, &cookie).await.0, 201);
        }
        Site { server, client, cookie }
    }
}

async fn reads(sites: &mut [Site], name: &str, signed_in: bool, path: impl Fn(usize) -> String) {
    let mut times = [Vec::new(), Vec::new()];
    for n in 0..REQUESTS {
        for (site, times) in sites.iter_mut().zip(&mut times) {
            let (path, begun) = (path(n), Instant::now());
            let (status, _) = match signed_in {
                true => site.client.signed_in("GET", &path, &site.cookie).await,
                false => site.client.get(&path).await,
            };
            times.push(begun.elapsed());
            assert_eq!(status, 200);
        }
    }
    compare(name, &mut times);
}

async fn writes(sites: &mut [Site]) {
    let note: Value = json!({"title": "A note", "body": "x".repeat(200)});
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..REQUESTS / 3 {
        for (site, times) in sites.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            let (status, _) = site.client.post_as("/api/notes", &note, &site.cookie).await;
            times.push(begun.elapsed());
            assert_eq!(status, 201);
        }
    }
    compare("a write of a member", &mut times);
}

/// Measures the server's CPU time for each frame that goes to a reader without an account.
async fn deliveries(sites: &mut [Site]) {
    let mut sums = [0.0, 0.0];
    for _ in 0..ROUNDS {
        for (site, sum) in sites.iter_mut().zip(&mut sums) {
            let mut readers = JoinSet::new();
            for _ in 0..SOCKETS {
                let mut socket = Socket::connect(site.server.port, "/feed").await;
                readers.spawn(async move {
                    for _ in 0..WRITES {
                        socket.next().await;
                    }
                });
            }
            let before = site.server.cpu_seconds();
            for n in 0..WRITES {
                let path = format!("/api/posts/{}", n % POSTS + 1);
                let title = json!({"title": format!("Title {n} {:?}", Instant::now())});
                let (status, _) = site.client.patch_as(&path, &title, &site.cookie).await;
                assert_eq!(status, 200);
            }
            readers.join_all().await;
            *sum += site.server.cpu_seconds() - before;
        }
    }
    let [open, accounts] = sums.map(|sum| sum * 1e6 / (ROUNDS * SOCKETS * WRITES) as f64);
    println!(
        "{:30} {open:6.2} and {accounts:6.2} µs of CPU a delivery  ratio {:.2}",
        format!("{SOCKETS} strangers' sockets"),
        accounts / open
    );
}

fn compare(name: &str, times: &mut [Vec<Duration>; 2]) {
    let [open, accounts] = times.each_mut().map(|times| {
        times.sort();
        let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1000.0;
        (at(50), at(95))
    });
    println!(
        "{name:30} p50 {:6.3} and {:6.3} ms ({:.2})  p95 {:6.3} and {:6.3} ms ({:.2})",
        open.0,
        accounts.0,
        accounts.0 / open.0,
        open.1,
        accounts.1,
        accounts.1 / open.1
    );
}
