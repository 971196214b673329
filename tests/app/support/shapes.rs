//! Assertions that objects have exactly the fields and types of the contract.

use chrono::DateTime;
use serde_json::Value;

#[track_caller]
pub(crate) fn assert_post(post: &Value) {
    let fields = [
        "author",
        "body",
        "comments_locked",
        "id",
        "inserted_at",
        "publish_at",
        "published_at",
        "slug",
        "status",
        "tags",
        "title",
        "updated_at",
        "user_id",
    ];
    assert_fields(post, &fields);
    assert!(post["comments_locked"].is_boolean());
    assert!(post["id"].as_i64().unwrap() > 0);
    assert!(post["title"].is_string() && post["body"].is_string());
    let status = post["status"].as_str().unwrap();
    assert!(["draft", "scheduled", "published", "archived"].contains(&status), "{status}");
    assert!(post["slug"].is_null() || post["slug"].is_string());
    match status {
        "scheduled" => assert_utc(&post["publish_at"]),
        _ => assert!(post["publish_at"].is_null()),
    }
    match status {
        "published" | "archived" => assert_utc(&post["published_at"]),
        // A withdrawn post has been published before.
        _ => assert!(post["published_at"].is_null() || post["published_at"].is_string()),
    }
    assert!(post["author"].is_null() || post["author"].is_string());
    assert!(post["user_id"].is_null() || post["user_id"].is_i64());
    assert!(post["tags"].as_array().unwrap().iter().all(Value::is_string));
    assert_utc(&post["inserted_at"]);
    assert_utc(&post["updated_at"]);
}

#[track_caller]
pub(crate) fn assert_comment(comment: &Value) {
    assert_fields(comment, &["author", "body", "id", "inserted_at", "post_id", "state", "user_id"]);
    assert!(["held", "visible", "hidden"].contains(&comment["state"].as_str().unwrap()));
    assert!(comment["id"].as_i64().unwrap() > 0 && comment["post_id"].as_i64().unwrap() > 0);
    assert!(comment["body"].is_string());
    assert!(comment["author"].is_null() || comment["author"].is_string());
    assert!(comment["user_id"].is_null() || comment["user_id"].is_i64());
    assert_utc(&comment["inserted_at"]);
}

#[track_caller]
pub(crate) fn assert_note(note: &Value) {
    assert_fields(note, &["author", "body", "id", "inserted_at", "title", "updated_at"]);
    assert!(note["id"].as_i64().unwrap() > 0);
    assert!(note["title"].is_string() && note["body"].is_string() && note["author"].is_string());
    assert_utc(&note["inserted_at"]);
    assert_utc(&note["updated_at"]);
}

/// The ids of the objects in a list, in order.
#[track_caller]
pub(crate) fn ids(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[track_caller]
fn assert_fields(value: &Value, fields: &[&str]) {
    let mut found: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, fields, "{value}");
}

#[track_caller]
fn assert_utc(time: &Value) {
    let text = time.as_str().unwrap_or_else(|| panic!("not a time: {time}"));
    assert!(text.ends_with('Z'), "not in UTC: {text}");
    DateTime::parse_from_rfc3339(text).expect("a time of RFC 3339");
}
