//! Redaction: neither the log nor a replay contains deleted texts.

use serde_json::{Value, json};

use super::client::{Client, positions};
use super::follower::{Follower, Transport};
use super::rows::{Failure, open};
use crate::support::Site;
use kilonova::events;
use kilonova::models::post;

const ALL: &str = "/feed?channels=posts,comments,notes,post_comments_1";

/// The first `count` events that a replay from the start sends.
async fn replayed(client: &Client, transport: Transport, count: usize) -> Vec<Value> {
    let mut follower = Follower::new(client, transport, ALL);
    follower.take_up_to(count).await;
    follower.seen.take()
}

async fn assert_redacted(client: &Client, log: &[Value], secret: &str) {
    assert!(!json!(log).to_string().contains(secret), "in the log");
    for transport in [Transport::WebSocket, Transport::ServerSentEvents] {
        let told = replayed(client, transport, log.len()).await;
        assert_eq!(positions(&told), positions(log));
        for (frame, event) in told.iter().zip(log) {
            assert_eq!(frame["data"], event["data"], "{transport:?}");
        }
    }
}

#[actix_web::test]
async fn a_deleted_post_and_its_comments_are_not_replayed() {
    let site = Site::start().await;
    let client = Client::new(site.port);
    site.new_post("Secret post").await;
    site.new_comment(1, "Secret comment").await;
    site.put("/api/posts/1", &json!({"title": "Secret again"})).await.json(200);
    site.new_note("Not touched").await;
    let log = client.log(0, None).await;
    assert!(json!(replayed(&client, Transport::WebSocket, 5).await).to_string().contains("Secret"));
    assert_eq!(positions(&log), [1, 2, 3, 4, 5]);

    assert_eq!(site.delete("/api/posts/1").await.status, 204);
    // Immediately, before anything else could happen.
    let told = replayed(&client, Transport::WebSocket, 6).await;
    let redacted = json!({"id": 1, "redacted": true});
    for (index, event) in
        ["post_created", "comment_created", "new_comment", "post_updated"].into_iter().enumerate()
    {
        assert_eq!((&told[index]["event"], &told[index]["data"]), (&json!(event), &redacted));
    }
    let log = client.log(0, None).await;
    assert_eq!(log[4]["data"]["title"], "Not touched");
    assert_eq!(log[5]["data"], json!({"id": 1}));
    assert_redacted(&client, &log, "Secret").await;
    drop(client);
    site.stop().await;
}

#[actix_web::test]
async fn a_deleted_comment_or_note_is_not_replayed() {
    let site = Site::start().await;
    let client = Client::new(site.port);
    site.new_post("Not touched").await;
    site.new_comment(1, "Secret comment").await;
    site.new_comment(1, "Other comment").await;
    site.new_note("Secret note").await;
    assert_eq!(site.delete("/api/comments/1").await.status, 204);
    assert_eq!(site.delete("/api/notes/1").await.status, 204);
    let log = client.log(0, None).await;
    let text = json!(log).to_string();
    assert!(text.contains("Not touched") && text.contains("Other comment"));
    assert_redacted(&client, &log, "Secret").await;
    drop(client);
    site.stop().await;
}

#[actix_web::test]
async fn a_withdrawn_post_is_not_replayed() {
    let site = Site::start().await;
    let client = Client::new(site.port);
    site.new_post("Withdrawn title").await;
    let draft = json!({"status": "draft", "title": "A draft's title"});
    site.put("/api/posts/1", &draft).await.json(200);
    let log = client.log(0, None).await;
    assert_eq!(log[0]["data"], json!({"id": 1, "redacted": true}));
    let told = replayed(&client, Transport::WebSocket, 1).await;
    assert_eq!(told[0]["data"], json!({"id": 1, "redacted": true}));
    drop(client);
    site.stop().await;
}

#[actix_web::test]
async fn a_deletion_by_another_process_is_not_replayed() {
    let site = Site::start().await;
    let client = Client::new(site.port);
    site.new_post("Secret post").await;
    let mut feed = site.socket("/feed?last_event_id=0").await;
    assert_eq!(feed.next_json().await["data"]["title"], "Secret post");
    let other = open(site.database(), Box::new(|_| {})).await;
    let deleted = other.transaction(|tx| {
        let gone = post::get(tx.connection, 1)?;
        post::delete(tx.connection, 1)?;
        tx.announce(events::post_deleted(&gone).unwrap());
        Ok::<_, Failure>(())
    });
    deleted.await.unwrap();
    // After the deletion has been delivered, replays are redacted.
    assert_eq!(feed.next_json().await["event"], "post_deleted");
    let log = client.log(0, None).await;
    assert_redacted(&client, &log, "Secret").await;
    other.close().await;
    feed.close().await;
    drop(client);
    site.stop().await;
}
