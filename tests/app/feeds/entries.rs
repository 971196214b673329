//! The entries of a feed.

use serde_json::{Value, json};

use super::{Behind, PUBLIC, configure, feed, time};
use crate::support::Site;

#[actix_web::test]
async fn a_feed_has_the_newest_twenty_posts_in_the_order_of_the_pages() {
    let site = Site::start().await;
    let empty = feed(&site.get("/feed.xml?utm_source=x").await);
    assert_eq!(empty.entries, []);
    for number in 0..60 {
        let body = format!("The **body** of {number}.");
        let fields =
            json!({"title": format!("Post {number}"), "body": body, "tags": ["one", "two"]});
        site.post("/api/posts", &fields).await.json(201);
    }
    let told = feed(&site.get("/feed.xml").await);
    let here = format!("http://127.0.0.1:{}", site.port);
    assert_eq!((&*told.title, &*told.id), ("Kilonova", &*empty.id));
    assert_eq!(told.own, format!("{here}/feed.xml"));
    assert_eq!(told.page, Some(format!("{here}/")));
    let posts = site.get("/api/posts?limit=20").await.json(200)["posts"].clone();
    let posts = posts.as_array().unwrap();
    assert_eq!(told.entries.len(), posts.len());
    for (entry, post) in told.entries.iter().zip(posts) {
        assert_eq!(entry.title, post["title"]);
        let address = format!("{}-{}", post["id"], post["slug"].as_str().unwrap());
        assert_eq!(entry.link, format!("{here}/posts/{address}"));
        assert_eq!(entry.published, time(post["published_at"].as_str().unwrap()));
        assert_eq!(entry.updated, time(post["updated_at"].as_str().unwrap()));
        assert_eq!((&entry.author, entry.tags.len()), (&None, 2));
        let number = post["title"].as_str().unwrap().trim_start_matches("Post ");
        assert_eq!(entry.summary, Some(format!("The body of {number}.")));
        let html = entry.content.as_ref().unwrap();
        assert!(html.contains(&format!("The <strong>body</strong> of {number}.")), "{html}");
    }
    assert_eq!(feed(&site.get("/tags/one/feed.xml").await).entries, told.entries);
    site.stop().await;
}

#[actix_web::test]
async fn any_text_makes_a_valid_entry() {
    let site = Site::start().await;
    let titles = [
        "]]> <![CDATA[ & &amp; <b>",
        "</title></entry></feed>",
        "العربية עברית \u{202e}turned",
        "🎉 👨‍👩‍👧 \u{10ffff}",
        "not \u{ffff}a\u{fffe} character",
        "'single' \"double\"",
    ];
    for title in titles {
        let body =
            format!("{title}\n\n`{title}`\n\na\u{1}\u{8}\u{b}\u{1f}b\r\nc <br> &#1; &#xffff;");
        let fields = json!({"title": title, "body": body, "tags": [title]});
        site.post("/api/posts", &fields).await.json(201);
    }
    let told = feed(&site.get("/feed.xml").await);
    let legal = |text: &str| text.replace(['\u{fffe}', '\u{ffff}'], "");
    let found: Vec<_> = told.entries.iter().rev().map(|entry| entry.title.clone()).collect();
    assert_eq!(found, titles.map(legal));
    for entry in &told.entries {
        assert_eq!(entry.tags, std::slice::from_ref(&entry.title));
        assert!(entry.content.as_ref().unwrap().contains("ab\n"), "{entry:?}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn an_entry_keeps_its_id_whatever_changes() {
    let site = Site::start().await;
    let post = site.new_post("The first title").await;
    site.new_post("Another").await;
    let before = feed(&site.get("/feed.xml").await);
    let path = format!("/api/posts/{}", post["id"]);
    let change = json!({"title": "Another title", "slug": "elsewhere", "tags": ["new"]});
    site.put(&path, &change).await.json(200);
    let after = feed(&site.get("/feed.xml").await);
    assert_eq!(after.entries[1].title, "Another title");
    assert!(after.entries[1].link.ends_with("-elsewhere"));
    assert!(after.entries[1].updated > after.entries[1].published);
    // The site moves to another port.
    let home = site.stop_keeping_data().await;
    let site = Site::start_in(home, |config| configure(config, PUBLIC)).await;
    let behind = Behind { site, cookies: Vec::new() };
    let moved = feed(&behind.get("/feed.xml").await);
    assert!(moved.entries[1].link.starts_with(PUBLIC));
    for other in [&after, &moved] {
        assert_eq!(other.id, before.id);
        for (entry, known) in other.entries.iter().zip(&before.entries) {
            assert_eq!(entry.id, known.id);
        }
    }
    behind.site.stop().await;
}

#[actix_web::test]
async fn addresses_in_an_entry_are_absolute_and_below_the_sites_path() {
    let behind = Behind::start().await;
    let body = "[page](2-other) ![picture](../uploads/a.png) [part](#top) [query](?a=b) \
                [other](https://other.example/x) <a href=\"/y\">raw</a>\n\n<img src=\"z.png\">\n\n\
                A note[^1].\n\n[^1]: Below.\n\n<script>alert(1)</script>";
    let post = behind.post(0, &json!({"title": "Links", "body": body})).await;
    let told = feed(&behind.get("/feed.xml").await);
    assert_eq!(told.own, format!("{PUBLIC}/feed.xml"));
    assert_eq!(told.page, Some(format!("{PUBLIC}/")));
    let entry = &told.entries[0];
    assert_eq!(entry.link, format!("{PUBLIC}/posts/{}-links", post["id"]));
    assert_eq!(entry.author.as_deref(), Some("ada"));
    let html = entry.content.as_ref().unwrap();
    let here = format!("{PUBLIC}/posts/{}", post["id"]);
    for whole in [
        format!("href=\"{PUBLIC}/posts/2-other\""),
        format!("src=\"{PUBLIC}/uploads/a.png\""),
        format!("src=\"{PUBLIC}/posts/z.png\""),
        format!("href=\"{here}#top\""),
        format!("href=\"{here}?a=b\""),
        format!("href=\"{here}#post-{}-fn-1\"", post["id"]),
        "href=\"https://other.example/x\"".to_owned(),
        "href=\"https://blog.example/y\"".to_owned(),
    ] {
        assert!(html.contains(&whole), "no {whole} in {html}");
    }
    for (at, name) in html.match_indices("href=\"").chain(html.match_indices("src=\"")) {
        assert!(html[at + name.len()..].starts_with("https://"), "{html}");
    }
    assert!(!html.contains("<script"), "{html}");
    // The page has the links unchanged.
    let page = behind.get(&format!("/posts/{}-links", post["id"])).await;
    assert!(String::from_utf8_lossy(&page.body).contains("href=\"2-other\""));
    behind.site.stop().await;
}

#[actix_web::test]
async fn posts_that_do_not_fit_have_only_a_summary() {
    let site = Site::start().await;
    let mebibyte = 1024 * 1024;
    let write = async |title: &str, body: String| {
        site.post("/api/posts", &json!({"title": title, "body": body})).await.json(201);
    };
    write("Small, long ago", "A word.".to_owned()).await;
    write("Large", "word ".repeat(mebibyte / 5)).await;
    // Escaping makes several characters in the feed of each of its characters.
    write("Grows", format!("In words.\n\n    {}", "<&".repeat(300_000))).await;
    write("Medium", "medium ".repeat(60_000)).await;
    write("Small", "A word.".to_owned()).await;
    let told = feed(&site.get("/feed.xml").await);
    let whole = |entry: &super::Entry| (entry.title.clone(), entry.content.is_some());
    let told: Vec<_> = told
        .entries
        .iter()
        .map(|entry| {
            assert!(entry.summary.as_ref().is_some_and(|summary| summary.len() < 400));
            whole(entry)
        })
        .collect();
    let expected = [
        ("Small", true),
        ("Medium", true),
        ("Grows", false),
        ("Large", false),
        ("Small, long ago", true),
    ];
    assert_eq!(told, expected.map(|(title, is_whole)| (title.to_owned(), is_whole)));
    site.stop().await;
}

#[actix_web::test]
async fn a_feed_has_only_published_posts_for_any_reader() {
    let behind = Behind::start().await;
    let later = "2999-01-01T00:00:00Z";
    for status in ["draft", "scheduled", "archived", "published"] {
        let fields = json!({
            "title": format!("A {status} post"), "body": "b", "status": status, "tags": [status],
            "publish_at": later,
        });
        behind.post(0, &fields).await;
    }
    for cookie in [None, Some(0), Some(1)] {
        for path in ["/feed.xml", "/tags/published/feed.xml", "/authors/ada/feed.xml"] {
            let answer = behind.send(cookie, "GET", path, &Value::Null).await;
            let told = feed(&answer);
            let titles: Vec<_> = told.entries.iter().map(|entry| &*entry.title).collect();
            assert_eq!(titles, ["A published post"], "{path}");
            assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
            assert!(answer.header("set-cookie").is_none());
        }
        for path in ["/tags/draft", "/tags/scheduled", "/tags/archived", "/authors/bob"] {
            let path = format!("{path}/feed.xml");
            let none = behind.send(cookie, "GET", &path, &Value::Null).await;
            assert_eq!(none.error(404), "feed not found", "{path}");
        }
    }
    behind.site.stop().await;
}
