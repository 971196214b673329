//! Addresses that posts had before their site was imported.

use kilonova::db;
use kilonova::models::old_address::{self, Claimed, Target};
use kilonova::reach::PublicUrl;
use serde_json::json;

use crate::support::{Answer, Raw, Site};

async fn ask(site: &Site, path: &str, headers: &[(&str, &str)]) -> Answer {
    Raw::connect(site).await.ask("GET", path, headers, b"").await
}

async fn claim(site: &Site, address: &'static str, id: i64) -> Claimed {
    let claimed = site.db().transaction(move |tx| {
        let claimed = old_address::claim(tx.connection, address, Target::Post(id));
        claimed.map_err(db::Error::from)
    });
    claimed.await.unwrap().value
}

#[actix_web::test]
async fn an_old_address_redirects_to_its_post() {
    let site = Site::start().await;
    site.new_post("Moved here").await;
    for address in ["/2020/01/02/hello/", "/posts/hello.html", "/日記/", "/a b"] {
        assert_eq!(claim(&site, address, 1).await, Claimed::Yes, "{address}");
        assert_eq!(claim(&site, address, 1).await, Claimed::Yes, "{address}");
    }
    for (old, new) in [
        ("/2020/01/02/hello/", "/posts/1-moved-here"),
        ("/2020/01/02/hello", "/posts/1-moved-here"),
        ("/2020/01/02/hello/index.html?a=b", "/posts/1-moved-here?a=b"),
        ("/2020/01/02/hello.html", "/posts/1-moved-here"),
        ("/posts/hello", "/posts/1-moved-here"),
        ("/%E6%97%A5%E8%A8%98", "/posts/1-moved-here"),
        ("/a%20b", "/posts/1-moved-here"),
    ] {
        for accept in ["text/html", "*/*"] {
            let answer = ask(&site, old, &[("Accept", accept)]).await;
            assert_eq!((answer.status, answer.header("location")), (301, Some(new)), "{old}");
            // Browsers cache permanent redirects, but the post may be deleted.
            assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        }
    }
    let head = Raw::connect(&site).await.ask("HEAD", "/posts/hello", &[], b"").await;
    assert_eq!(head.status, 301);
    let post = Raw::connect(&site).await.ask("POST", "/posts/hello", &[], b"").await;
    assert_ne!(post.status, 301);
    assert_eq!(ask(&site, "/2020/01/02/hullo/", &[]).await.status, 404);
    assert_eq!(ask(&site, "/api/2020/01/02/hello", &[]).await.status, 404);
    // A request for a picture is not redirected to a page.
    let picture = ask(&site, "/posts/hello", &[("Sec-Fetch-Dest", "image")]).await;
    assert_eq!(picture.status, 403);
    site.stop().await;
}

#[actix_web::test]
async fn a_trailing_slash_redirects_to_the_page() {
    let site = Site::start().await;
    site.new_post("First").await;
    for (asked, led) in [
        ("/archive/", "/archive"),
        ("/tags/", "/tags"),
        ("/tags/rust/?a=b", "/tags/rust?a=b"),
        ("/tags/%2F%2Fexample.org/", "/tags/%2F%2Fexample.org"),
        ("/posts/1/", "/posts/1"),
    ] {
        let answer = ask(&site, asked, &[("Accept", "text/html")]).await;
        assert_eq!((answer.status, answer.header("location")), (301, Some(led)), "{asked}");
    }
    // A claimed old address takes precedence.
    let led = async || ask(&site, "/posts/hello/", &[]).await.header("location").map(str::to_owned);
    assert_eq!(led().await.as_deref(), Some("/posts/hello"));
    assert_eq!(claim(&site, "/posts/hello/", 1).await, Claimed::Yes);
    assert_eq!(led().await.as_deref(), Some("/posts/1-first"));
    for missing in ["//", "//example.org/", "/nothing/", "/api/posts/", "/archive//"] {
        assert_eq!(ask(&site, missing, &[]).await.status, 404, "{missing}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn old_addresses_work_below_the_sites_path() {
    let site = Site::start_with(|config| {
        config.reach.public = PublicUrl::parse("http://localhost/blog");
    })
    .await;
    site.post("/blog/api/posts", &json!({"title": "First", "body": "x"})).await.json(201);
    assert_eq!(claim(&site, "/blog/2020/hello/", 1).await, Claimed::Yes);
    // An address of another site, which was at the root.
    assert_eq!(claim(&site, "/2021/hello/", 1).await, Claimed::Yes);
    for old in ["/blog/2020/hello/", "/blog/2021/hello/", "/blog/blog/2020/hello/"] {
        let answer = ask(&site, old, &[]).await;
        let led = Some("/blog/posts/1-first");
        assert_eq!((answer.status, answer.header("location")), (301, led), "{old}");
    }
    assert_eq!(ask(&site, "/blog/hello/", &[]).await.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn an_old_address_shadows_no_route_and_no_post() {
    let site = Site::start().await;
    site.new_post("First").await;
    for own in ["/", "/posts/17", "/api/posts/1", "/notes", "/search", "/login/", "/tags/rust/"] {
        assert_eq!(claim(&site, own, 1).await, Claimed::Reserved, "{own}");
    }
    assert_eq!(claim(&site, "no path", 1).await, Claimed::Invalid);
    assert_eq!(claim(&site, "/posts/2-old", 1).await, Claimed::Yes);
    let led = ask(&site, "/posts/2-old", &[]).await;
    assert_eq!(led.header("location"), Some("/posts/1-first"));
    site.new_post("Second").await;
    let led = ask(&site, "/posts/2-old", &[]).await;
    assert_eq!(led.header("location"), Some("/posts/2-second"));
    assert_eq!(claim(&site, "/posts/2-old", 2).await, Claimed::Taken);
    site.stop().await;
}

#[actix_web::test]
async fn an_old_address_reveals_nothing_about_a_draft() {
    let site = Site::start().await;
    let draft = json!({"title": "A secret", "body": "b", "status": "draft"});
    site.post("/api/posts", &draft).await.json(201);
    assert_eq!(claim(&site, "/old", 1).await, Claimed::Yes);
    assert_eq!(ask(&site, "/old", &[]).await.status, 404);
    site.patch("/api/posts/1", &json!({"status": "published"})).await.json(200);
    assert_eq!(ask(&site, "/old", &[]).await.header("location"), Some("/posts/1-a-secret"));
    site.delete("/api/posts/1").await;
    assert_eq!(ask(&site, "/old", &[]).await.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn the_address_of_an_old_feed_redirects_to_the_feed() {
    let site = Site::start().await;
    for (old, new) in [
        ("/index.xml", "/feed.xml"),
        ("/atom.xml", "/feed.xml"),
        ("/rss.xml", "/feed.xml"),
        ("/feed/", "/feed.xml"),
        ("/tags/rust/index.xml", "/tags/rust/feed.xml"),
        ("/category/a%2Fb/feed/", "/tags/a%2Fb/feed.xml"),
    ] {
        let answer = ask(&site, old, &[]).await;
        assert_eq!((answer.status, answer.header("location")), (301, Some(new)), "{old}");
    }
    for none in ["/a/index.xml", "/tags/index.xml", "/tags//index.xml", "/tags/a/b/index.xml"] {
        assert_eq!(ask(&site, none, &[]).await.status, 404, "{none}");
    }
    site.stop().await;
}
