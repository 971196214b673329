//! The parameters of live endpoints.

use serde_json::json;

use crate::support::{Raw, Site, within};

const STREAM: &[(&str, &str)] = &[("Accept", "text/event-stream")];

#[actix_web::test]
async fn unknown_and_repeated_parameters_are_refused() {
    let site = Site::start().await;
    let post = site.new_post("Here").await;
    let comments = format!("/posts/{}/comments/ws", post["id"]);
    for path in ["/feed?channels=posts&channels=notes", "/api/events?after=1&after=2"] {
        let answer = Raw::connect(&site).await.ask("GET", path, STREAM, b"").await;
        assert!(answer.error(422).ends_with("is given more than once"), "{path}");
    }
    for path in [
        "/feed?lastEventId=1",
        "/feed?channel=notes",
        "/notifications?channels=notes",
        &format!("{comments}?last-event-id=1"),
    ] {
        for headers in [STREAM, &[]] {
            let answer = Raw::connect(&site).await.ask("GET", path, headers, b"").await;
            assert!(answer.error(422).starts_with("unknown parameter"), "{path}");
        }
    }
    for path in [
        "/api/posts?state=draft",
        "/api/posts/1/comments?after=1",
        "/api/notes?q=x",
        "/api/events?after=0&channels=posts",
        "/api/search?q=x&page=2",
        "/api/channels?limit=2",
    ] {
        assert!(site.get(path).await.error(422).starts_with("unknown parameter"), "{path}");
    }
    // Pages ignore unknown parameters, which other sites append to links.
    for page in ["/", "/posts/1", "/posts/new", "/notes", "/search", "/login", "/register"] {
        assert_eq!(site.get(&format!("{page}?utm_source=x")).await.status, 200, "{page}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn comments_of_a_missing_post_cannot_be_followed() {
    let site = Site::start().await;
    let post = site.new_post("Here").await;
    let path = |id| format!("/feed?channels=posts,post_comments_{id}");
    let answer = Raw::connect(&site).await.ask("GET", &path(999_999), STREAM, b"").await;
    assert_eq!(answer.error(404), "post not found");
    let id = post["id"].as_i64().unwrap();
    drop(site.socket(&path(id)).await);
    site.stop().await;
}

#[actix_web::test]
async fn a_stream_without_events_can_resume_after_a_restart() {
    let site = Site::start().await;
    // First with an empty log, then with a post in it.
    for post in [false, true] {
        if post {
            site.new_post("There").await;
            site.settle().await;
        }
        let position = if post { 2 } else { 0 };
        let comments = "/posts/1/comments/ws";
        for path in ["/feed", "/notifications", comments] {
            if path == comments && !post {
                continue;
            }
            // The position may lag behind the sent events for a moment.
            let told = async {
                loop {
                    let mut raw = Raw::connect(&site).await;
                    assert_eq!(raw.ask("GET", path, STREAM, b"").await.status, 200);
                    let block = loop {
                        let block = raw.block().await.expect("the stream goes on");
                        if block.starts_with("id:") {
                            break block;
                        }
                    };
                    assert!(!block.contains("data:"), "{block}");
                    if block.trim() == format!("id: {position}") {
                        return;
                    }
                }
            };
            within("the position", told).await;
        }
    }
    let site = Site::start_in(site.stop_keeping_data().await, |_| ()).await;
    site.new_note("Meanwhile").await;
    let mut raw = Raw::connect(&site).await;
    let again = [STREAM[0], ("Last-Event-ID", "2")];
    assert_eq!(raw.ask("GET", "/notifications", &again, b"").await.status, 200);
    let missed =
        async { while !raw.block().await.expect("the stream goes on").contains("Meanwhile") {} };
    within("the missed event", missed).await;
    site.stop().await;
}

#[actix_web::test]
async fn latest_sends_the_position_at_once_and_then_every_later_event() {
    let site = Site::start().await;
    site.new_post("Before").await;
    let before = site.get("/api/events?after=0").await.json(200)["last_event_id"].clone();
    let mut socket = site.socket("/feed?last_event_id=latest").await;
    assert_eq!(socket.next_json().await, json!({ "event": "position", "id": before }));
    site.new_post("After").await;
    let told = socket.next_json().await;
    assert_eq!((&told["event"], &told["data"]["title"]), (&json!("post_created"), &json!("After")));
    let mut raw = Raw::connect(&site).await;
    let answer = raw.ask("GET", "/feed?last_event_id=latest", STREAM, b"").await;
    assert_eq!(answer.status, 200);
    let position = format!("id: {}", told["id"]);
    let told = async { while raw.block().await.expect("the stream goes on").trim() != position {} };
    within("the position", told).await;
    site.stop().await;
}

#[actix_web::test]
async fn an_abandoned_stream_makes_room_at_once() {
    let site = Site::start_with(|config| config.max_sockets = 20).await;
    for _ in 0..100 {
        let mut raw = Raw::connect(&site).await;
        let mut answer = raw.ask("GET", "/feed", STREAM, b"").await;
        let opened = async {
            while answer.status == 503 {
                raw = Raw::connect(&site).await;
                answer = raw.ask("GET", "/feed", STREAM, b"").await;
            }
        };
        within("the earlier streams are gone", opened).await;
        assert_eq!(answer.status, 200);
    }
    site.stop().await;
}
