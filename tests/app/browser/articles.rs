//! The clients that the articles print, run as they are printed: only the address is the test's,
//! and what they log is kept to be looked at.

use serde_json::json;

use super::{Browser, Scripts};
use crate::support::Site;

const FEED: &str = r#"
const ws = new WebSocket("ws://localhost:8080/feed");
ws.onmessage = (event) => {
const msg = JSON.parse(event.data);
console.log(`[${msg.channel}] ${msg.event}:`, msg.data);
switch (msg.event) {
case "post_created":
// Add the new post to the feed
break;
case "post_updated":
// Update the post in the feed
break;
case "post_deleted":
// Remove the post from the feed
break;
case "comment_created":
// Append the new comment
break;
}
};
// Keep-alive
setInterval(() => ws.send("ping"), 30000);
"#;

const NOTIFICATIONS: &str = r#"
const ws = new WebSocket("ws://localhost:8080/notifications");

ws.onopen = () => {
    console.log("Connected to notifications");
};

ws.onmessage = (event) => {
    const msg = JSON.parse(event.data);
    console.log(`Event: ${msg.event}`, msg.data);

    switch (msg.event) {
        case "note_created":
            // Add the new note to the UI
            break;
        case "note_updated":
            // Update the note in the UI
            break;
        case "note_deleted":
            // Remove the note from the UI
            break;
    }
};

ws.onclose = () => {
    console.log("Disconnected from notifications");
    // Reconnect after a delay
    setTimeout(() => location.reload(), 3000);
};
"#;

/// Keeps what is logged, and every socket that is made: how else to see the first one open?
const RECORDER: &str = "
window.logged = [];
console.log = (...values) => window.logged.push(values);
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(address) { super(address); window.sockets.push(this); }
};
";

#[actix_web::test]
async fn the_articles_clients_get_the_events() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    // A page without a live connection of its own.
    browser.open(&site, "/search").await;
    browser.run(RECORDER).await;
    for client in [FEED, NOTIFICATIONS] {
        let client = client.replace("localhost:8080", &format!("localhost:{}", site.port));
        browser.run(&client).await;
    }
    browser.until("window.sockets.length === 2").await;
    browser.until("window.sockets.every((socket) => socket.readyState === 1)").await;
    browser.until("window.logged.length === 1").await;
    assert_eq!(
        browser.run("return window.logged.splice(0)").await,
        json!([["Connected to notifications"]])
    );

    let post = site.new_post("Printed").await;
    let comment = site.new_comment(post["id"].as_i64().unwrap(), "Read.").await;
    let path = format!("/api/posts/{}", post["id"]);
    let changed = site.put(&path, &json!({"title": "Reprinted"})).await.json(200);
    site.delete(&path).await.json(204);
    browser.until("window.logged.length === 4").await;
    assert_eq!(
        browser.run("return window.logged.splice(0)").await,
        json!([
            ["[posts] post_created:", post],
            ["[comments] comment_created:", comment],
            ["[posts] post_updated:", changed],
            ["[posts] post_deleted:", {"id": post["id"]}],
        ])
    );

    let note = site.new_note("Printed").await;
    let path = format!("/api/notes/{}", note["id"]);
    let changed = site.put(&path, &json!({"title": "Again", "body": "Two."})).await.json(200);
    site.delete(&path).await.json(204);
    browser.until("window.logged.length === 3").await;
    assert_eq!(
        browser.run("return window.logged.splice(0)").await,
        json!([
            ["Event: note_created", note],
            ["Event: note_updated", changed],
            ["Event: note_deleted", {"id": note["id"]}],
        ])
    );

    site.stop().await;
    browser.until("window.logged.length === 1").await;
    assert_eq!(
        browser.run("return window.logged").await,
        json!([["Disconnected from notifications"]])
    );
}
