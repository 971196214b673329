//! Clients that hang up during their write.

use serde_json::{Value, json};

use super::client::{Client, positions};
use super::writer::hold;
use crate::support::{Raw, Site};

fn post(title: &str) -> Vec<u8> {
    let body = json!({"title": title, "body": "A body."}).to_string();
    let head = "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[actix_web::test]
async fn a_write_is_announced_although_its_client_hung_up() {
    let site = Site::start().await;
    let mut feed = site.socket("/feed").await;
    let gate = hold(site.db()).await;
    let mut client = Raw::connect(&site).await;
    client.send(&post("Nobody waits for the answer")).await;
    // The single worker answers in order: by now the write waits for its transaction …
    site.get("/health/ready").await.json(200);
    drop(client);
    // … and its handler has been dropped.
    site.get("/health/ready").await.json(200);
    gate.send(()).unwrap();
    let frame = feed.next_json().await;
    assert_eq!((&frame["id"], &frame["data"]["id"]), (&json!(1), &json!(1)));
    assert_eq!(frame["data"], site.get("/api/posts/1").await.json(200));
    feed.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_crowd_that_hangs_up_leaves_no_row_without_its_event() {
    let site = Site::start().await;
    let mut feed = site.socket("/feed").await;
    for number in 0..40 {
        let mut client = Raw::connect(&site).await;
        let bytes = post(&format!("Hang-up {number}"));
        // Every other client hangs up in the middle of its body.
        let whole = number % 2 == 0;
        client.send(if whole { &bytes } else { &bytes[..bytes.len() - 5] }).await;
        drop(client);
        site.get("/health/ready").await.json(200);
    }
    let last = site.new_post("The last word").await;
    let mut frames: Vec<Value> = Vec::new();
    while frames.last().is_none_or(|frame| frame["data"] != last) {
        frames.push(feed.next_json().await);
    }
    let client = Client::new(site.port);
    let log = client.log(0, None).await;
    assert_eq!(positions(&frames), positions(&log));
    assert!(log.iter().all(|event| event["data"]["title"] != "Hang-up 1"), "half of a write");
    let ids = |rows: Vec<Value>| {
        let mut ids = positions(&rows);
        ids.sort_unstable();
        ids
    };
    let told = log.iter().map(|event| event["data"].clone()).collect();
    assert_eq!(ids(client.list("/api/posts", "posts").await), ids(told));
    drop(client);
    feed.close().await;
    site.stop().await;
}
