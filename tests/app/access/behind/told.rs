//! The information about the client that each proxy passes to a node: its address and the requested
//! host, without the client's own claims. The test plays the node.

use std::net::Ipv4Addr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use actix_web::rt::task::JoinHandle;
use kilonova_test::certificates;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::proxy::{HOST, Program, Proxy};
use super::tls::Tunnel;
use crate::guarantees::client::Client;
use crate::support::{PATIENCE, Raw};

/// The client's address, which differs from the proxy's.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// Headers in their order, with names in lower case.
type Headers = Vec<(String, String)>;

#[actix_web::test]
async fn caddy_names_the_client_and_drops_its_claims() {
    names_the_client(Program::Caddy).await;
}

#[actix_web::test]
async fn nginx_names_the_client_and_drops_its_claims() {
    names_the_client(Program::Nginx).await;
}

#[actix_web::test]
async fn haproxy_names_the_client_and_drops_its_claims() {
    names_the_client(Program::Haproxy).await;
}

async fn names_the_client(program: Program) {
    let Some(installed) = program.installed() else { return };
    if !certificates::can_be_made() {
        return;
    }
    let (port, told, node) = node().await;
    let proxy = Proxy::start(program, &installed, [port; 3]);
    let tunnel = Tunnel::new(CLIENT, proxy.https, HOST, &proxy.authority()).await;
    let client = Client::with(tunnel.port, &[("Host", HOST)]);
    let begun = Instant::now();
    while client.once(&Method::GET, "/up", None, None).await.is_none_or(|told| told.status != 200) {
        assert!(begun.elapsed() < PATIENCE, "{program:?} does not start: {}", proxy.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let claims = [
        ("Host", HOST),
        ("X-Forwarded-For", "10.9.8.7"),
        ("x-forwarded-for", "10.9.8.6, 127.0.0.1"),
        ("Forwarded", "for=10.9.8.7;host=evil.example"),
        ("X-Forwarded-Host", "evil.example"),
        ("Cookie", "a=b"),
        ("Origin", "https://evil.example"),
    ];
    let raw = Raw::connect_to(tunnel.address()).await;
    assert_eq!(raw.request("GET", "/claims?a=%2F", &claims, b"").await.status, 200);
    let (_, headers) = told.try_iter().find(|(path, _)| path == "/claims?a=%2F").unwrap();
    let all = |name: &str| {
        let found = headers.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(all("x-forwarded-for"), [CLIENT.to_string()]);
    assert!(all("forwarded").is_empty(), "{headers:?}");
    assert!(all("x-forwarded-host").iter().all(|host| *host == HOST), "{headers:?}");
    assert_eq!(all("host"), [HOST]);
    // The node needs these headers of the client.
    assert_eq!((all("cookie"), all("origin")), (vec!["a=b"], vec!["https://evil.example"]));
    node.abort();
}

/// Starts a node that answers every request and passes it to the test.
async fn node() -> (u16, mpsc::Receiver<(String, Headers)>, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = mpsc::channel();
    let node = actix_web::rt::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            actix_web::rt::spawn(answer(stream, tell.clone()));
        }
    });
    (port, told, node)
}

async fn answer(stream: TcpStream, tell: mpsc::Sender<(String, Headers)>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Headers::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    tell.send((path, headers)).ok()?;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(answer).await.ok()
}
