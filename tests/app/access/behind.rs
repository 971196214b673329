//! Several real nodes behind the proxies whose configurations are in `docs/proxies`, from outside
//! and over TLS. Each test has a proxy, nodes and a PostgreSQL of its own; they skip where one is not
//! installed, unless KILONOVA_TEST_REQUIRE has `proxies`, `postgres` and `openssl`.

mod nodes;
mod proxy;
mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use actix_web::http::Method;
use kilonova_test::certificates;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use self::nodes::Nodes;
use self::proxy::{HOST, Program, Proxy};
use self::tls::Tunnel;
use super::PASSWORD;
use crate::guarantees::client::{Client, positions};
use crate::guarantees::follower::{Follower, Transport};
use crate::guarantees::kills::until;
use crate::support::{Answer, Raw, within};

const ORIGIN: &str = "https://blog.example.org";
const JSON: (&str, &str) = ("Content-Type", "application/json");
const OWN: (&str, &str) = ("Origin", ORIGIN);

const NODES: usize = 2;
/// Wrong passwords that a node takes from one address in a minute.
const GUESSES: usize = 3;
/// Sockets that a node has room for.
const SOCKETS: usize = 6;
const FLAGS: [&str; 6] =
    ["--public-url", ORIGIN, "--max-guesses-per-address", "3", "--max-sockets", "6"];

/// The site, and what a browser that is signed in knows.
struct Behind {
    tunnel: Tunnel,
    proxy: Proxy,
    cookie: String,
    admin: String,
    nodes: Nodes,
    /// Of the three addresses in the configuration one has no node.
    _vacant: TcpSocket,
}

impl Behind {
    async fn start(program: Program) -> Option<Behind> {
        let installed = program.installed()?;
        if !certificates::can_be_made() {
            return None;
        }
        let nodes = Nodes::start(NODES, &FLAGS).await?;
        nodes.add("ada", "member", PASSWORD);
        nodes.add("boss", "admin", PASSWORD);
        let vacant = TcpSocket::new_v4().unwrap();
        vacant.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let ports = [vacant.local_addr().unwrap().port(), nodes.port(0), nodes.port(1)];
        let proxy = Proxy::start(program, &installed, ports);
        let tunnel = Tunnel::new(proxy.https, HOST, &proxy.authority()).await;
        let (cookie, admin) = (String::new(), String::new());
        let mut site = Behind { tunnel, proxy, cookie, admin, nodes, _vacant: vacant };
        site.is_up().await;
        site.cookie = site.sign_in("ada").await;
        site.admin = site.sign_in("boss").await;
        Some(site)
    }

    /// Waits until the proxy reaches the nodes.
    async fn is_up(&self) {
        let client = Client::with(self.tunnel.port, &[("Host", HOST)]);
        let begun = Instant::now();
        loop {
            match client.once(&Method::GET, "/health/ready", None, None).await {
                Some(reply) if reply.status == 200 => return,
                told => assert!(
                    begun.elapsed() < Duration::from_secs(20),
                    "the proxy does not start: {told:?}\n{}",
                    self.proxy.log()
                ),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A request from outside.
    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (Raw, Answer) {
        let mut raw = Raw::connect_to(self.tunnel.address()).await;
        let headers = [&[("Host", HOST)], headers].concat();
        let mut answer = raw.ask(method, path, &headers, body.as_bytes()).await;
        let is_stream = answer.header("content-type") == Some("text/event-stream");
        if answer.header("transfer-encoding") == Some("chunked") && !is_stream {
            answer.body = raw.chunked().await.expect("the whole body").into();
        }
        (raw, answer)
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await.1
    }

    /// Signs in, which sets a cookie that is this site's alone.
    async fn sign_in(&self, name: &str) -> String {
        let fields = json!({"username": name, "password": PASSWORD}).to_string();
        let (_, answer) = self.ask("POST", "/api/session", &[JSON, OWN], &fields).await;
        answer.json(201);
        let set = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
        let set: Vec<_> = set.filter(|set| set.starts_with("__Host-kilonova_session=")).collect();
        assert_eq!(set.len(), 1, "{answer:?}");
        for attribute in ["Secure", "HttpOnly", "Path=/"] {
            assert!(set[0].split("; ").any(|told| told == attribute), "{set:?}");
        }
        set[0].split(';').next().unwrap().to_owned()
    }

    async fn post(&self, origin: &str, post: &Value) -> Answer {
        let headers = [JSON, ("Origin", origin), ("Cookie", &self.cookie)];
        self.ask("POST", "/api/posts", &headers, &post.to_string()).await.1
    }

    /// How many sockets a node has in a channel.
    async fn members(&self, node: usize, channel: &str) -> usize {
        let path = "/api/channels";
        let channels = self.nodes.ask(node, "GET", path, &self.admin, &Value::Null).await.json(200);
        let channels = channels["channels"].as_array().unwrap();
        let found = channels.iter().find(|found| found["channel"] == channel);
        found.map_or(0, |found| found["local_members"].as_u64().unwrap() as usize)
    }

    /// Opens a WebSocket, or does not.
    async fn upgrade(&self, path: &str, origin: &str) -> (Raw, u16) {
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Origin", origin),
        ];
        let (raw, answer) = self.ask("GET", path, &headers, "").await;
        (raw, answer.status)
    }
}

#[actix_web::test]
async fn the_site_is_whole_behind_caddy() {
    is_whole_behind(Program::Caddy).await;
}

#[actix_web::test]
async fn the_site_is_whole_behind_nginx() {
    is_whole_behind(Program::Nginx).await;
}

#[actix_web::test]
async fn the_site_is_whole_behind_haproxy() {
    is_whole_behind(Program::Haproxy).await;
}

async fn is_whole_behind(program: Program) {
    let Some(mut site) = Behind::start(program).await else { return };
    browsers_stay_with_https(&site).await;
    only_own_pages_write(&site).await;
    readers_hear_of_writes_on_every_node(&site).await;
    a_crowd_takes_no_node_away(&site).await;
    forged_addresses_are_ignored(&site).await;
    a_killed_node_is_not_noticed(&mut site).await;
}

async fn browsers_stay_with_https(site: &Behind) {
    let (_, page) = site.ask("GET", "/", &[("Accept", "text/html")], "").await;
    assert_eq!(page.status, 200);
    let told = page.header("strict-transport-security").unwrap();
    assert!(told.contains("max-age=31536000"), "{told}");
    // Whoever leaves out the scheme is sent there.
    let plain = SocketAddr::from((Ipv4Addr::LOCALHOST, site.proxy.http));
    let raw = Raw::connect_to(plain).await;
    let sent_on = raw.request("GET", "/posts/1?a=b", &[("Host", HOST)], b"").await;
    assert!([301, 302, 308].contains(&sent_on.status), "{sent_on:?}");
    let to = sent_on.header("location").unwrap();
    assert!(to.starts_with(ORIGIN) && to.ends_with("/posts/1?a=b"), "{to}");
}

async fn only_own_pages_write(site: &Behind) {
    let post = json!({"title": "From outside", "body": "b"});
    let written = site.post(ORIGIN, &post).await;
    assert_eq!(written.json(201)["author"], "ada");
    // The tag of what the client is given, and not of what the proxy was.
    let tag = written.header("etag").unwrap();
    let own = [("If-None-Match", tag), ("Cookie", &site.cookie)];
    assert_eq!(site.ask("GET", "/api/posts/1", &own, "").await.1.status, 304, "{tag}");
    assert!(!tag.contains("gzip"), "{tag}");
    for origin in ["https://evil.example", "http://blog.example.org", "null"] {
        assert_eq!(site.post(origin, &post).await.status, 403, "{origin}");
        assert_eq!(site.upgrade("/feed", origin).await.1, 403, "{origin}");
    }
    // As large as any that the nodes take: six bytes of JSON for each of a million.
    let large = format!(r#"{{"title":"Large","body":"{}"}}"#, r"\u0062".repeat(1_000_000));
    let headers = [JSON, OWN, ("Cookie", site.cookie.as_str())];
    assert_eq!(site.ask("POST", "/api/posts", &headers, &large).await.1.status, 201);
}

/// Events come at once, through a WebSocket as through a stream, whichever node wrote them.
async fn readers_hear_of_writes_on_every_node(site: &Behind) {
    let (mut socket, status) = site.upgrade("/feed?channels=posts", ORIGIN).await;
    assert_eq!(status, 101);
    let stream = ("Accept", "text/event-stream");
    let (mut stream, answer) = site.ask("GET", "/feed?channels=posts", &[stream], "").await;
    assert_eq!(answer.status, 200);
    for node in site.nodes.there() {
        let post = json!({"title": format!("Written on {node}"), "body": "b"});
        let written = site.nodes.ask(node, "POST", "/api/posts", &site.cookie, &post).await;
        let written = written.json(201);
        // What was written just before may still come.
        let is_told = |frame: &[u8]| {
            let frame: Value = serde_json::from_slice(frame).unwrap_or_default();
            frame["data"] == written
        };
        while !is_told(&socket.frame().await.expect("the socket goes on").payload) {}
        loop {
            let block = stream.block().await.expect("the stream goes on");
            let data = block.lines().find_map(|line| line.strip_prefix("data: "));
            if data.is_some_and(|data| is_told(data.as_bytes())) {
                break;
            }
        }
    }
}

/// Nodes that have no room for more sockets answer everything else.
async fn a_crowd_takes_no_node_away(site: &Behind) {
    let members = async || {
        let mut members = Vec::new();
        for node in site.nodes.there() {
            members.push(site.members(node, "posts").await);
        }
        members
    };
    let before = members().await;
    let (mut open, mut refused) = (Vec::new(), 0);
    while refused < 6 {
        let (raw, status) = site.upgrade("/feed", ORIGIN).await;
        match status {
            101 => open.push(raw),
            503 => refused += 1,
            other => panic!("{other} for a socket too many\n{}", site.proxy.log()),
        }
        assert!(open.len() <= NODES * SOCKETS);
        assert_eq!(site.get("/api/posts").await.status, 200, "{}", site.proxy.log());
    }
    drop(open);
    let gone = async {
        while members().await.iter().zip(&before).any(|(now, before)| now > before) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the nodes notice that the crowd has gone", gone).await;
}

/// A guess counts for the client that makes it, whatever address it claims to have.
async fn forged_addresses_are_ignored(site: &Behind) {
    for number in 0.. {
        let address = format!("10.9.{number}.1");
        let element = format!("for={address};host=evil.example");
        let forged = [
            JSON,
            ("X-Forwarded-For", address.as_str()),
            ("X-Real-IP", &address),
            ("Forwarded", &element),
            ("X-Forwarded-Host", "evil.example"),
        ];
        let guess = json!({"username": format!("nobody{number}"), "password": "a wrong one"});
        let (_, answer) = site.ask("POST", "/api/session", &forged, &guess.to_string()).await;
        if answer.status == 429 {
            return assert!(number >= GUESSES, "after {number} guesses");
        }
        // Not 421: the name that was asked for is the proxy's word as well.
        assert_eq!(answer.status, 401);
        // On a slow machine one or the other guess is forgotten meanwhile.
        assert!(number < NODES * GUESSES + 4, "each of {number} addresses is believed");
    }
}

/// The node that a reader is connected to is killed while others write.
async fn a_killed_node_is_not_noticed(site: &mut Behind) {
    let outside = [("Host", HOST), ("Origin", ORIGIN), ("Cookie", site.cookie.as_str())];
    let client = Client::with(site.tunnel.port, &outside);
    let write = async |number: usize| {
        let (title, key) = (format!("Number {number}"), format!("write-{number}"));
        let post = json!({"title": title, "body": "b"});
        let written = client.insist(Method::POST, "/api/posts", Some(&key), Some(&post)).await;
        assert_eq!(written.0.status, 201, "{}", written.0.json);
    };
    let begun = client.get("/api/events?after=0&limit=100").await["last_event_id"].clone();
    // Nobody else follows the comments of the first post.
    const COMMENTS: &str = "post_comments_1";
    let path = "/feed?channels=posts,post_comments_1";
    let mut followers = Vec::new();
    for transport in [Transport::WebSocket, Transport::ServerSentEvents] {
        let mut follower = Follower::new(&client, transport, path);
        follower.last = begun.as_i64().unwrap();
        let seen = follower.seen.clone();
        let following = actix_web::rt::spawn(async move {
            loop {
                follower.take(usize::MAX - follower.count()).await;
            }
        });
        followers.push((seen, following));
    }
    for number in 0..10 {
        write(number).await;
    }
    for (seen, _) in &followers {
        until("the reader is there", || seen.borrow().len() == 10).await;
    }
    let mut theirs = 0;
    for node in site.nodes.there() {
        if site.members(node, COMMENTS).await > 0 {
            theirs = node;
        }
    }
    site.nodes.kill(theirs);
    let killed = Instant::now();
    let mut number = 10;
    while killed.elapsed() < Duration::from_secs(3) || number < 20 {
        let page = client.once(&Method::GET, "/api/posts?limit=1", None, None).await.unwrap();
        let after = killed.elapsed();
        assert_eq!(page.status, 200, "{after:?} after the kill\n{}", site.proxy.log());
        if number < 20 {
            write(number).await;
            number += 1;
        }
    }
    let log = client.log(begun.as_i64().unwrap(), Some("posts")).await;
    assert_eq!(log.len(), 20);
    for (seen, following) in followers {
        until("the reader has seen everything", || seen.borrow().len() >= log.len()).await;
        following.abort();
        assert_eq!(positions(&seen.borrow()), positions(&log));
    }
}
