//! The preview: the form's text as the published page would show it.

use actix_web::http::Method;
use actix_web::web::Bytes;

use super::{Browser, accounts, text};
use crate::support::{Answer, Site};

const BODY: &str =
    "# Heading\n\nSome *text* with <script>alert(1)</script>.\n\n```rust\nfn f() {}\n```";

/// The part of a page between two marks.
#[track_caller]
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("no {start} in {page}"));
    rest.split(end).next().unwrap()
}

#[track_caller]
fn assert_unlisted(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
    assert!(text(answer).contains("<meta name=\"robots\" content=\"noindex\">"));
}

#[actix_web::test]
async fn a_preview_is_the_published_page_and_saves_nothing() {
    let site = Site::start().await;
    let guest = Browser::guest(&site);
    let fields =
        [("title", "A title"), ("body", BODY), ("tags", "one, two, one"), ("slug", "no slug")];
    let preview = guest.send("/posts/preview", &fields).await;
    assert_eq!(preview.status, 200, "{}", text(&preview));
    assert_unlisted(&preview);
    let page = text(&preview);
    for absent in ["write-comment", "data-live", "data-source", "<form", "badge", "<script>"] {
        assert!(!page.contains(absent), "{absent} is in {page}");
    }
    assert!(page.contains("href=\"/tags/two\""), "{page}");
    assert_eq!(site.get("/api/posts").await.json(200)["posts"], serde_json::json!([]));

    let post = [("title", "A title"), ("body", BODY), ("tags", "one, two, one")];
    assert_eq!(guest.send("/posts", &post).await.status, 303);
    let published = guest.page("/posts/1-a-title").await;
    let texts =
        [&page, &published].map(|page| between(page, "<div class=\"prose\"", "</div>\n  </div>"));
    assert_eq!(texts[0], texts[1]);
    let empty = text(&guest.send("/posts/preview", &[("title", " "), ("body", "")]).await);
    assert!(empty.contains(">Untitled</h1>"), "{empty}");
    site.stop().await;
}

#[actix_web::test]
async fn only_writers_get_a_preview() {
    let site = Site::start_with(accounts).await;
    let (ann, bob) = (Browser::of(&site, "ann").await, Browser::of(&site, "bob").await);
    let draft = [("title", "Secret"), ("body", "b"), ("status", "draft")];
    ann.send("/posts", &draft).await;
    let fields = [("post", "1"), ("title", "Changed"), ("body", "b")];
    let page = text(&ann.send("/posts/preview", &fields).await);
    assert!(page.contains("<bdi>ann</bdi>") && page.contains(">Changed</h1>"), "{page}");
    assert_eq!(bob.send("/posts/preview", &fields).await.status, 404);
    assert_eq!(bob.send("/posts/preview", &fields[1..]).await.status, 200);
    assert_eq!(Browser::guest(&site).send("/posts/preview", &fields[1..]).await.status, 401);
    let long = "x".repeat(1024 * 1024 + 1);
    assert_eq!(bob.send("/posts/preview", &[("body", &long)]).await.status, 422);
    let headers = [("cookie", ann.cookie.as_str())];
    let post = site.send(Method::GET, "/api/posts/1", &headers, Bytes::new()).await;
    assert_eq!(post.json(200)["title"], "Secret");
    site.stop().await;
}
