//! The clients printed in the articles, run unchanged except for the address. Their log output is
//! recorded for the assertions.

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

/// Records log lines and every new socket, the only way to notice that the first one has opened.
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
    // A page that opens no live connection itself.
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

/// The text between two parts of a text.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after} in {text}")).0
}

#[actix_web::test]
async fn an_empty_site_shows_commands_that_work_and_their_frames() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    let codes = "return [...document.querySelectorAll('.start code')].map((it) => it.textContent)";
    let codes = browser.run(codes).await;
    // The address through which the reader opened the page.
    let here = format!("localhost:{}", site.port);
    let script = codes[0].as_str().unwrap();
    assert!(script.contains(&format!("new WebSocket(\"ws://{here}/feed\")")), "{script}");
    // The printed script runs on the page, and receives the event of the printed command.
    let script = script.replace("console.log(", "(window.heard = ");
    browser.run(&format!("{script}; ws.onopen = () => (window.listens = true)")).await;
    browser.until("window.listens").await;
    let command = codes[1].as_str().unwrap();
    let path = between(command, &format!("curl http://{here}"), " ");
    let body = serde_json::from_str(between(command, "-d '", "'")).unwrap();
    let post = site.post(path, &body).await.json(201);
    browser.until("window.heard?.event === 'post_created'").await;
    browser.until("document.getElementById('frames').textContent.includes('post_created')").await;
    let frame = browser.run("return document.getElementById('frames').textContent").await;
    let frame: serde_json::Value = serde_json::from_str(frame.as_str().unwrap()).unwrap();
    assert_eq!(frame["data"], post);
    browser.until("document.getElementById('post-1')").await;
    // A site with posts shows no first steps.
    browser.open(&site, "/").await;
    browser
        .until("document.querySelector('#posts .card') && !document.querySelector('.start')")
        .await;
    drop(browser);
    site.stop().await;
}
