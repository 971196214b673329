//! WS /posts/{post_id}/comments/ws: one post's new comments.

use serde_json::json;

use crate::support::{Site, assert_comment};

#[actix_web::test]
async fn only_new_comments_of_this_post_are_sent() {
    let site = Site::start().await;
    let post = site.new_post("Followed").await["id"].as_i64().unwrap();
    let other = site.new_post("Not followed").await["id"].as_i64().unwrap();
    let mut socket = site.socket(&format!("/posts/{post}/comments/ws")).await;
    let first = site.new_comment(post, "First").await;
    let told = socket.next_json().await;
    assert_comment(&told);
    assert_eq!(told, first);

    site.new_comment(other, "Elsewhere").await;
    let own = format!("/api/comments/{}", first["id"]);
    site.put(&own, &json!({"body": "Changed"})).await.json(200);
    assert_eq!(site.delete(&own).await.status, 204);
    site.put(&format!("/api/posts/{post}"), &json!({"title": "Changed"})).await.json(200);
    site.new_post("Another").await;
    site.new_note("A note").await;
    let sentinel = site.new_comment(post, "Sentinel").await;
    assert_eq!(socket.next_json().await, sentinel);
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn the_event_frame_has_the_contracts_shape() {
    let site = Site::start().await;
    let post = site.new_post("Followed").await["id"].as_i64().unwrap();
    let mut socket = site.socket(&format!("/posts/{post}/comments/ws?frame=event")).await;
    // Position 1 is the post's event, and this one is the second of each comment's two.
    for position in [3, 5, 7] {
        let comment = site.new_comment(post, "Told").await;
        let frame = json!({"event": "new_comment", "data": comment, "id": position});
        assert_eq!(socket.next_json().await, frame);
    }
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_missing_post_is_404_before_the_upgrade() {
    let site = Site::start().await;
    for id in ["1", "0", "-1", "abc", "%00", "9223372036854775808"] {
        let path = format!("/posts/{id}/comments/ws");
        assert_eq!(site.refused(&path).await.error(404), "post not found", "{id}");
    }
    let post = site.new_post("There").await["id"].as_i64().unwrap();
    let path = format!("/posts/{post}/comments/ws?frame=nonsense");
    assert_eq!(site.refused(&path).await.error(422), "frame is invalid");
    assert_eq!(site.delete(&format!("/api/posts/{post}")).await.status, 204);
    let path = format!("/posts/{post}/comments/ws");
    assert_eq!(site.refused(&path).await.error(404), "post not found");
    site.stop().await;
}

#[actix_web::test]
async fn drafts_and_archived_posts_have_live_comments() {
    let site = Site::start().await;
    for status in ["draft", "archived"] {
        let fields = json!({"title": "Followed", "body": "b", "status": status});
        let post = site.post("/api/posts", &fields).await.json(201)["id"].as_i64().unwrap();
        let mut socket = site.socket(&format!("/posts/{post}/comments/ws")).await;
        let comment = site.new_comment(post, "Told").await;
        assert_eq!(socket.next_json().await, comment);
        socket.close().await;
    }
    site.stop().await;
}
