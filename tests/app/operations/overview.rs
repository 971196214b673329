//! The samples that each node sends to admins, one a second while somebody follows.

use std::time::{Duration, Instant};

use kilonova::feed::Bounds;
use serde_json::{Value, json};

use crate::support::{Raw, Site, Socket, within};

async fn look(site: &Site) -> Socket {
    site.socket("/feed?channels=admin").await
}

async fn next(socket: &mut Socket) -> Value {
    let mut frame = socket.next_json().await;
    assert_eq!((&frame["channel"], &frame["event"]), (&json!("admin"), &json!("sample")));
    assert_eq!(frame.get("id"), None, "a sample is not logged");
    frame["data"].take()
}

/// The first sample for which `is` holds.
async fn until(socket: &mut Socket, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let reached = async {
        loop {
            let sample = next(socket).await;
            if is(&sample) {
                return sample;
            }
        }
    };
    within(what, reached).await
}

/// Waits until the node knows that nobody follows any more.
async fn unwatched(site: &Site) {
    let empty = async { while !site.pubsub().get_members("admin").await.unwrap().is_empty() {} };
    within("nobody looks", empty).await;
}

#[actix_web::test]
async fn a_sample_is_sent_each_second_and_only_while_somebody_follows() {
    let site = Site::start().await;
    let mut socket = look(&site).await;
    let first = next(&mut socket).await;
    assert_eq!(first["number"], 1, "samples were made earlier");
    let second = next(&mut socket).await;
    let millis = |sample: &Value| sample["uptime_ms"].as_u64().unwrap();
    let between = millis(&second) - millis(&first);
    assert!((900..10_000).contains(&between), "{between} ms");
    // A second reader gets the same sample.
    let mut other = look(&site).await;
    let numbers = [next(&mut socket).await, next(&mut other).await];
    assert_eq!(numbers[0]["number"], numbers[1]["number"]);
    let last = numbers[0]["number"].as_u64().unwrap();
    socket.close().await;
    other.close().await;
    unwatched(&site).await;
    // Long enough for two samples, because only waiting can show that none is made.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let mut socket = look(&site).await;
    let again = next(&mut socket).await["number"].as_u64().unwrap();
    assert!(again <= last + 2, "{last}, {again}: samples were made for nobody");
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_sample_reflects_the_activity() {
    let site = Site::start().await;
    let mut socket = look(&site).await;
    let before = until(&mut socket, "one socket", |it| it["websockets"] == 1).await;
    let mut readers = Vec::new();
    for _ in 0..5 {
        readers.push(site.socket("/notifications").await);
    }
    let open = until(&mut socket, "six sockets", |it| it["websockets"] == 6).await;
    assert!(open["connections"].as_u64() >= Some(6), "{open}");
    let channel = |sample: &Value, name: &str| {
        let channels = sample["channels"].as_array().unwrap().iter();
        channels.clone().find(|it| it["channel"] == name).cloned().unwrap_or_default()
    };
    let expected = json!({"channel": "admin", "members": 1, "local_members": 1});
    assert_eq!(channel(&open, "admin"), expected);
    site.new_note("Counted").await;
    site.settle().await;
    let grown =
        |now: &Value, field: &str| now[field].as_u64().unwrap() - before[field].as_u64().unwrap();
    let sample = until(&mut socket, "two events", |it| grown(it, "events_written") == 2).await;
    assert!(grown(&sample, "deliveries") >= 10, "{sample}");
    let sample = until(&mut socket, "the note is indexed", |it| {
        it["index_lag"] == 0 && it["indexer"].to_string().contains("Indexing new note: Counted")
    });
    let sample = sample.await;
    assert!(sample["memory_bytes"].as_u64() > Some(1_000_000), "{sample}");
    // The title of a deleted note is no longer shown.
    site.delete("/api/notes/1").await;
    let gone = |it: &Value| {
        let lines = it["indexer"].to_string();
        lines.contains("Removing note 1 from index") && !lines.contains("Counted")
    };
    until(&mut socket, "the title is gone", gone).await;
    drop(readers);
    until(&mut socket, "one socket again", |it| it["websockets"] == 1).await;
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_slow_reader_is_listed_with_its_channels() {
    let site = Site::start_with(|config| {
        config.queue = Bounds { messages: 8, bytes: 1024 * 1024 };
        config.heartbeat.stall = Duration::from_secs(1);
    })
    .await;
    let mut socket = look(&site).await;
    assert_eq!(next(&mut socket).await["slow_readers"], json!([]));
    let slow = Raw::upgrade(&site, "/notifications").await;
    let note = json!({"title": "Large", "body": "x".repeat(64 * 1024), "author": "Ada"});
    for _ in 0..60 {
        site.post("/api/notes", &note).await.json(201);
    }
    let sample = until(&mut socket, "the reader is closed", |it| it["slow_consumers"] == 1).await;
    let named = &sample["slow_readers"][0];
    assert_eq!(named["transport"], "websocket");
    assert_eq!(named["channels"], json!(["notes"]));
    drop(slow);
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_sample_is_bounded() {
    let site = Site::start().await;
    let mut socket = look(&site).await;
    let mut readers = Vec::new();
    for number in 1..=30 {
        site.new_post(&"ü".repeat(200)).await;
        readers.push(site.socket(&format!("/feed?channels=post_comments_{number}")).await);
    }
    site.settle().await;
    let whole = |it: &Value| it["websockets"] == 31 && it["index_lag"] == 0;
    let sample = until(&mut socket, "all sockets are counted", whole).await;
    for list in ["channels", "indexer"] {
        assert_eq!(sample[list].as_array().map(Vec::len), Some(20), "{list}");
    }
    assert!(sample.to_string().len() < 20_000, "{}", sample.to_string().len());
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn an_event_stream_has_the_samples_and_the_log_has_none() {
    let site = Site::start().await;
    let mut stream = Raw::connect(&site).await;
    let headers = [("Accept", "text/event-stream")];
    let path = "/feed?channels=admin&last_event_id=0";
    assert_eq!(stream.ask("GET", path, &headers, b"").await.status, 200);
    let begun = Instant::now();
    loop {
        let block = stream.block().await.expect("the stream goes on");
        if block.contains("event: sample") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    site.get("/api/events?after=0&channel=admin").await.error(422);
    site.stop().await;
}

#[actix_web::test]
async fn the_page_has_the_numbers_of_its_node_without_a_script() {
    let site = Site::start_with(|config| config.node = "node-<1>".to_owned()).await;
    site.new_note("<b>Bold</b>").await;
    let reader = site.socket("/notifications").await;
    let indexed = async {
        loop {
            let page = site.get("/admin").await;
            assert_eq!(page.status, 200);
            let page = String::from_utf8(page.body.to_vec()).unwrap();
            if page.contains("Indexing new note: ") {
                return page;
            }
        }
    };
    let page = within("the note is indexed", indexed).await;
    assert!(page.contains("WebSockets</th><td>1</td>"), "{page}");
    assert!(page.contains("<th scope=\"row\">notes</th><td>"), "{page}");
    assert!(page.contains("Events written</th><td>1</td>"), "{page}");
    assert!(!page.contains("<b>Bold") && !page.contains("node-<1>"), "{page}");
    reader.close().await;
    site.stop().await;
}
