//! The owner's settings: name, description, links, footer, icon, colour and style.

use std::sync::Arc;

use kilonova::reach::PublicUrl;
use kilonova::site::Icon;

use super::{between, flagged, html, page, text};
use crate::support::Site;

/// Starts a site with these flags.
async fn site(flags: &[&str]) -> Site {
    let owner = flagged(flags).unwrap().site;
    Site::start_with(move |config| config.site = owner).await
}

#[actix_web::test]
async fn the_owners_texts_are_in_titles_header_heading_footer_and_feeds() {
    let flags = [
        "--site-name",
        "Ada & <b>sons</b>",
        "--site-description",
        "Engines, \"looms\"",
        "--site-footer",
        "© Ada, [imprint](/posts/1)",
    ];
    let site = site(&flags).await;
    site.new_post("A post").await;
    let name = "Ada &#38; &#60;b&#62;sons&#60;/b&#62;";
    let front = html(&site, "/").await;
    assert_eq!(between(&front, "<title>", "</title>"), name);
    assert_eq!(between(&front, "<h1 dir=\"auto\">", "</h1>"), name);
    assert!(front.contains("<p class=\"description\" dir=\"auto\">Engines, &#34;looms&#34;</p>"));
    assert!(between(&front, "class=\"brand\"", "</a>").ends_with(&format!("<bdi>{name}</bdi>")));
    assert!(between(&front, "<footer", "</footer>").contains("<a href=\"/posts/1\""));
    let post = html(&site, "/posts/1-a-post").await;
    assert_eq!(between(&post, "<title>", "</title>"), format!("A post · {name}"));
    let missing = text(&page(&site, "/nothing").await);
    assert!(between(&missing, "<title>", "</title>").ends_with(name));
    let feed = text(&site.get("/feed.xml").await);
    assert_eq!(between(&feed, "<title>", "</title>"), "Ada &amp; &lt;b&gt;sons&lt;/b&gt;");
    assert!(feed.contains("<subtitle>Engines, &quot;looms&quot;</subtitle>"), "{feed}");
    site.stop().await;
}

#[actix_web::test]
async fn a_new_site_name_changes_a_feeds_etag() {
    let first = site(&["--site-name", "One"]).await;
    let tag = first.get("/feed.xml").await.header("etag").unwrap().to_owned();
    let home = first.stop_keeping_data().await;
    let owner = flagged(&["--site-name", "Two"]).unwrap().site;
    let second = Site::start_in(home, move |config| config.site = owner).await;
    assert_ne!(second.get("/feed.xml").await.header("etag"), Some(&*tag));
    second.stop().await;
}

#[actix_web::test]
async fn the_owners_colour_and_icon_are_cached_until_they_change() {
    let mut owner = (*flagged(&["--accent-color", "#ff6600"]).unwrap().site).clone();
    // An icon file with one bitmap.
    let mut file = vec![0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 32, 0, 4, 0, 0, 0, 22, 0, 0, 0];
    file.extend([40, 0, 0, 0]);
    owner.icon = Some(Icon::of(&file).unwrap());
    let site = Site::start_with(move |config| config.site = Arc::new(owner)).await;
    let front = html(&site, "/").await;
    let sheet = between(&front, "<link rel=\"stylesheet\" href=\"/static/site.css", "\"");
    let sheet = site.get(&format!("/static/site.css{sheet}")).await;
    assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(text(&sheet).contains("--accent: #ff6600"), "no tone for the dark theme");
    let icon = between(&front, "<link rel=\"icon\" type=\"image/x-icon\" href=\"", "\"").to_owned();
    assert!(between(&front, "class=\"brand\"", "</a>").contains(&format!("src=\"{icon}\"")));
    let icon = site.get(&icon).await;
    assert_eq!((icon.status, &icon.body[..]), (200, &file[..]));
    for answer in [&sheet, &icon] {
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let other = site.get("/static/site-icon.ico?v=other").await;
    assert_eq!(other.header("cache-control"), Some("no-cache"));
    assert_eq!(site.get("/static/site-icon.png").await.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn the_owners_links_and_style_are_on_every_page() {
    let sheet = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(sheet.path(), "main { max-inline-size: 60rem }").unwrap();
    let flags = [
        "--site-link",
        "About & <us>=/posts/1-about",
        "--site-link",
        "Shop=https://shop.example.org/?a=\"b",
        "--accent-color",
        "#ff6600",
        "--site-style",
        sheet.path().to_str().unwrap(),
    ];
    let owner = flagged(&flags).unwrap().site;
    let site = Site::start_with(move |config| {
        config.site = owner;
        config.reach.public = PublicUrl::parse("http://localhost/blog");
    })
    .await;
    for path in ["/blog/", "/blog/archive", "/blog/nothing"] {
        let page = text(&page(&site, path).await);
        let nav = between(&page, "<nav aria-label=\"Site\">", "</nav>");
        let about = "<a href=\"/blog/posts/1-about\"><bdi>About &#38; &#60;us&#62;</bdi></a>";
        let shop = "<a href=\"https://shop.example.org/?a=%22b\"><bdi>Shop</bdi></a>";
        assert!(nav.trim_end().ends_with(shop) && nav.contains(about), "{nav}");
        let sheets: Vec<_> = page.split("rel=\"stylesheet\" href=\"").skip(1).collect();
        assert!(sheets.len() > 1 && sheets[0].starts_with("/blog/static/style.css"), "{page}");
        assert!(sheets[sheets.len() - 1].starts_with("/blog/static/site.css"), "{page}");
    }
    let own = text(&site.get("/blog/static/site.css").await);
    let (colour, rules) = (own.find("--accent: "), own.find("main { max-inline-size: 60rem }"));
    assert!(colour.is_some() && rules > colour, "{own}");
    site.stop().await;
}

#[test]
fn invalid_flags_about_the_site_are_refused_by_name() {
    let svg = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(svg.path(), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    let svg = svg.path().to_str().unwrap();
    let (binary, long) =
        (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(binary.path(), b"a { content: '\xff' }").unwrap();
    std::fs::write(long.path(), " ".repeat(64 * 1024 + 1)).unwrap();
    for (flag, value, words) in [
        ("--site-name", " ", "can't be blank"),
        ("--site-name", "a\nb", "one line"),
        ("--site-name", "\u{202e}a", "one line"),
        ("--site-name", &*"x".repeat(61), "at most 60"),
        ("--site-description", &*"x".repeat(201), "at most 200"),
        ("--site-footer", &*"x".repeat(1001), "at most 1000"),
        ("--accent-color", "purple", "#5b2a86"),
        ("--site-icon", "/nowhere/at.png", "No such file"),
        ("--site-icon", svg, "svg"),
        ("--site-style", "/nowhere/at.css", "No such file"),
        ("--site-style", binary.path().to_str().unwrap(), "utf-8"),
        ("--site-style", long.path().to_str().unwrap(), "at most 64 KiB"),
        ("--site-link", "About", "LABEL=ADDRESS"),
        ("--site-link", "About=//evil.example", "LABEL=ADDRESS"),
        ("--site-link", "About=javascript:alert(1)", "LABEL=ADDRESS"),
        ("--site-link", "=/about", "can't be blank"),
        ("--site-link", "a=/,b=/,c=/,d=/,e=/,f=/,g=/", "at most 6 links"),
    ] {
        let error = flagged(&[flag, value]).unwrap_err().to_string();
        assert!(error.starts_with(flag) && error.contains(words), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let empty = ["--site-description", "", "--accent-color", "", "--site-link", ""];
    assert!(flagged(&empty).is_ok());
}
