//! Forms that are submitted twice.

use serde_json::json;

use super::{Browser, assert_leads, value};
use crate::support::Site;

async fn count(site: &Site, path: &str, name: &str) -> usize {
    site.get(path).await.json(200)[name].as_array().unwrap().len()
}

#[actix_web::test]
async fn a_form_with_a_changed_copy_field_still_writes_once() {
    let site = Site::start().await;
    let guest = Browser::guest(&site);
    let key = value(&guest.page("/posts/new").await, "idempotency_key").to_owned();
    let send = async |copy: &str, window: &str| {
        let form = [("idempotency_key", &*key), ("title", "Once"), ("body", "b")];
        guest.send("/posts", &[&form[..], &[("copy", copy), ("window", window)]].concat()).await
    };
    let first = send("", "one").await;
    let place = first.header("location").unwrap().to_owned();
    assert_leads(&send("7", "one").await, &place);
    assert_eq!(count(&site, "/api/posts", "posts").await, 1);
    site.stop().await;
}

#[actix_web::test]
async fn a_form_that_is_sent_twice_writes_once() {
    let site = Site::start().await;
    let ann = Browser::of(&site, "ann").await;
    for browser in [Browser::guest(&site), ann] {
        let name = if browser.cookie.is_empty() { "" } else { "ann" };
        let before = count(&site, "/api/posts", "posts").await;
        let page = browser.page("/posts/new").await;
        let key = value(&page, "idempotency_key").to_owned();
        let next = browser.page("/posts/new").await;
        assert_ne!(value(&next, "idempotency_key"), key, "two forms share a key");
        let post = [("idempotency_key", &*key), ("as", name), ("title", "Once"), ("body", "b")];
        let first = browser.send("/posts", &post).await;
        let place = first.header("location").unwrap().to_owned();
        assert_leads(&browser.send("/posts", &post).await, &place);
        assert_eq!(count(&site, "/api/posts", "posts").await, before + 1);

        let key = value(&browser.page(&place).await, "idempotency_key").to_owned();
        let id = place.trim_start_matches("/posts/").split('-').next().unwrap();
        let to = format!("/posts/{id}/comments");
        let comment = [("idempotency_key", &*key), ("as", name), ("body", "Said once")];
        let first = browser.send(&to, &comment).await;
        let place = first.header("location").unwrap().to_owned();
        assert_leads(&browser.send(&to, &comment).await, &place);
        let list = format!("/api/posts/{id}/comments");
        assert_eq!(count(&site, &list, "comments").await, 1);
        // Another text in the same form, after the Back button.
        let other = [("idempotency_key", &*key), ("as", name), ("body", "Said then")];
        assert_eq!(browser.send(&to, &other).await.status, 303);
        assert_eq!(count(&site, &list, "comments").await, 2);

        let before = count(&site, "/api/notes", "notes").await;
        let key = value(&browser.page("/notes").await, "idempotency_key").to_owned();
        let note = [
            ("idempotency_key", &*key),
            ("as", name),
            ("title", "Once"),
            ("body", "b"),
            ("author", "Ada"),
        ];
        let first = browser.send("/notes", &note).await;
        let place = first.header("location").unwrap().to_owned();
        assert_leads(&browser.send("/notes", &note).await, &place);
        assert_eq!(count(&site, "/api/notes", "notes").await, before + 1);
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_refused_form_keeps_its_idempotency_key() {
    let site = Site::start().await;
    let guest = Browser::guest(&site);
    let key = value(&guest.page("/posts/new").await, "idempotency_key").to_owned();
    let short = [("idempotency_key", &*key), ("title", "ab"), ("body", "b")];
    let refused = guest.send("/posts", &short).await;
    assert_eq!(refused.status, 422);
    assert_eq!(value(&super::text(&refused), "idempotency_key"), key);
    let right = [("idempotency_key", &*key), ("title", "abc"), ("body", "b")];
    for _ in 0..2 {
        assert_leads(&guest.send("/posts", &right).await, "/posts/1-abc");
    }
    let blank = [("idempotency_key", &*key), ("body", " ")];
    let refused = guest.send("/posts/1/comments", &blank).await;
    assert_eq!(refused.status, 422);
    assert_eq!(value(&super::text(&refused), "idempotency_key"), key);
    let right = [("idempotency_key", &*key), ("body", "Said")];
    for _ in 0..2 {
        assert_leads(&guest.send("/posts/1/comments", &right).await, "/posts/1#comment-1");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_deleted_text_can_be_sent_again() {
    let site = Site::start().await;
    let guest = Browser::guest(&site);
    let key = value(&guest.page("/posts/new").await, "idempotency_key").to_owned();
    let post = [("idempotency_key", &*key), ("title", "Again"), ("body", "b")];
    assert_leads(&guest.send("/posts", &post).await, "/posts/1-again");
    assert_leads(&guest.send("/posts/1/delete", &[]).await, "/?binned=1");
    for _ in 0..2 {
        assert_leads(&guest.send("/posts", &post).await, "/posts/2-again");
    }
    let events = site.get("/api/events?after=0").await.json(200);
    let created = events["events"].as_array().unwrap().iter();
    assert_eq!(created.filter(|event| event["event"] == json!("post_created")).count(), 2);
    site.stop().await;
}
