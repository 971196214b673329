//! Feeds of tags and of authors: their addresses, and the pages that link to them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Behind, feed, named, page};
use crate::support::Site;

/// The address of a tag's feed, encoded differently than by the site.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[actix_web::test]
async fn a_tag_of_any_characters_has_a_feed_linked_from_its_page() {
    let site = Site::start().await;
    let tags = [
        "a/b",
        "what?",
        "#1",
        "100%",
        "a%2Fb",
        "%zz",
        "two words",
        "C++",
        "a&b=c",
        "日記",
        "العربية",
        "ß\u{301}",
        "🎉",
        "a\"b'<c>",
        "feed.xml",
        "...",
        "a;b:c@d",
        "~",
        "\\",
    ];
    for tag in tags {
        site.post("/api/posts", &json!({"title": "A post", "body": "b", "tags": [tag]}))
            .await
            .json(201);
    }
    let mut ids = BTreeSet::new();
    for tag in tags {
        let list = page(&site, &format!("/tags/{}", encoded(tag))).await;
        let [all, own] = named(&list).await.try_into().unwrap();
        assert_eq!(all, "/feed.xml");
        let told = feed(&site.get(&own).await);
        assert_eq!(told.title, format!("Kilonova: {tag}"));
        assert_eq!(told.own, format!("http://127.0.0.1:{}{own}", site.port));
        assert_eq!(told.entries.len(), 1, "{tag}");
        assert_eq!(told.entries[0].tags, [tag]);
        assert!(ids.insert(told.id.clone()));
        let same = feed(&site.get(&format!("/tags/{}/feed.xml", encoded(tag))).await);
        assert_eq!(same, told, "{tag}");
    }
    for none in ["a", "a%252Fb%25", "A%2Fb", "%00", "%FF", "a%2Fb%2F", "%20"] {
        let answer = site.get(&format!("/tags/{none}/feed.xml")).await;
        assert_eq!(answer.error(404), "feed not found", "{none}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn only_a_list_with_a_feed_links_to_one() {
    let site = Site::start().await;
    for tag in [".", ".."] {
        let fields = json!({"title": "Dots", "body": "b", "tags": [tag]});
        site.post("/api/posts", &fields).await.json(201);
    }
    let draft = json!({"title": "Draft", "body": "b", "tags": ["draft"], "status": "draft"});
    site.post("/api/posts", &draft).await.json(201);
    for path in ["/", "/?tag=.", "/?tag=..", "/?tag=draft&status=draft", "/search"] {
        assert_eq!(named(&page(&site, path).await).await, ["/feed.xml"], "{path}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn an_account_has_a_feed_of_its_posts_and_a_free_name_has_none() {
    let behind = Behind::start().await;
    for (author, title) in [(0, "Of ada"), (1, "Of bob"), (0, "Imported")] {
        behind.post(author, &json!({"title": title, "body": "b"})).await;
    }
    // As after an import: author names without an account, one of them equal to an account's name.
    for (title, author) in [("Imported", "Ada Lovelace, Bob & Co"), ("Of nobody", "ada")] {
        behind.site.home().execute(&format!(
            "UPDATE posts SET author = '{author}', user_id = NULL WHERE title = '{title}'"
        ));
    }
    let told = feed(&behind.get("/authors/ada/feed.xml").await);
    let author = format!("{}/authors/ada", super::PUBLIC);
    assert_eq!((&*told.title, told.page.as_deref()), ("Kilonova: posts by ada", Some(&*author)));
    let titles: Vec<_> = told.entries.iter().map(|entry| &*entry.title).collect();
    assert_eq!(titles, ["Of ada"]);
    assert_eq!(told.own, format!("{}/authors/ada/feed.xml", super::PUBLIC));
    assert_eq!(feed(&behind.get("/authors/ADA/feed.xml").await), told);
    for none in ["nobody", "Ada%20Lovelace%2C%20Bob%20%26%20Co", "%00", "a%2Fda", "ad%C3%A0"] {
        let answer = behind.get(&format!("/authors/{none}/feed.xml")).await;
        assert_eq!(answer.error(404), "feed not found", "{none}");
    }
    // A post's page links to the feed of its author's account. The feed of all posts has the name
    // unchanged.
    let all = feed(&behind.get("/feed.xml").await);
    for entry in &all.entries {
        let path = entry.link.strip_prefix(super::PUBLIC).unwrap();
        let feeds = named(&behind.send(None, "GET", path, &Value::Null).await).await;
        let own = match entry.author.as_deref() {
            Some("Ada Lovelace, Bob & Co") => &[][..],
            Some(name) => &[format!("/notes/daily/authors/{name}/feed.xml")][..],
            None => panic!("{entry:?}"),
        };
        assert_eq!(feeds[0], "/notes/daily/feed.xml");
        assert_eq!(&feeds[1..], own);
    }
    behind.site.stop().await;
}
