//! Conditional requests: when a reader gets 304.

use actix_web::http::Method;
use actix_web::web::Bytes;
use serde_json::json;

use super::feed;
use crate::support::{Answer, Raw, Site};

async fn ask(site: &Site, path: &str, headers: &[(&str, &str)]) -> Answer {
    Raw::connect(site).await.request("GET", path, headers, b"").await
}

#[actix_web::test]
async fn a_feed_is_sent_again_when_one_of_its_posts_has_changed() {
    let site = Site::start().await;
    let fields = json!({"title": "Tagged", "body": "b".repeat(20_000), "tags": ["one"]});
    let post = site.post("/api/posts", &fields).await.json(201);
    let path = format!("/api/posts/{}", post["id"]);
    let (mut all, mut one) = (String::new(), String::new());
    let mut changed = async |all_changes: bool, one_changes: bool| {
        for (feed, tag, changes) in
            [("/feed.xml", &mut all, all_changes), ("/tags/one/feed.xml", &mut one, one_changes)]
        {
            let answer = ask(&site, feed, &[("If-None-Match", tag)]).await;
            assert_eq!(answer.status, if changes { 200 } else { 304 }, "{feed}");
            assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
            if !changes {
                assert_eq!((answer.body.len(), answer.header("etag")), (0, Some(tag.as_str())));
            }
            *tag = answer.header("etag").unwrap().to_owned();
        }
    };
    changed(true, true).await;
    changed(false, false).await;
    // Comments, notes, drafts and locks are not part of a feed.
    site.new_comment(post["id"].as_i64().unwrap(), "A comment").await;
    site.new_note("A note").await;
    let draft = json!({"title": "A draft", "body": "b", "tags": ["one"], "status": "draft"});
    site.post("/api/posts", &draft).await.json(201);
    site.patch(&path, &json!({"comments_locked": true})).await.json(200);
    changed(false, false).await;
    site.new_post("Another").await;
    changed(true, false).await;
    // A change far behind the part that makes the summary.
    site.put(&path, &json!({"body": format!("{}c", "b".repeat(19_999))})).await.json(200);
    changed(true, true).await;
    site.put(&path, &json!({"tags": ["one", "two"]})).await.json(200);
    changed(true, true).await;
    site.delete(&path).await;
    let gone = ask(&site, "/tags/one/feed.xml", &[("If-None-Match", "*")]).await;
    assert_eq!(gone.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn two_versions_of_a_post_never_share_a_time() {
    let site = Site::start().await;
    // The change is far behind the part that makes the summary.
    let long = "word ".repeat(4_000);
    let fields = json!({"title": "Written", "body": format!("{long} first")});
    let post = site.post("/api/posts", &fields).await.json(201);
    // As if the clock had been set back since the last change.
    let later = "UPDATE posts SET updated_at = '2999-01-01 00:00:00'";
    site.home().execute(later);
    let tag = ask(&site, "/feed.xml", &[]).await.header("etag").unwrap().to_owned();
    let path = format!("/api/posts/{}", post["id"]);
    site.put(&path, &json!({"body": format!("{long} later")})).await.json(200);
    let answer = ask(&site, "/feed.xml", &[("If-None-Match", &tag)]).await;
    assert!(feed(&answer).entries[0].content.as_ref().unwrap().contains("later"));
    site.stop().await;
}

#[actix_web::test]
async fn a_feed_is_compressed_and_answers_head() {
    let site = Site::start().await;
    let body = "a long text ".repeat(1_000);
    site.post("/api/posts", &json!({"title": "Long", "body": body})).await.json(201);
    for path in ["/feed.xml", "/sitemap.xml", "/robots.txt"] {
        let plain = ask(&site, path, &[("Accept-Encoding", "identity")]).await;
        let head = site.send(Method::HEAD, path, &[], Bytes::new()).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), plain.header("content-type"));
        let gzip = ask(&site, path, &[("Accept-Encoding", "gzip")]).await;
        assert_eq!(gzip.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(gzip.header("vary"), Some("accept-encoding"), "{path}");
        if path == "/feed.xml" {
            assert!(gzip.body.len() * 10 < plain.body.len());
        }
        for answer in [&plain, &gzip] {
            let tag = answer.header("etag").unwrap();
            assert_eq!(ask(&site, path, &[("If-None-Match", tag)]).await.status, 304, "{path}");
        }
        assert_eq!(site.post(path, &json!({})).await.status, 405);
    }
    site.stop().await;
}
