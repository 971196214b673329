//! Refused forms: the page keeps the typed text and shows the error at the form.

use kilonova_test::postgres::Cluster;
use serde_json::json;

use super::{Browser, accounts, assert_leads, text, value};
use crate::databases::Home;
use crate::support::Site;

/// Creates a post with this many comments.
async fn thread(site: &Site, comments: usize) {
    site.new_post("Discussed").await;
    for n in 1..=comments {
        site.new_comment(1, &format!("Number {n}")).await;
    }
}

/// The address of the next page of a thread.
fn next(page: &str) -> String {
    let (_, rest) = page.split_once("rel=\"next\" href=\"").expect("a next page");
    rest.split(['"', '#']).next().unwrap().replace("&#38;", "&")
}

#[actix_web::test]
async fn a_refused_comment_is_shown_on_its_page_of_the_thread() {
    let site = Site::start_with(|config| config.allowances.comments_per_address = 0).await;
    thread(&site, 45).await;
    let guest = Browser::guest(&site);
    let second = next(&guest.page("/posts/1-discussed").await);
    let third = next(&guest.page(&second).await);
    let page = guest.page(&third).await;
    let (_, rest) = page.split_once("action=\"/posts/1/comments").unwrap();
    let action = format!("/posts/1/comments{}", rest.split('"').next().unwrap());
    assert!(action.contains("?cursor="), "{action}");

    let refused = guest.send(&action, &[("body", "  "), ("author", "Ada")]).await;
    assert_eq!(refused.status, 422);
    let page = text(&refused);
    assert!(page.contains("id=\"comment-45\"") && !page.contains("id=\"comment-1\""), "{page}");
    assert!(page.contains("The comment can&#39;t be blank."), "{page}");
    assert!(page.contains("name=\"body\" autofocus"), "{page}");
    assert_eq!(page.matches(" autofocus").count(), 1);
    assert!(page.contains("name=\"author\" value=\"Ada\""), "{page}");
    // The same address, loaded with GET.
    let query = action.split('?').nth(1).unwrap();
    assert_leads(&guest.get(&action).await, &format!("/posts/1?{query}#write-comment"));

    let long = "x".repeat(64 * 1024 + 1);
    let refused = guest.send(&action, &[("body", &long), ("author", &"y".repeat(101))]).await;
    assert_eq!(refused.status, 422);
    let page = text(&refused);
    assert!(page.contains(&format!("\n{long}</textarea>")));
    assert!(page.contains("name=\"author\" autofocus"), "the first invalid field is not focused");
    site.stop().await;
}

#[actix_web::test]
async fn a_comment_refused_by_a_lock_or_a_limit_keeps_its_text() {
    let site = Site::start_with(|config| {
        accounts(config);
        config.allowances.comments_per_account = 1;
    })
    .await;
    let ann = Browser::of(&site, "ann").await;
    ann.send("/posts", &[("title", "A post"), ("body", "b")]).await;
    ann.send("/posts/1", &[("comments_locked", "true")]).await;
    let bob = Browser::of(&site, "bob").await;
    for (status, says) in [(403, "Comments are locked."), (429, "Too many comments")] {
        let refused = bob.send("/posts/1/comments", &[("as", "bob"), ("body", "My text")]).await;
        let page = text(&refused);
        assert_eq!(refused.status, status, "{page}");
        assert!(page.contains(says) && page.contains("\nMy text</textarea>"), "{page}");
        assert!(page.contains("name=\"body\" autofocus"), "{page}");
        assert_eq!(refused.header("retry-after").is_some(), status == 429);
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_form_whose_target_was_deleted_keeps_its_text() {
    let site = Site::start().await;
    site.new_post("Short-lived").await;
    site.new_note("Short-lived").await;
    let guest = Browser::guest(&site);
    let versions = [guest.page("/posts/1/edit").await, guest.page("/notes/1/edit").await];
    site.delete("/api/posts/1").await;
    site.delete("/api/notes/1").await;
    for (at, kind) in versions.iter().zip(["post", "note"]) {
        let path = format!("/{kind}s/1");
        let fields = [
            ("version", value(at, "version")),
            ("as", ""),
            ("title", "Kept"),
            ("body", "My text"),
            ("tags", "a, b"),
            ("author", "Ada"),
        ];
        let refused = guest.send(&path, &fields).await;
        let page = text(&refused);
        assert_eq!(refused.status, 404);
        assert!(page.contains(&format!("This {kind} was deleted")), "{page}");
        assert!(page.contains("deleted while you were editing it"), "{page}");
        assert!(page.contains("\nMy text</textarea>") && page.contains("value=\"a, b\""), "{page}");
        assert!(page.contains(&format!("action=\"/{kind}s\"")), "{page}");
        assert!(!page.contains("name=\"version\""), "{page}");
        let sent = guest.send(&format!("/{kind}s"), &fields[1..]).await;
        assert_eq!(sent.status, 303);
    }
    let refused = guest.send("/posts/1/comments", &[("body", "My comment")]).await;
    assert_eq!(refused.status, 404);
    assert!(text(&refused).contains("readonly>\nMy comment</textarea>"));
    site.stop().await;
}

#[actix_web::test]
async fn a_rate_limited_form_keeps_its_text() {
    let site = Site::start_with(|config| {
        accounts(config);
        config.allowances.writes_per_account = 1;
    })
    .await;
    let ann = Browser::of(&site, "ann").await;
    let fields = [("as", "ann"), ("title", "Kept"), ("body", "My text")];
    // Refused before its body is read.
    let refused = loop {
        let answer = ann.send("/posts", &fields).await;
        if answer.status != 303 {
            break answer;
        }
    };
    let page = text(&refused);
    assert_eq!(refused.status, 429, "{page}");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.header("connection"), Some("close"));
    assert!(page.contains("\nMy text</textarea>") && page.contains("value=\"Kept\""), "{page}");
    // A body too long for a text is not read.
    let long = [("as", "ann"), ("title", "Kept"), ("body", &*"x".repeat(5 * 1024 * 1024))];
    let refused = ann.send("/posts", &long).await;
    assert_eq!(refused.status, 429);
    assert!(refused.body.len() < 100_000);
    site.stop().await;
}

#[actix_web::test]
async fn a_form_keeps_its_text_when_the_database_is_unavailable() {
    let Some(postgres) = Cluster::start(&[]) else { return };
    let site = Site::start_in(Home::on(&postgres.url()), accounts).await;
    let ann = Browser::of(&site, "ann").await;
    ann.send("/posts", &[("title", "A post"), ("body", "b")]).await;
    postgres.down("immediate");
    for path in ["/posts", "/posts/1", "/posts/1/comments", "/notes", "/notes/1"] {
        let fields =
            [("as", "ann"), ("title", "Kept"), ("body", "My text"), ("idempotency_key", "k1")];
        let refused = ann.send(path, &fields).await;
        let page = text(&refused);
        assert_eq!(refused.status, 503, "{path}: {page}");
        assert!(refused.header("retry-after").is_some());
        assert!(page.contains("\nMy text</textarea>") && page.contains("value=\"Kept\""), "{page}");
        assert!(page.contains(&format!("action=\"{path}\"")), "{page}");
        assert!(page.contains("name=\"idempotency_key\" value=\"k1\""), "{page}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_sign_in_returns_to_the_page_it_started_from() {
    let site = Site::start_with(accounts).await;
    let ann = Browser::of(&site, "ann").await;
    ann.send("/posts", &[("title", "A post"), ("body", "b")]).await;
    let guest = Browser::guest(&site);
    let page = guest.page("/posts/1-a-post?cursor=1_2").await;
    let back = "%2Fposts%2F1-a-post%3Fcursor%3D1_2";
    assert!(page.contains(&format!("class=\"account\" href=\"/login?next={back}\"")), "{page}");
    assert!(page.contains(&format!("href=\"/login?next={back}%23write-comment\"")), "{page}");
    let gone = text(&guest.get("/posts/99").await);
    assert!(gone.contains("href=\"/login?next=%2Fposts%2F99\""), "{gone}");
    // The sign-in page does not return to itself.
    let login = guest.page("/login?next=/notes").await;
    assert!(login.contains("class=\"account\" href=\"/login?next=%2Fnotes\""), "{login}");

    for path in ["/login", "/register"] {
        assert_leads(&ann.get(path).await, "/");
        assert_leads(&ann.get(&format!("{path}?next=/notes")).await, "/notes");
        assert_leads(&ann.get(&format!("{path}?next=//evil.example")).await, "/");
    }
    site.stop().await;
}

#[actix_web::test]
async fn an_error_page_names_the_signed_in_account() {
    let site = Site::start_with(accounts).await;
    let ann = Browser::of(&site, "ann").await;
    for (path, status) in [("/posts/99", 404), ("/nowhere", 404), ("/posts/new?x", 200)] {
        let answer = ann.get(path).await;
        assert_eq!(answer.status, status);
        let page = text(&answer);
        assert!(page.contains("<bdi id=\"signed-in\">ann</bdi>"), "{path}: {page}");
        assert!(page.contains("href=\"/posts/new\""), "{path}: {page}");
        assert!(answer.header("cache-control").unwrap().contains("private"), "{path}");
        let mut varies = answer.headers.get_all("vary").map(|name| name.to_str().unwrap());
        assert!(varies.any(|names| names.contains("cookie")), "{path}: {:?}", answer.headers);
        let page = text(&Browser::guest(&site).get(path).await);
        assert!(!page.contains("signed-in"), "{page}");
    }
    let refused = ann.send("/posts/99/delete", &[("as", "ann")]).await;
    assert!(text(&refused).contains("<bdi id=\"signed-in\">ann</bdi>"));
    site.stop().await;
}

#[actix_web::test]
async fn opening_a_forms_address_redirects_to_its_page() {
    let site = Site::start().await;
    thread(&site, 21).await;
    let guest = Browser::guest(&site);
    for (path, to) in [
        ("/posts", "/"),
        ("/posts/1/comments", "/posts/1#write-comment"),
        ("/posts/1/delete", "/posts/1"),
        ("/notes/1/delete", "/notes/1"),
        ("/comments/21/delete", "/posts/1?comment=21#comment-21"),
        ("/comments/21/state", "/posts/1?comment=21#comment-21"),
        ("/account/password", "/account"),
    ] {
        assert_leads(&guest.get(path).await, to);
    }
    assert_eq!(guest.get("/comments/99/delete").await.status, 404);
    // Following a link does not sign out.
    assert_eq!(guest.get("/logout").await.status, 405);
    site.stop().await;
}

#[actix_web::test]
async fn a_link_to_a_comment_opens_its_page_of_the_thread() {
    let site = Site::start_with(|config| config.allowances.comments_per_address = 0).await;
    thread(&site, 45).await;
    let guest = Browser::guest(&site);
    for n in [1, 20, 21, 40, 45] {
        let page = guest.page(&format!("/posts/1-discussed?comment={n}")).await;
        assert!(page.contains(&format!("id=\"comment-{n}\"")), "{n}: {page}");
        assert!(page.contains(&format!("href=\"/posts/1?comment={n}#comment-{n}\"")), "{page}");
    }
    // The post's address without the slug keeps the parameter in its redirect.
    let led = guest.get("/posts/1?comment=45").await;
    assert_eq!((led.status, led.header("location")), (301, Some("/posts/1-discussed?comment=45")));
    // Any other value shows the first page.
    site.post("/api/posts", &json!({"title": "Another", "body": "b"})).await.json(201);
    let other = site.new_comment(2, "Elsewhere").await["id"].clone();
    for wrong in [other.to_string(), "99".into(), "-1".into(), "held".into(), "x".repeat(500)] {
        let page = guest.page(&format!("/posts/1-discussed?comment={wrong}")).await;
        assert!(
            page.contains("id=\"comment-1\"") && !page.contains("id=\"comment-21\""),
            "{wrong}"
        );
    }
    // Posting a comment redirects to its page of the thread.
    let sent = guest.send("/posts/1/comments", &[("body", "The last")]).await;
    assert_leads(&sent, "/posts/1?comment=47#comment-47");
    site.stop().await;
}

#[actix_web::test]
async fn a_link_does_not_reveal_a_hidden_comment() {
    let site = Site::start_with(|config| {
        accounts(config);
        config.allowances.comments_per_account = 0;
    })
    .await;
    let ann = Browser::of(&site, "ann").await;
    ann.send("/posts", &[("title", "A post"), ("body", "b")]).await;
    for n in 1..=25 {
        let body = format!("Number {n}");
        ann.send("/posts/1/comments", &[("as", "ann"), ("body", &body)]).await;
    }
    ann.send("/comments/25/state", &[("as", "ann"), ("state", "hidden")]).await;
    let page = ann.page("/posts/1-a-post?comment=25").await;
    assert!(page.contains("id=\"comment-25\""), "{page}");
    let page = Browser::guest(&site).page("/posts/1-a-post?comment=25").await;
    assert!(page.contains("id=\"comment-1\"") && !page.contains("Number 25"), "{page}");
    let led = Browser::guest(&site).get("/comments/25/delete").await;
    assert_eq!(led.status, 404);
    site.stop().await;
}
