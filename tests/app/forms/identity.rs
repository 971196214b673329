//! Forms that are submitted by another account than the one they were made for.

use kilonova::access::CommentRules;
use serde_json::json;

use super::{Browser, accounts, text, value};
use crate::support::Site;

#[actix_web::test]
async fn a_form_is_never_stored_under_another_name() {
    for open in [true, false] {
        let site = Site::start_with(|config| {
            if !open {
                accounts(config)
            }
        })
        .await;
        let ann = Browser::of(&site, "ann").await;
        let bob = Browser::of(&site, "bob").await;
        let guest = Browser::guest(&site);
        let made = [("title", "A post"), ("body", "b")];
        assert_eq!(ann.send("/posts", &made).await.status, 303);
        assert_eq!(ann.send("/notes", &[("title", "t"), ("body", "b")]).await.status, 303);
        let before = site.get("/api/events?after=0").await.json(200)["last_event_id"].clone();
        let pages = ["/posts/new", "/posts/1/edit", "/posts/1-a-post", "/notes", "/notes/1/edit"];
        let targets = ["/posts", "/posts/1", "/posts/1/comments", "/notes", "/notes/1"];
        for (page, target) in pages.into_iter().zip(targets) {
            assert_eq!(value(&ann.page(page).await, "as"), "ann", "{page}");
            for (browser, made_for, status, says) in [
                (&guest, "ann", 401, "ann, who is now signed out"),
                (&bob, "ann", 409, "written as ann; now bob is signed in"),
                (&bob, "", 409, "without an account; now bob is signed in"),
            ] {
                let fields = [
                    ("as", made_for),
                    ("title", "A title <b>"),
                    ("body", "All of my </textarea>text"),
                    ("author", "Ada"),
                ];
                let refused = browser.send(target, &fields).await;
                let shown = text(&refused);
                assert_eq!(refused.status, status, "{target}: {shown}");
                assert!(
                    shown.contains("\nAll of my &#60;/textarea&#62;text</textarea>"),
                    "{shown}"
                );
                // A guest who may not write gets another message, which asks to sign in.
                let is_told = shown.contains(says) || (status == 401 && shown.contains("ann, who"));
                assert!(is_told, "{target}: {shown}");
                assert_eq!(shown.contains("/login?next="), status == 401, "{target}: {shown}");
            }
        }
        for target in ["/posts/1/delete", "/notes/1/delete"] {
            assert_eq!(bob.send(target, &[("as", "ann")]).await.status, 409);
            assert_eq!(guest.send(target, &[("as", "ann")]).await.status, 401);
        }
        let wrong = [("as", "ann"), ("name", "Mine")];
        assert_eq!(bob.send("/account/tokens", &wrong).await.status, 409);
        let after = site.get("/api/events?after=0").await.json(200)["last_event_id"].clone();
        assert_eq!(after, before, "something was written");
        site.stop().await;
    }
}

#[actix_web::test]
async fn a_text_is_sent_under_the_new_name_after_confirmation() {
    let site = Site::start_with(accounts).await;
    let ann = Browser::of(&site, "ann").await;
    let bob = Browser::of(&site, "bob").await;
    let fields = [("as", "ann"), ("title", "A post"), ("body", "b"), ("idempotency_key", "1")];
    let page = text(&bob.send("/posts", &fields).await);
    assert!(page.contains("<button>Send it as bob</button>"), "{page}");
    // The main part begins with the returned form.
    let (_, form) = page.split_once("<main").unwrap();
    assert_eq!((value(form, "as"), value(form, "idempotency_key")), ("bob", "1"));
    let again = [("as", "bob"), ("title", "A post"), ("body", "b"), ("idempotency_key", "1")];
    assert_eq!(bob.send("/posts", &again).await.status, 303);
    assert_eq!(site.get("/api/posts/1").await.json(200)["author"], "bob");
    // After Ann signs in again elsewhere, the form is submitted unchanged.
    let page = text(&Browser::guest(&site).send("/posts", &fields).await);
    let (_, form) = page.split_once("<main").unwrap();
    assert_eq!(value(form, "as"), "ann");
    assert_eq!(ann.send("/posts", &fields).await.status, 303);
    site.stop().await;
}

#[actix_web::test]
async fn a_comment_refused_after_signing_out_can_be_sent_as_a_guest() {
    let site = Site::start_with(|config| {
        accounts(config);
        config.comments = CommentRules { guests: true, holds_newcomers: false };
    })
    .await;
    let ann = Browser::of(&site, "ann").await;
    ann.send("/posts", &[("title", "A post"), ("body", "b")]).await;
    let guest = Browser::guest(&site);
    let refused = guest.send("/posts/1/comments", &[("as", "ann"), ("body", "Mine")]).await;
    assert_eq!(refused.status, 401);
    let page = text(&refused);
    assert!(page.contains("\nMine</textarea>") && page.contains("id=\"comment-author\""), "{page}");
    assert!(page.contains("name=\"as\" value=\"\""), "{page}");
    let sent = guest.send("/posts/1/comments", &[("as", ""), ("body", "Mine")]).await;
    assert_eq!(sent.header("location"), Some("/posts/1?comment=held#write-comment"));
    let list = site.get("/api/posts/1/comments").await.json(200);
    assert_eq!(list["comments"], json!([]));
    site.stop().await;
}
