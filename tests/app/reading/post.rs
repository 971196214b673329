//! A post's page: its author, table of contents, reading time, comments and neighbouring posts.

use serde_json::{Value, json};

use super::{between, html};
use crate::support::Site;

async fn post(site: &Site, title: &str, fields: Value) -> i64 {
    let mut all = json!({"title": title, "body": "b"});
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    site.post("/api/posts", &all).await.json(201)["id"].as_i64().unwrap()
}

/// The page of a post, with any slug.
async fn show(site: &Site, id: i64) -> String {
    html(site, &format!("/posts/{id}")).await
}

#[actix_web::test]
async fn a_long_text_has_a_table_of_contents() {
    let site = Site::start().await;
    let body = "## One <b>x</b>\n\n### Two & a half\n\na\n\n#### Deeper\n\n## comments\n";
    let page = show(&site, post(&site, "Long", json!({"body": body})).await).await;
    let contents = between(&page, "<details class=\"contents\">", "</details>");
    let links: Vec<&str> =
        contents.split("<a ").skip(1).map(|link| link.split("</a>").next().unwrap()).collect();
    let own = "href=\"#post-1--comments\">comments";
    assert_eq!(links, ["href=\"#one-x\">One x", "href=\"#two--a-half\">Two &amp; a half", own]);
    for link in links {
        let id = between(link, "#", "\"");
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
    let short =
        show(&site, post(&site, "Short", json!({"body": "## One\n\n## Two\n"})).await).await;
    assert!(!short.contains("class=\"contents\""), "{short}");
    site.stop().await;
}

#[actix_web::test]
async fn a_post_links_to_the_previous_and_next_published_posts() {
    let site = Site::start().await;
    let mut ids = Vec::new();
    for (title, status) in [
        ("First", "published"),
        ("Draft", "draft"),
        ("Second", "published"),
        ("Unlisted", "archived"),
        ("Third", "published"),
    ] {
        ids.push(post(&site, title, json!({"status": status})).await);
    }
    // Posts with the same time are ordered by id.
    site.home().execute(
        "UPDATE posts SET published_at = '2026-01-01 10:00:00' \
                         WHERE status = 'published'",
    );
    let beside = |page: &str| {
        let title = |rel: &str| {
            let (_, rest) = page.split_once(&format!("<a rel=\"{rel}\" "))?;
            Some(between(rest, "<span dir=\"auto\">", "</span>").to_owned())
        };
        (title("prev"), title("next"))
    };
    let some = |title: &str| Some(title.to_owned());
    for (id, expected) in [
        (ids[0], (None, some("Second"))),
        (ids[1], (None, None)),
        (ids[2], (some("First"), some("Third"))),
        (ids[3], (None, None)),
        (ids[4], (some("Second"), None)),
    ] {
        assert_eq!(beside(&show(&site, id).await), expected, "{id}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn visible_comments_are_counted_and_the_newest_is_linked() {
    let site = Site::start().await;
    let id = post(&site, "A post", json!({})).await;
    let top = |page: &str| between(page, "<header>", "</header>").to_owned();
    assert!(top(&show(&site, id).await).contains("data-comments>No comments</a>"));
    assert!(html(&site, "/").await.contains("data-comments>No comments</a>"));
    for number in 1..=45 {
        site.new_comment(id, &format!("Comment {number}")).await;
    }
    site.home().execute("UPDATE comments SET state = 'hidden' WHERE body = 'Comment 3'");
    let page = show(&site, id).await;
    assert!(top(&page).contains(">44 comments</a>"), "{page}");
    let front = html(&site, "/").await;
    let link =
        format!("<a href=\"/posts/{id}-a-post#comments-title\" data-comments>44 comments</a>");
    assert!(front.contains(&link), "{front}");
    // Each page of the thread links to the newest comment.
    let newest = between(&top(&page), "</a> <a href=\"", "\"").to_owned();
    let (path, fragment) = newest.split_once('#').unwrap();
    let last = html(&site, path).await;
    assert!(last.contains(&format!("id=\"{fragment}\"")), "{last}");
    assert!(last.contains("Comment 45") && !last.contains("Comment 25<"), "{last}");
    assert_eq!(between(&top(&last), "</a> <a href=\"", "\""), newest);
    site.stop().await;
}

#[actix_web::test]
async fn an_accounts_name_links_to_its_page() {
    let site = Site::start().await;
    let fields = json!({"username": "ada", "password": "correct horse"});
    let ada = site.post("/api/users", &fields).await.json(201)["id"].as_i64().unwrap();
    let own = post(&site, "Own", json!({"body": "word ".repeat(500)})).await;
    let imported = post(&site, "Imported", json!({})).await;
    site.home()
        .execute(&format!("UPDATE posts SET author = 'ada', user_id = {ada} WHERE id = {own}"));
    site.home().execute(&format!("UPDATE posts SET author = 'ada' WHERE id = {imported}"));
    let link = "by <a href=\"/authors/ada\"><bdi>ada</bdi></a></span> <span>3 min read</span>";
    assert!(show(&site, own).await.contains(link));
    let free = "by <bdi>ada</bdi></span> <span>1 min read</span>";
    assert!(show(&site, imported).await.contains(free));
    let front = html(&site, "/").await;
    assert!(front.contains(link) && front.contains(free), "{front}");
    site.stop().await;
}
