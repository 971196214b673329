//! Limits on request bodies and on the memory that they take.

use kilonova::config::Registration;
use serde_json::json;

use crate::support::{PATIENCE, Raw, Site, within};

/// A POST of JSON without the last byte of its body.
fn unfinished(path: &str, length: usize) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    request.push('"');
    request += &"x".repeat(length - 2);
    request.into()
}

#[actix_web::test]
async fn bodies_with_credentials_are_limited_to_4_kib() {
    let site = Site::start().await;
    for path in ["/api/session", "/api/users", "/api/%73ession"] {
        let padded = |length: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(length - 8));
        assert_eq!(site.post_text(path, padded(4096)).await.status, 422, "{path}");
        site.post_text(path, padded(4097)).await.error(413);
    }
    for path in ["/login", "/register"] {
        let mut raw = Raw::connect(&site).await;
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        raw.ask("POST", path, &form, "a=b&".repeat(1025).as_bytes()).await.error(413);
    }
    site.stop().await;
}

#[actix_web::test]
async fn an_oversized_body_is_refused_before_it_arrives() {
    let site = Site::start().await;
    for (path, length) in
        [("/api/posts", 8 * 1024 * 1024 + 1), ("/api/session", 4_097), ("/api/notes", usize::MAX)]
    {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        for sent in [0, 1_000, 100_000] {
            let mut raw = Raw::connect(&site).await;
            raw.send(head.as_bytes()).await;
            raw.send(&vec![b'x'; sent]).await;
            raw.answer().await.expect("a refusal").error(413);
        }
    }
    site.stop().await;
}

#[actix_web::test]
async fn an_oversized_body_is_not_asked_for() {
    let site = Site::start_with(|config| config.max_body = 1_000).await;
    let head = |path, length| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    for (path, length) in
        [("/api/posts", 1_001), ("/api/posts", 1 << 40), ("/api/%73ession", 4_097)]
    {
        let mut raw = Raw::connect(&site).await;
        raw.send(head(path, length).as_bytes()).await;
        raw.answer().await.expect("a refusal").error(413);
    }
    let mut raw = Raw::connect(&site).await;
    let body = r#"{"title":"Asked for","body":"b"}"#;
    raw.send(head("/api/posts", body.len()).as_bytes()).await;
    assert_eq!(raw.answer().await.expect("to go on").status, 100);
    raw.send(body.as_bytes()).await;
    assert_eq!(raw.answer().await.unwrap().json(201)["title"], "Asked for");
    site.stop().await;
}

#[actix_web::test]
async fn a_request_refused_by_its_head_does_not_wait_for_its_body() {
    let site = Site::start_with(|config| config.registration = Registration::Closed).await;
    for (path, header, status) in [
        ("/api/posts", "Origin: https://elsewhere.example", 403),
        ("/api/posts", "Sec-Fetch-Site: cross-site", 403),
        ("/api/posts", "X-Forwarded-For: 192.0.2.1", 421),
        ("/api/users", "X-Nothing: x", 403),
        ("/register", "X-Nothing: x", 403),
        ("/nowhere", "X-Nothing: x", 404),
        ("/api/posts/x/comments", "X-Nothing: x", 404),
        ("/api/search", "X-Nothing: x", 405),
    ] {
        let mut raw = Raw::connect(&site).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             {header}\r\nContent-Length: 1000\r\n\r\n"
        );
        raw.send(head.as_bytes()).await;
        assert_eq!(raw.answer().await.expect("a refusal").status, status, "{path} {header}");
        if status == 404 || status == 405 {
            continue;
        }
        let mut raw = Raw::connect(&site).await;
        raw.send(head.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n").as_bytes()).await;
        assert_eq!(raw.answer().await.expect("a refusal").status, status, "{path} {header}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn the_memory_for_bodies_is_bounded_and_small_bodies_have_a_share() {
    let site = Site::start_with(|config| config.max_bodies = 1_000_000).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut raw = Raw::connect(&site).await;
        raw.send(&unfinished("/api/posts", 300_000)).await;
        held.push(raw);
    }
    // One of the four is refused, depending on the order in which they are read.
    let large = json!({ "title": "Large", "body": "b".repeat(900_000) });
    site.post("/api/posts", &large).await.error(503);
    let small = json!({ "title": "Small", "body": "b" });
    assert_eq!(site.post("/api/posts", &small).await.status, 201);
    // The room for small bodies is half as large.
    let mut small_ones = Vec::new();
    for _ in 0..50 {
        let mut raw = Raw::connect(&site).await;
        raw.send(&unfinished("/api/notes", 16_000)[..15_990]).await;
        small_ones.push(raw);
    }
    let medium = json!({ "title": "Small", "body": "b".repeat(15_000) });
    let refused = async {
        while site.post("/api/posts", &medium).await.status != 503 {
            tokio::task::yield_now().await;
        }
    };
    within("the room for small bodies is full", refused).await;
    drop((held, small_ones));
    let begun = std::time::Instant::now();
    loop {
        let answer = site.post("/api/posts", &large).await;
        if answer.status == 201 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the room stays full: {answer:?}");
        tokio::task::yield_now().await;
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_body_of_a_million_values_is_refused_without_building_them() {
    let site = Site::start().await;
    let values = format!("{{\"x\":[{}0]}}", "{\"\":0},".repeat(1_000_000));
    for path in ["/api/posts", "/api/notes", "/api/posts/1/comments"] {
        let error = site.post_text(path, values.clone()).await.error(422);
        assert_eq!(error, "too many values");
    }
    let mut raw = Raw::connect(&site).await;
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    raw.ask("POST", "/posts", &form, "a&".repeat(1_000_000).as_bytes()).await.error(422);
    site.stop().await;
}
