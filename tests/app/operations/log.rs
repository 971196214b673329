//! The structured log and its request ids.

use std::net::{Ipv4Addr, SocketAddr};

use kilonova::config::Access;
use serde_json::{Value, json};

use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::guarantees::kills::until;
use crate::support::{Answer, Raw, Site};

/// The fields of each line.
fn lines(server: &Server) -> Vec<Value> {
    let parse = |line: &String| {
        let fields: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        for field in ["time", "level", "target", "message"] {
            assert!(fields[field].is_string(), "{line}");
        }
        fields
    };
    server.log().iter().map(parse).collect()
}

#[actix_web::test]
async fn a_request_and_its_events_share_an_id_in_the_log() {
    let home = Home::new();
    let mut command = serve(&home, "127.0.0.1:0");
    command.args(["--log-format", "json"]);
    let server = tokio::task::spawn_blocking(|| Server::of(command)).await.unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port));
    let write = async |method: &str, path: &str, body: Value| {
        let json = [("Content-Type", "application/json")];
        let raw = Raw::connect_to(address).await;
        let answer = raw.request(method, path, &json, body.to_string().as_bytes()).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.status);
        answer.header("x-request-id").unwrap().to_owned()
    };
    let post = json!({"title": "A \"post\" – ü", "body": "x"});
    let created = write("POST", "/api/posts", post).await;
    let commented = write("POST", "/api/posts/1/comments", json!({"body": "y"})).await;
    let deleted = write("DELETE", "/api/posts/1", Value::Null).await;
    let caused = |id: &str| {
        let own = lines(&server).into_iter().filter(|line| line["request_id"] == id);
        let range =
            |line: Value| Some((line["first_event"].as_i64()?, line["last_event"].as_i64()?));
        own.into_iter().find_map(range)
    };
    until("the last line", || caused(&deleted).is_some()).await;
    let mut next = 1;
    for id in [&created, &commented, &deleted] {
        let (first, last) = caused(id).unwrap();
        assert!(first == next && last >= first, "{first}..={last}");
        next = last + 1;
    }
    let log = server.call("GET", &format!("/api/events?after={}", next - 1), None).1;
    assert_eq!(log["events"], json!([]));
    assert!(created != commented && commented != deleted);
    server.signal("TERM");
    until("its end", || lines(&server).iter().any(|line| line["message"] == "stopped")).await;
}

async fn ask(site: &Site, id: &str) -> Answer {
    let headers = [("X-Request-Id", id), ("X-Forwarded-Host", "blog.example.org")];
    Raw::connect(site).await.request("GET", "/nothing", &headers, b"").await
}

#[actix_web::test]
async fn only_a_trusted_proxys_request_id_is_kept() {
    let site = Site::start().await;
    let given = ask(&site, "mine").await.header("x-request-id").unwrap().to_owned();
    assert!(given.len() == 16 && given != "mine", "{given}");
    site.stop().await;
    let site = Site::start_with(|config| {
        config.access = Access::Accounts;
        config.reach.hosts = vec!["blog.example.org".to_owned()];
        config.reach.trusted = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let answer = ask(&site, "Root=1-6789:a/b").await;
    assert_eq!((answer.status, answer.header("x-request-id")), (404, Some("Root=1-6789:a/b")));
    for bad in ["a b", "\"x\"", &"x".repeat(65)] {
        let answer = ask(&site, bad).await;
        assert_eq!(answer.header("x-request-id").map(str::len), Some(16), "{bad}");
    }
    site.stop().await;
}
