//! Shutdown: sockets are closed, requests are finished, and new ones are refused.

use actix_web::rt::net::TcpStream;
use awc::ws::CloseCode;
use serde_json::Value;

use crate::support::{Raw, Site, within};

const BODY: &str = r#"{"title":"Under way","body":"b"}"#;

/// Starts a request and waits until the server has asked for its body.
async fn under_way(site: &Site) -> Raw {
    let head = format!(
        "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        BODY.len()
    );
    let mut request = Raw::connect(site).await;
    request.send(head.as_bytes()).await;
    assert_eq!(request.answer().await.unwrap().status, 100);
    request
}

#[actix_web::test]
async fn sockets_are_closed_with_1001() {
    let site = Site::start().await;
    site.new_post("With a socket").await;
    let mut sockets = Vec::new();
    for path in ["/feed", "/notifications", "/posts/1/comments/ws"] {
        sockets.push(site.socket(path).await);
    }
    site.begin_stop();
    for mut socket in sockets {
        assert_eq!(socket.close_code().await, Some(CloseCode::Away));
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_request_under_way_is_finished() {
    let site = Site::start().await;
    let mut feed = site.socket("/feed").await;
    let mut request = under_way(&site).await;
    site.begin_stop();
    assert_eq!(feed.close_code().await, Some(CloseCode::Away));
    request.send(BODY.as_bytes()).await;
    let post: Value = request.answer().await.unwrap().json(201);
    assert_eq!(post["title"], "Under way");
    site.stop().await;
}

#[actix_web::test]
async fn a_stopping_server_refuses_connections_at_once() {
    let site = Site::start().await;
    let mut feed = site.socket("/feed").await;
    // This request delays the end.
    let mut request = under_way(&site).await;
    site.begin_stop();
    assert_eq!(feed.close_code().await, Some(CloseCode::Away));
    let refused = async { while TcpStream::connect(("127.0.0.1", site.port)).await.is_ok() {} };
    within("new connections are refused", refused).await;
    request.send(BODY.as_bytes()).await;
    assert_eq!(request.answer().await.unwrap().status, 201, "the server had already stopped");
    site.stop().await;
}

#[actix_web::test]
async fn a_client_that_does_not_disconnect_is_cut_within_the_grace() {
    let site = Site::start_with(|config| config.grace = std::time::Duration::from_secs(1)).await;
    // An idle connection, an unfinished request, and a socket that never reads its close.
    let mut idle = Raw::connect(&site).await;
    idle.send(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(idle.answer().await.unwrap().status, 200);
    let mut half = Raw::connect(&site).await;
    half.send(b"POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Le").await;
    let deaf = Raw::upgrade(&site, "/feed").await;
    let started = std::time::Instant::now();
    site.stop().await;
    assert!(started.elapsed() < std::time::Duration::from_secs(3), "{:?}", started.elapsed());
    drop((idle, half, deaf));
}

#[actix_web::test]
async fn a_stopping_server_is_not_ready() {
    let site = Site::start().await;
    let mut feed = site.socket("/feed").await;
    // Open connections are still served, and get 503.
    site.sockets().close_all();
    assert_eq!(feed.close_code().await, Some(CloseCode::Away));
    for refusal in [site.get("/health/ready").await, site.refused("/feed").await] {
        refusal.error(503);
        assert!(refusal.header("retry-after").is_some());
    }
    site.stop().await;
}
