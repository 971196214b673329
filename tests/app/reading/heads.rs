//! The head of a page, read by search engines and by sites that show link previews.

use kilonova::reach::PublicUrl;
use serde_json::json;

use super::{between, html, page, text};
use crate::support::Site;

const PICTURE: &str = "/uploads/cafecafecafecafecafecafecafecafecafecafe.png";
const NOINDEX: &str = "<meta name=\"robots\" content=\"noindex\">";

#[actix_web::test]
async fn without_a_public_url_a_posts_head_has_no_absolute_address() {
    let site = Site::start().await;
    let body = format!("Some \"words\".\n\n![A cat]({PICTURE})");
    site.post("/api/posts", &json!({"title": "A <post>", "body": body})).await.json(201);
    let shown = html(&site, "/posts/1").await;
    for told in [
        "<meta name=\"description\" content=\"Some &#34;words&#34;.\">",
        "<meta property=\"og:title\" content=\"A &#60;post&#62;\">",
        "<meta property=\"og:site_name\" content=\"Kilonova\">",
        "<meta property=\"og:type\" content=\"article\">",
        "<meta property=\"article:published_time\" content=\"20",
        "<meta name=\"twitter:card\" content=\"summary\">",
    ] {
        assert!(shown.contains(told), "no {told} in {shown}");
    }
    for none in ["canonical", "og:url", "og:image", NOINDEX] {
        assert!(!shown.contains(none), "{none} in {shown}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn absolute_addresses_use_only_the_public_url() {
    let site = Site::start_with(|config| {
        config.reach.public = PublicUrl::parse("https://blog.example/notes");
    })
    .await;
    let body = format!("[a file](/uploads/{}.bin) ![A cat]({PICTURE})", "a".repeat(40));
    let fields = json!({"title": "A post", "body": body, "tags": ["a/b"]});
    let root = "/notes";
    site.post(&format!("{root}/api/posts"), &fields).await.json(201);
    let get = async |path: &str| html(&site, &format!("{root}{path}")).await;
    let base = "https://blog.example/notes";
    let shown = get("/posts/1-a-post").await;
    let own = format!("{base}/posts/1-a-post");
    assert_eq!(between(&shown, "<link rel=\"canonical\" href=\"", "\""), own);
    assert_eq!(between(&shown, "<meta property=\"og:url\" content=\"", "\""), own);
    let picture = between(&shown, "<meta property=\"og:image\" content=\"", "\"");
    assert_eq!(picture, format!("{base}{PICTURE}"));
    assert!(shown.contains("content=\"summary_large_image\""), "{shown}");
    for (path, canonical) in
        [("/", "/"), ("/?x=y", "/"), ("/tags", "/tags"), ("/tags/a%2Fb", "/tags/a%2Fb")]
    {
        let shown = get(path).await;
        let told = between(&shown, "<link rel=\"canonical\" href=\"", "\"");
        assert_eq!(told, format!("{base}{canonical}"), "{path}");
    }
    let archive = get("/archive").await;
    let told = between(&archive, "<link rel=\"canonical\" href=\"", "\"");
    assert!(told.starts_with(&format!("{base}/archive?year=20")), "{told}");
    site.stop().await;
}

#[actix_web::test]
async fn pages_not_meant_for_search_engines_are_noindex() {
    let site = Site::start().await;
    for number in 0..25 {
        let fields = json!({"title": format!("Post {number}"), "body": "b", "tags": ["t"]});
        site.post("/api/posts", &fields).await.json(201);
    }
    let draft = json!({"title": "Draft", "body": "A secret", "status": "draft"});
    let draft = site.post("/api/posts", &draft).await.json(201)["id"].as_i64().unwrap();
    for found in ["/", "/tags/t", "/tags", "/archive", "/posts/1"] {
        assert!(!html(&site, found).await.contains(NOINDEX), "{found}");
    }
    let shown = html(&site, &format!("/posts/{draft}")).await;
    assert!(shown.contains(NOINDEX) && !shown.contains("og:"), "{shown}");
    let front = html(&site, "/").await;
    let second = between(&front, "rel=\"next\" href=\"", "\"").to_owned();
    for path in [&*second, "/?status=draft", "/search?q=post", "/login", "/notes", "/none"] {
        let answer = page(&site, path).await;
        assert!(text(&answer).contains(NOINDEX), "{path}");
    }
    site.stop().await;
}
