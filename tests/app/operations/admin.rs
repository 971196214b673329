//! The second listener: three paths, for this machine, independent of the site's load.

use std::time::Instant;

use actix_web::rt::net::TcpStream;

use super::{ADMIN, admin, ask, get, metrics, start, start_with};
use crate::crash::{Server, assert_names, complaint, serve};
use crate::databases::Home;
use crate::support::{PATIENCE, Raw, Site, within};

#[actix_web::test]
async fn the_second_listener_serves_three_paths_and_nothing_else() {
    let site = start().await;
    let page = get(&site, "/metrics").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4"));
    assert_eq!(get(&site, "/health/live").await.json(200)["status"], "live");
    assert_eq!(get(&site, "/health/ready").await.json(200)["status"], "ready");
    for path in ["/", "/api/posts", "/feed", "/static/style.css", "/metrics/", "/health"] {
        get(&site, path).await.error(404);
    }
    let posted = ask(&site, "POST", "/metrics", "localhost").await;
    posted.error(405);
    assert_eq!(posted.header("allow"), Some("GET, HEAD"));
    for path in ["/metrics", "/health/live"] {
        site.get(path).await.error(404);
    }
    site.stop().await;
}

#[actix_web::test]
async fn there_is_no_second_listener_by_default() {
    let site = Site::start().await;
    assert_eq!(site.admin_port, None);
    site.stop().await;
}

#[actix_web::test]
async fn on_a_loopback_address_it_answers_only_for_a_loopback_host() {
    let site = start().await;
    for host in ["localhost", "127.0.0.1:9100", "[::1]"] {
        assert_eq!(ask(&site, "GET", "/metrics", host).await.status, 200, "{host}");
    }
    for path in ["/metrics", "/health/live", "/health/ready", "/"] {
        ask(&site, "GET", path, "evil.example").await.error(421);
    }
    let target = ask(&site, "GET", "http://evil.example/metrics", "localhost").await;
    target.error(421);
    site.stop().await;
}

#[test]
fn on_any_other_address_it_warns_and_answers_for_any_host() {
    let home = Home::new();
    let mut command = serve(&home, "127.0.0.1:0");
    command.env("KILONOVA_ADMIN_BIND", "0.0.0.0:0");
    let server = Server::of(command);
    let warns = |line: &String| line.contains("--admin-bind: anyone who can reach");
    let begun = Instant::now();
    while !server.log().iter().any(warns) {
        assert!(begun.elapsed() < PATIENCE, "{:#?}", server.log());
    }
    let log = server.log();
    let told = log.iter().find_map(|line| line.split("metrics are at http://0.0.0.0:").nth(1));
    let port = told.and_then(|rest| rest.split('/').next()).expect("its port is in the log");
    let address = format!("127.0.0.1:{port}").parse().expect("an address");
    let answer = actix_web::rt::System::new().block_on(async {
        let headers = [("Host", "node.example")];
        Raw::connect_to(address).await.request("GET", "/health/live", &headers, b"").await
    });
    assert_eq!(answer.json(200)["status"], "live");
    assert_eq!(server.log().iter().filter(|line| warns(line)).count(), 1, "one warning");
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
}

#[actix_web::test]
async fn it_answers_while_the_site_is_full() {
    let site = start_with(|config| config.max_connections = 2).await;
    let held = [Raw::connect(&site).await, Raw::connect(&site).await];
    let full = async {
        while Raw::connect(&site).await.answer().await.is_none_or(|answer| answer.status != 503) {}
    };
    within("the site is full", full).await;
    assert_eq!(get(&site, "/health/ready").await.status, 200);
    let page = metrics(&site).await;
    assert_eq!(page.value("kilonova_connections_open"), 2.0);
    assert!(page.value("kilonova_connections_refused_total{limit=\"node\"}") >= 1.0);
    drop(held);
    site.stop().await;
}

#[actix_web::test]
async fn a_crowd_on_it_does_not_reach_the_site() {
    let site = start().await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(TcpStream::connect(admin(&site)).await.unwrap());
    }
    let refused = async {
        while Raw::connect_to(admin(&site)).await.answer().await.is_none_or(|it| it.status != 503) {
        }
    };
    within("the listener is full", refused).await;
    site.assert_alive().await;
    drop(crowd);
    let served = async { while get_or_refused(&site).await != 200 {} };
    within("the listener serves again", served).await;
    site.stop().await;
}

/// The status of a response, also if the connection is refused.
async fn get_or_refused(site: &Site) -> u16 {
    let mut request = Raw::connect_to(admin(site)).await;
    request.send(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    request.answer().await.map_or(0, |answer| answer.status)
}

#[test]
fn a_taken_port_of_the_second_listener_is_named_on_one_line() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind(ADMIN).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = serve(&home, "127.0.0.1:0");
    command.args(["--admin-bind", &address]);
    assert_names(&complaint(command), &["--admin-bind", &address]);
}
