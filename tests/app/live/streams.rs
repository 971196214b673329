//! Server-sent events, and the positions from which clients resume.

use serde_json::{Value, json};

use crate::support::{Raw, Site, within};

const STREAM: (&str, &str) = ("Accept", "text/event-stream");

/// Opens a stream and returns its head.
async fn open(site: &Site, path: &str, headers: &[(&str, &str)]) -> (Raw, String) {
    open_as(site, "GET", path, headers).await
}

async fn open_as(site: &Site, method: &str, path: &str, headers: &[(&str, &str)]) -> (Raw, String) {
    let mut raw = Raw::connect(site).await;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\n", site.port);
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    raw.send(format!("{request}\r\n").as_bytes()).await;
    let head = read_until(&mut raw, "\r\n\r\n").await;
    (raw, head)
}

async fn read_until(raw: &mut Raw, end: &str) -> String {
    within("a part of the stream", raw.read_until(end)).await
}

/// The next event with data: all its lines, and the data.
async fn event(raw: &mut Raw) -> (String, Value) {
    let text = read_until(raw, "}\n\n").await;
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    let data = serde_json::from_str(data).unwrap();
    (text, data)
}

#[actix_web::test]
async fn a_stream_carries_the_events_of_a_socket() {
    let site = Site::start().await;
    let (mut feed, head) = open(&site, "/feed", &[STREAM]).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    let (mut notes, _) = open(&site, "/notifications?last_event_id=0", &[STREAM]).await;
    let mut socket = site.socket("/feed").await;
    let post = site.new_post("One").await;
    let (text, data) = event(&mut feed).await;
    assert_eq!(data, socket.next_json().await);
    assert!(text.contains("id: 1\nevent: post_created\ndata: "), "{text}");
    let note = site.new_note("A note").await;
    let (text, data) = event(&mut notes).await;
    assert_eq!(data, json!({"event": "note_created", "data": note, "id": 2}));
    assert!(text.contains("id: 2\nevent: note_created\ndata: "), "{text}");
    let path = format!("/posts/{}/comments/ws", post["id"]);
    let (mut comments, _) = open(&site, &path, &[STREAM]).await;
    let comment = site.new_comment(1, "c").await;
    let (text, data) = event(&mut comments).await;
    assert_eq!(data, comment);
    assert!(text.contains("id: 4\nevent: new_comment\ndata: "), "{text}");
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_reconnecting_streams_header_wins_over_its_query() {
    let site = Site::start().await;
    for title in ["One", "Two", "Three"] {
        site.new_note(title).await;
    }
    let headers = [STREAM, ("Last-Event-ID", "2")];
    let (mut stream, _) = open(&site, "/notifications?last_event_id=0", &headers).await;
    let (text, _) = event(&mut stream).await;
    assert!(text.contains("id: 3\n") && !text.contains("id: 1\n"), "{text}");
    site.stop().await;
}

#[actix_web::test]
async fn an_invalid_position_opens_neither_socket_nor_stream() {
    let site = Site::start().await;
    site.new_post("One").await;
    for path in ["/feed", "/notifications", "/posts/1/comments/ws"] {
        for bad in ["", "-1", "x", "1x", "%2B1", "1.0", "%D9%A1"] {
            let path = format!("{path}?last_event_id={bad}");
            site.refused(&path).await.error(422);
            let stream = Raw::connect(&site).await.request("GET", &path, &[STREAM], b"").await;
            stream.error(422);
        }
        for other in ["2", "99999999999999999999999999", "1&log=another"] {
            let mut socket = site.socket(&format!("{path}?last_event_id={other}")).await;
            assert_eq!(socket.next_json().await, json!({"event": "resync", "id": 1}));
            socket.close().await;
        }
    }
    site.stop().await;
}

#[actix_web::test]
async fn neither_another_site_nor_a_head_request_opens_a_stream() {
    let site = Site::start().await;
    let foreign = [STREAM, ("Origin", "http://evil.example")];
    Raw::connect(&site).await.request("GET", "/feed", &foreign, b"").await.error(403);
    let foreign = [STREAM, ("Sec-Fetch-Site", "cross-site")];
    Raw::connect(&site).await.request("GET", "/feed", &foreign, b"").await.error(403);
    let (_, head) = open_as(&site, "HEAD", "/feed", &[STREAM]).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(site.sockets().open(), 0);
    site.stop().await;
}
