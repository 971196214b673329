//! WS /notifications: notes.

use serde_json::json;

use crate::support::{Site, assert_note};

#[actix_web::test]
async fn each_write_of_a_note_is_sent_once_in_its_shape() {
    let site = Site::start().await;
    let mut socket = site.socket("/notifications").await;
    let note = site.new_note("Told").await;
    assert_note(&note);
    let frame = json!({"event": "note_created", "data": note, "id": 1});
    assert_eq!(socket.next_json().await, frame);
    let path = format!("/api/notes/{}", note["id"]);
    let changed = site.put(&path, &json!({"title": "New", "body": "b"})).await.json(200);
    let frame = json!({"event": "note_updated", "data": changed, "id": 2});
    assert_eq!(socket.next_json().await, frame);
    assert_eq!(site.delete(&path).await.status, 204);
    let frame = json!({"event": "note_deleted", "data": {"id": note["id"]}, "id": 3});
    assert_eq!(socket.next_json().await, frame);
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn only_notes_are_sent() {
    let site = Site::start().await;
    let mut socket = site.socket("/notifications").await;
    let post = site.new_post("Elsewhere").await["id"].as_i64().unwrap();
    site.new_comment(post, "Elsewhere").await;
    assert_eq!(site.delete(&format!("/api/posts/{post}")).await.status, 204);
    let missing = [
        site.post("/api/notes", &json!({"title": "t"})).await.status,
        site.put("/api/notes/9", &json!({"title": "t", "body": "b"})).await.status,
        site.delete("/api/notes/9").await.status,
    ];
    assert_eq!(missing, [422, 404, 404]);
    let sentinel = site.new_note("Sentinel").await;
    let frame = json!({"event": "note_created", "data": sentinel, "id": 5});
    assert_eq!(socket.next_json().await, frame);
    socket.close().await;
    site.stop().await;
}
