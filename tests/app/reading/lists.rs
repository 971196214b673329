//! Tags, authors and the archive: only published posts, the same for everyone.

use serde_json::{Value, json};

use super::{between, html, page, text};
use crate::support::{Answer, Raw, Site};

/// Creates a post with a title, a body and these fields.
async fn post(site: &Site, title: &str, fields: Value) -> i64 {
    let mut all = json!({"title": title, "body": "b"});
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    site.post("/api/posts", &all).await.json(201)["id"].as_i64().unwrap()
}

/// The titles of a page's cards.
fn titles(page: &str) -> Vec<&str> {
    let cards = page.split("<li class=\"card\"").skip(1);
    let link = |card| between(between(card, "<h2", "</h2>"), "<a ", "</a>");
    cards.map(|card| link(card).rsplit_once('>').unwrap().1).collect()
}

/// The tags that `/tags` shows, with their counts.
async fn counted(site: &Site) -> Vec<(String, String)> {
    let page = html(site, "/tags").await;
    let rows = page.split("<span class=\"number\">").collect::<Vec<_>>();
    let pairs = rows.windows(2).map(|pair| {
        let tag = pair[0].rsplit_once("<bdi>").unwrap().1.split_once("</bdi>").unwrap().0;
        (tag.to_owned(), pair[1].split_once('<').unwrap().0.to_owned())
    });
    pairs.collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(tag, posts)| ((*tag).to_owned(), (*posts).to_owned())).collect()
}

#[actix_web::test]
async fn a_tags_page_has_its_published_posts() {
    let site = Site::start().await;
    for number in 0..25 {
        post(&site, &format!("Post {number}"), json!({"tags": ["a/b & c"]})).await;
        post(&site, "Other", json!({"tags": ["other"]})).await;
    }
    for status in ["draft", "archived"] {
        post(&site, "Not listed", json!({"tags": ["a/b & c"], "status": status})).await;
    }
    let first = html(&site, "/tags/a%2Fb%20%26%20c").await;
    let expected: Vec<String> = (5..25).rev().map(|number| format!("Post {number}")).collect();
    assert_eq!(titles(&first), expected);
    let next = between(&first, "rel=\"next\" href=\"", "\"");
    assert!(next.starts_with("/tags/a%2Fb%20%26%20c?cursor="), "{next}");
    assert_eq!(
        titles(&html(&site, next).await),
        ["Post 4", "Post 3", "Post 2", "Post 1", "Post 0"]
    );
    // A page links to itself by its canonical address.
    assert!(first.contains("<a href=\"/tags/a%2Fb%20%26%20c\"><bdi>a/b &#38; c</bdi>"), "{first}");
    // A list of drafts does not link tags, whose pages may not exist.
    let drafts = html(&site, "/?status=draft").await;
    assert!(drafts.contains("<li><bdi>a/b &#38; c</bdi></li>"), "{drafts}");
    site.stop().await;
}

#[actix_web::test]
async fn old_links_to_a_tag_redirect_to_its_page() {
    let site = Site::start().await;
    for tag in ["a/b", "."] {
        post(&site, "A post", json!({"tags": [tag]})).await;
    }
    for (old, new) in [
        ("/?tag=a%2Fb", "/tags/a%2Fb"),
        (
            "/?tag=a/b&status=published&cursor=1795338307123456_2",
            "/tags/a%2Fb?cursor=1795338307123456_2",
        ),
        ("/?x=%C3%BC&tag=none", "/tags/none?x=%C3%BC"),
    ] {
        // Without following the redirect.
        let accept = [("Accept", "text/html")];
        let answer = Raw::connect(&site).await.request("GET", old, &accept, b"").await;
        assert_eq!((answer.status, answer.header("location")), (301, Some(new)), "{old}");
    }
    // Browsers remove path segments that consist of dots.
    assert_eq!(titles(&html(&site, "/?tag=.").await), ["A post"]);
    assert!(html(&site, "/tags").await.contains("href=\"/?tag=.\""));
    assert_eq!(page(&site, "/?tag=draft&status=draft").await.status, 200);
    for none in ["/tags/none", "/tags/%00", "/tags/%FF", "/tags/a", "/tags/none?cursor=0_1"] {
        assert_eq!(page(&site, none).await.status, 404, "{none}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn tags_count_published_posts() {
    let site = Site::start().await;
    assert!(html(&site, "/tags").await.contains("No published post has a tag yet."));
    let one = post(&site, "One", json!({"tags": ["Rust", "actix", "<i>"]})).await;
    let two = post(&site, "Two", json!({"tags": ["Rust"], "status": "draft"})).await;
    let three = post(&site, "Three", json!({"tags": ["Rust"], "status": "archived"})).await;
    let hidden = json!({"tags": ["secret"], "status": "draft"});
    post(&site, "Hidden", hidden).await;
    let of = [("&#60;i&#62;", "1"), ("actix", "1"), ("Rust", "1")];
    assert_eq!(counted(&site).await, pairs(&of));
    for (id, fields, rust) in [
        (two, json!({"status": "published"}), "2"),
        (three, json!({"status": "published"}), "3"),
        (one, json!({"tags": ["actix"]}), "2"),
        (one, json!({"title": "Changed"}), "2"),
        (one, json!({"tags": ["actix", "Rust"]}), "3"),
        (two, json!({"status": "draft"}), "2"),
        (three, json!({"status": "archived", "tags": ["Rust", "more"]}), "1"),
    ] {
        site.put(&format!("/api/posts/{id}"), &fields).await.json(200);
        let found = counted(&site).await;
        assert!(found.contains(&("Rust".to_owned(), rust.to_owned())), "{fields}: {found:?}");
        assert!(!found.iter().any(|(tag, _)| tag == "secret" || tag == "more"), "{found:?}");
    }
    site.delete(&format!("/api/posts/{one}")).await;
    assert_eq!(counted(&site).await, []);
    site.stop().await;
}

#[actix_web::test]
async fn many_tags_have_several_pages() {
    let site = Site::start().await;
    for number in 0..30 {
        let tags: Vec<String> = (0..20).map(|tag| format!("tag {number:02} {tag:02}")).collect();
        post(&site, "A post", json!({"tags": tags})).await;
    }
    let first = html(&site, "/tags").await;
    let next = between(&first, "rel=\"next\" href=\"", "\"").to_owned();
    let second = html(&site, &next).await;
    let number = |page: &str| page.matches("<span class=\"number\">").count();
    assert_eq!((number(&first), number(&second)), (500, 100));
    assert!(!second.contains("rel=\"next\""), "{second}");
    site.stop().await;
}

#[actix_web::test]
async fn an_authors_page_reveals_no_account_without_a_published_post() {
    let site = Site::start().await;
    let fields = json!({"username": "ada", "password": "correct horse"});
    let ada = site.post("/api/users", &fields).await.json(201)["id"].as_i64().unwrap();
    let draft = post(&site, "A draft", json!({"status": "draft"})).await;
    let old = post(&site, "Unlisted", json!({"status": "archived"})).await;
    let own = |id: i64| {
        site.home()
            .execute(&format!("UPDATE posts SET author = 'ada', user_id = {ada} WHERE id = {id}"));
    };
    own(draft);
    own(old);
    let about = |name: &str, answer: &Answer| {
        assert_eq!(answer.status, 404, "{name}");
        text(answer)
    };
    for query in ["", "?cursor=0_1", "?cursor=1795338307123456_2"] {
        let known = about("ada", &page(&site, &format!("/authors/ada{query}")).await);
        let unknown = about("eve", &page(&site, &format!("/authors/eve{query}")).await);
        // The pages differ only in the name, in their links to sign in.
        assert_eq!(
            known,
            unknown.replace("authors/eve", "authors/ada").replace("authors%2Feve", "authors%2Fada")
        );
    }
    let published = post(&site, "A post", json!({})).await;
    own(published);
    post(&site, "Of nobody", json!({})).await;
    let shown = html(&site, "/authors/ADA").await;
    assert_eq!(titles(&shown), ["A post"]);
    assert!(between(&shown, "<title>", "</title>").starts_with("Posts by ada"), "{shown}");
    assert!(shown.contains("href=\"/authors/ada/feed.xml\""), "{shown}");
    site.stop().await;
}

#[actix_web::test]
async fn the_archive_is_grouped_by_year_and_month() {
    let site = Site::start().await;
    assert!(html(&site, "/archive").await.contains("No posts yet."));
    for (title, day) in [
        ("Winter", "2024-12-31 23:59:59.999999"),
        ("Spring", "2025-01-01 00:00:00.000000"),
        ("Autumn", "2025-10-02 10:00:00.000000"),
        ("Fall", "2025-10-30 10:00:00.000000"),
        ("Old", "1999-05-01 10:00:00.000000"),
    ] {
        let id = post(&site, title, json!({})).await;
        site.home().execute(&format!("UPDATE posts SET published_at = '{day}' WHERE id = {id}"));
    }
    let draft = post(&site, "Draft", json!({"status": "draft"})).await;
    site.home().execute(&format!("UPDATE posts SET inserted_at = '2001-01-01' WHERE id = {draft}"));
    let newest = html(&site, "/archive").await;
    let in_main = |page: &str| between(page, "<main", "</main>").to_owned();
    assert_eq!(in_main(&newest), in_main(&html(&site, "/archive?year=2025").await));
    let main = between(&newest, "<main", "</main>");
    let order =
        ["Archive 2025", "2025", "2024", "1999", "October", "Fall", "Autumn", "January", "Spring"];
    let mut rest = main;
    for word in order {
        rest = rest.split_once(word).unwrap_or_else(|| panic!("no {word} in {rest}")).1;
    }
    assert!(!main.contains("Winter") && !main.contains("2001"), "{main}");
    let before = html(&site, "/archive?year=2024").await;
    assert!(before.contains("December") && before.contains(">Winter</a>"), "{before}");
    for none in ["/archive?year=2001", "/archive?year=0", "/archive?year=-2147483648"] {
        assert_eq!(page(&site, none).await.status, 404, "{none}");
    }
    for bad in ["/archive?year=x", "/archive?year=99999999999"] {
        assert_eq!(page(&site, bad).await.status, 422, "{bad}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_year_with_many_posts_has_several_pages() {
    let site = Site::start().await;
    let id = post(&site, "A post", json!({})).await;
    let day = "'2020-03-01 10:00:00'";
    site.home().execute(&format!(
        "INSERT INTO posts (title, body, status, inserted_at, updated_at, published_at) \
         SELECT 'Post', 'b', 'published', {day}, {day}, {day} \
         FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 301) \
         SELECT i FROM n) AS numbers WHERE {id} > 0"
    ));
    let first = html(&site, "/archive?year=2020").await;
    let next = between(&first, "rel=\"next\" href=\"", "\"").replace("&#38;", "&");
    let second = html(&site, &next).await;
    assert_eq!(first.matches("<li><time").count() + second.matches("<li><time").count(), 301);
    assert_eq!(second.matches("<li><time").count(), 1);
    site.stop().await;
}
