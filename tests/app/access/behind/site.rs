//! The site from outside: two nodes, a proxy in front of them, and a signed-in client.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use kilonova_test::certificates;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::nodes::Nodes;
use super::proxy::{HOST, Program, Proxy};
use super::tls::Tunnel;
use crate::access::PASSWORD;
use crate::guarantees::client::Client;
use crate::support::{Answer, Raw, within};

pub(super) const ORIGIN: &str = "https://blog.example.org";
pub(super) const JSON: (&str, &str) = ("Content-Type", "application/json");
pub(super) const OWN: (&str, &str) = ("Origin", ORIGIN);

pub(super) const NODES: usize = 2;
/// The number of wrong passwords that a node accepts from one address in a minute.
pub(super) const GUESSES: usize = 3;
/// The number of sockets that a node has room for.
pub(super) const SOCKETS: usize = 6;
const FLAGS: [&str; 6] =
    ["--public-url", ORIGIN, "--max-guesses-per-address", "3", "--max-sockets", "6"];

/// The site and the client's cookie.
pub(super) struct Behind {
    pub(super) tunnel: Tunnel,
    pub(super) proxy: Proxy,
    pub(super) cookie: String,
    admin: String,
    pub(super) nodes: Nodes,
    /// Reserves the port of the configuration's third address, which has no node.
    _vacant: TcpSocket,
}

impl Behind {
    pub(super) async fn start(program: Program) -> Option<Behind> {
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
        let tunnel = Tunnel::new(Ipv4Addr::LOCALHOST, proxy.https, HOST, &proxy.authority()).await;
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

    /// Sends a request from outside.
    pub(super) async fn ask(
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

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await.1
    }

    /// Signs in and returns the cookie, which is restricted to this host.
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

    pub(super) async fn post(&self, origin: &str, post: &Value) -> Answer {
        let headers = [JSON, ("Origin", origin), ("Cookie", &self.cookie)];
        self.ask("POST", "/api/posts", &headers, &post.to_string()).await.1
    }

    /// The number of a node's sockets in a channel.
    pub(super) async fn members(&self, node: usize, channel: &str) -> usize {
        let path = "/api/channels";
        let channels = self.nodes.ask(node, "GET", path, &self.admin, &Value::Null).await.json(200);
        let channels = channels["channels"].as_array().unwrap();
        let found = channels.iter().find(|found| found["channel"] == channel);
        found.map_or(0, |found| found["local_members"].as_u64().unwrap() as usize)
    }

    /// Waits until the proxy sends requests to a restarted node.
    pub(super) async fn is_used(&self, node: usize) {
        // Only this method follows the comments of the second post.
        const CHANNEL: &str = "post_comments_2";
        let used = async {
            loop {
                let (_socket, status) =
                    self.upgrade("/feed?channels=post_comments_2", ORIGIN).await;
                if status == 101 && self.members(node, CHANNEL).await > 0 {
                    break;
                }
            }
        };
        within("the restarted node gets requests", used).await;
    }

    /// Requests a WebSocket. Returns the connection and the status.
    pub(super) async fn upgrade(&self, path: &str, origin: &str) -> (Raw, u16) {
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
