//! The sitemap and `robots.txt`.

use roxmltree::Document;
use serde_json::{Value, json};

use super::{Behind, PUBLIC};
use crate::support::{Answer, Raw, Site};

/// The addresses in a sitemap or a sitemap index, with their times.
#[track_caller]
fn addresses(answer: &Answer, root: &str) -> Vec<(String, Option<String>)> {
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/xml; charset=utf-8"));
    let text = std::str::from_utf8(&answer.body).unwrap();
    let document = Document::parse(text).expect("XML");
    let name = document.root_element().tag_name();
    assert_eq!(
        (name.namespace(), name.name()),
        (Some("http://www.sitemaps.org/schemas/sitemap/0.9"), root)
    );
    let text = |node: roxmltree::Node<'_, '_>, name: &str| {
        let child = node.children().find(|child| child.tag_name().name() == name)?;
        child.text().map(str::to_owned)
    };
    let all = document.root_element().children().filter(roxmltree::Node::is_element);
    all.map(|node| (text(node, "loc").unwrap(), text(node, "lastmod"))).collect()
}

#[actix_web::test]
async fn the_sitemap_has_exactly_the_public_pages() {
    let behind = Behind::start().await;
    let mut expected = vec![(format!("{PUBLIC}/"), None)];
    for (title, status) in [
        ("A published post", "published"),
        ("Größe & 日記", "published"),
        ("🎉🎉🎉", "published"),
        ("An archived post", "archived"),
        ("A draft", "draft"),
        ("A scheduled post", "scheduled"),
    ] {
        let fields = json!({
            "title": title, "body": "b", "status": status, "publish_at": "2999-01-01T00:00:00Z",
        });
        let post = behind.post(0, &fields).await;
        if matches!(status, "published" | "archived") {
            let slug = match title {
                "Größe & 日記" => "-gr%C3%B6%C3%9Fe-%E6%97%A5%E8%A8%98",
                "🎉🎉🎉" => "",
                "An archived post" => "-an-archived-post",
                _ => "-a-published-post",
            };
            let at = post["updated_at"].as_str().unwrap();
            let at = format!("{}Z", at.split('.').next().unwrap());
            expected.push((format!("{PUBLIC}/posts/{}{slug}", post["id"]), Some(at)));
        }
    }
    for cookie in [None, Some(0)] {
        let answer = behind.send(cookie, "GET", "/sitemap.xml", &Value::Null).await;
        assert_eq!(addresses(&answer, "urlset"), expected);
    }
    // Each is the page's canonical address.
    for (address, _) in &expected {
        let path = address.strip_prefix(PUBLIC).unwrap();
        assert_eq!(behind.get(path).await.status, 200, "{path}");
    }
    behind.site.stop().await;
}

#[actix_web::test]
async fn a_large_site_has_an_index_of_its_sitemaps() {
    let site = Site::start().await;
    for title in ["First", "Last of a part", "First of the next", "Far", "A draft, farther"] {
        site.new_post(title).await;
    }
    for (number, id) in [(2, 10_000), (3, 10_001), (4, 123_456), (5, 234_567)] {
        site.home().execute(&format!("UPDATE posts SET id = {id} WHERE id = {number}"));
    }
    site.home().execute("UPDATE posts SET status = 'draft' WHERE id = 234567");
    let here = format!("http://127.0.0.1:{}", site.port);
    let part = |number: u32| (format!("{here}/sitemaps/{number}.xml"), None);
    let index = site.get("/sitemap.xml").await;
    assert_eq!(addresses(&index, "sitemapindex"), [part(1), part(2), part(13)]);
    let mut found = Vec::new();
    for number in [1, 2, 13] {
        let part = site.get(&format!("/sitemaps/{number}.xml")).await;
        found.extend(addresses(&part, "urlset").into_iter().map(|(address, _)| address));
    }
    let expected = [
        "/",
        "/posts/1-first",
        "/posts/10000-last-of-a-part",
        "/posts/10001-first-of-the-next",
        "/posts/123456-far",
    ];
    assert_eq!(found, expected.map(|path| format!("{here}{path}")));
    for none in ["0", "3", "01", "24", "9223372036854775807", "-1", "x", "1.xml", "%31%20"] {
        let answer = site.get(&format!("/sitemaps/{none}.xml")).await;
        assert_eq!(answer.error(404), "sitemap not found", "{none}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_sitemap_is_304_until_something_is_written() {
    let site = Site::start().await;
    let post = site.new_post("A post").await;
    let ask = async |path: &str, tag: &str| {
        Raw::connect(&site).await.request("GET", path, &[("If-None-Match", tag)], b"").await
    };
    for path in ["/sitemap.xml", "/sitemaps/1.xml"] {
        let tag = ask(path, "").await.header("etag").unwrap().to_owned();
        assert_eq!(ask(path, &tag).await.status, 304);
        let change = json!({"body": format!("Changed for {path}")});
        site.put(&format!("/api/posts/{}", post["id"]), &change).await.json(200);
        assert_eq!(ask(path, &tag).await.status, 200);
    }
    site.stop().await;
}

#[actix_web::test]
async fn robots_txt_disallows_paths_below_the_sites_path() {
    let site = Site::start().await;
    let answer = site.get("/robots.txt").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.starts_with("User-agent: *\n"), "{text}");
    for path in ["/login", "/register", "/account", "/posts/new", "/search", "/api/"] {
        assert!(text.contains(&format!("\nDisallow: {path}\n")), "{text}");
    }
    assert!(text.ends_with(&format!("\nSitemap: http://127.0.0.1:{}/sitemap.xml\n", site.port)));
    site.stop().await;
    let behind = Behind::start().await;
    let text = behind.get("/robots.txt").await;
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    let rules: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("Disallow: ")).collect();
    assert!(rules.contains(&"/notes/daily/login"), "{text}");
    assert!(rules.iter().all(|path| path.starts_with("/notes/daily/")), "{text}");
    assert!(text.ends_with(&format!("\nSitemap: {PUBLIC}/sitemap.xml\n")), "{text}");
    behind.site.stop().await;
}
