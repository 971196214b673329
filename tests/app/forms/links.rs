//! Links through which people without an account read a draft.

use serde_json::json;

use super::{Browser, accounts, assert_leads, text};
use crate::support::{Answer, Site, secrets};

/// Starts a site with a draft by Ann.
async fn start() -> Site {
    let site = Site::start_with(accounts).await;
    let ann = Browser::of(&site, "ann").await;
    let draft = [("title", "A secret draft"), ("body", "Its *text*"), ("status", "draft")];
    assert_leads(&ann.send("/posts", &draft).await, "/posts/1");
    site
}

/// The path of the link that a page shows.
#[track_caller]
fn link(made: &Answer) -> String {
    assert_eq!(made.status, 201, "{}", text(made));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let page = text(made);
    let (_, rest) = page.split_once("/drafts/").expect("a link");
    let token = rest.split('<').next().unwrap();
    assert_eq!(token.len(), 32, "{page}");
    // From now on the token must not occur in any log or page.
    secrets::know(token);
    format!("/drafts/{token}")
}

#[actix_web::test]
async fn a_link_shows_its_draft_to_anyone_and_opens_nothing_else() {
    let site = start().await;
    let (ann, guest) = (Browser::of(&site, "ann").await, Browser::guest(&site));
    assert!(ann.page("/posts/1/edit").await.contains("Create a link"));
    let path = link(&ann.send("/posts/1/links", &[("as", "ann")]).await);
    for reader in [&guest, &Browser::of(&site, "eve").await] {
        let shown = reader.get(&path).await;
        assert_eq!(shown.status, 200, "{}", text(&shown));
        assert_eq!(shown.header("cache-control"), Some("no-store"));
        assert_eq!(shown.header("x-robots-tag"), Some("noindex"));
        assert_eq!(shown.header("referrer-policy"), Some("no-referrer"));
        let page = text(&shown);
        assert!(
            page.contains("Its <em>text</em>") && page.contains(">A secret draft</h1>"),
            "{page}"
        );
        for absent in ["<form", "data-live", "comments-title", "/drafts/", ">eve<"] {
            assert!(!page.contains(absent), "{absent} is in {page}");
        }
    }
    // The link opens nothing but this page.
    for closed in ["/api/posts/1", "/posts/1", "/api/posts/1/comments", "/posts/1/body"] {
        assert_eq!(guest.get(closed).await.status, 404, "{closed}");
    }
    assert!(!text(&guest.get("/feed.xml").await).contains("secret"));
    let page = ann.page("/posts/1/edit").await;
    assert!(page.contains("Revoke") && !page.contains("/drafts/"), "shown again: {page}");
    for wrong in ["/drafts/", "/drafts/0", "/drafts/0123456789abcdef0123456789abcdef"] {
        assert_eq!(guest.get(wrong).await.status, 404, "{wrong}");
    }
    assert_eq!(guest.get(&path.to_uppercase().replace("DRAFTS", "drafts")).await.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn a_link_works_again_when_its_draft_is_restored() {
    let site = start().await;
    let (ann, guest) = (Browser::of(&site, "ann").await, Browser::guest(&site));
    let path = link(&ann.send("/posts/1/links", &[]).await);
    assert_eq!(ann.send("/posts/1/delete", &[]).await.status, 303);
    assert_eq!(guest.get(&path).await.status, 404);
    assert_leads(&ann.send("/bin/1/restore", &[]).await, "/posts/1");
    assert_eq!(guest.get(&path).await.status, 200);
    site.stop().await;
}

#[actix_web::test]
async fn a_link_ends_by_revocation_expiry_or_publication() {
    let site = start().await;
    let (ann, guest) = (Browser::of(&site, "ann").await, Browser::guest(&site));
    let mut paths = Vec::new();
    for _ in 0..3 {
        paths.push(link(&ann.send("/posts/1/links", &[]).await));
    }
    let eve = Browser::of(&site, "eve").await;
    assert_eq!(eve.send("/posts/1/links/1/delete", &[]).await.status, 404);
    assert_leads(&ann.send("/posts/1/links/1/delete", &[]).await, "/posts/1/edit#links");
    assert_eq!(ann.send("/posts/1/links/1/delete", &[]).await.status, 404);
    assert_eq!(guest.get(&paths[0]).await.status, 404);
    assert_eq!(guest.get(&paths[1]).await.status, 200);
    let over = "UPDATE draft_links SET expires_at = '2020-01-01 00:00:00' WHERE id = 2";
    site.home().execute(over);
    assert_eq!(guest.get(&paths[1]).await.status, 404);
    assert_eq!(ann.page("/posts/1/edit").await.matches(">Revoke<").count(), 1);
    // The link also works while the post is scheduled.
    let at = [("status", "scheduled"), ("publish_at", "2999-01-01T00:00")];
    assert_eq!(ann.send("/posts/1", &at).await.status, 303);
    assert_eq!(guest.get(&paths[2]).await.status, 200);
    assert_eq!(ann.send("/posts/1", &[("status", "published")]).await.status, 303);
    assert_eq!(guest.get(&paths[2]).await.status, 404);
    assert!(!ann.page("/posts/1/edit").await.contains("Create a link"));
    assert_eq!(ann.send("/posts/1/links", &[]).await.status, 422);
    assert_eq!(ann.send("/posts/1", &[("status", "draft")]).await.status, 303);
    assert_eq!(guest.get(&paths[2]).await.status, 404, "an ended link works again");
    let last = link(&ann.send("/posts/1/links", &[]).await);
    assert_eq!(ann.send("/posts/1/delete", &[]).await.status, 303);
    assert_eq!(guest.get(&last).await.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn the_number_of_links_to_a_draft_is_limited() {
    let site = Site::start_with(|config| config.quotas.draft_links = Some(2)).await;
    let draft = json!({"title": "A draft", "body": "b", "status": "draft"});
    site.post("/api/posts", &draft).await.json(201);
    // Links exist under open access too.
    let guest = Browser::guest(&site);
    for _ in 0..2 {
        let path = link(&guest.send("/posts/1/links", &[]).await);
        assert_eq!(guest.get(&path).await.status, 200);
    }
    assert!(!guest.page("/posts/1/edit").await.contains("Create a link"));
    assert_eq!(guest.send("/posts/1/links", &[]).await.status, 422);
    guest.send("/posts/1/links/1/delete", &[]).await;
    link(&guest.send("/posts/1/links", &[]).await);
    site.stop().await;
}
