//! The limit on writes per address.

use serde_json::json;

use super::{HOST, own_address};
use crate::support::{Raw, Site};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[actix_web::test]
async fn small_requests_with_large_effects_are_limited_by_address() {
    let Some(own) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let site = Site::start_with(|config| {
        config.bind = ([0, 0, 0, 0], 0).into();
        config.allowances.writes_per_address = 2_000_000;
    })
    .await;
    let post = json!({ "title": "A large one", "body": "b".repeat(300_000) });
    let post = format!("/api/posts/{}", site.post("/api/posts", &post).await.json(201)["id"]);
    let mut raw = Raw::connect_to((own, site.port).into()).await;
    let mut changed = 0;
    let refused = loop {
        let title = json!({ "title": format!("Title {changed}") }).to_string();
        let answer = raw.ask("PATCH", &post, &[HOST, JSON], title.as_bytes()).await;
        if answer.status != 200 {
            break answer;
        }
        changed += 1;
        // A write is allowed again every ten seconds, so a slow machine sees a few more.
        assert!(changed < 20);
    };
    assert!(refused.error(429).contains("from this address"));
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    // Each costs 300,000 bytes plus 16 KiB.
    assert!(changed >= 6, "{changed}");
    // The address can still read, and others can still write.
    let read = Raw::connect_to((own, site.port).into()).await.ask("GET", &post, &[HOST], b"").await;
    assert_eq!(read.json(200)["title"], format!("Title {}", changed - 1));
    site.patch(&post, &json!({ "title": "By another" })).await.json(200);
    site.stop().await;
}
