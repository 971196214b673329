//! Comments from guests and from accounts whose sign-in has ended: which are accepted, and which
//! text a moderator approves.

use actix_web::http::Method;
use kilonova::access::CommentRules;
use serde_json::{Value, json};

use super::{Accounts, Role, sign_in};
use crate::support::Raw;

const GUESTS: CommentRules = CommentRules { guests: true, holds_newcomers: false };

async fn start() -> (Accounts, i64) {
    let accounts = Accounts::start_with(|config| {
        config.comments = GUESTS;
        config.quotas.held_comments = Some(3);
    })
    .await;
    let post = accounts.post_of(Role::Author).await;
    (accounts, post)
}

/// Submits a form with this cookie, without following redirects.
async fn form(accounts: &Accounts, cookie: &str, path: &str, fields: &str) -> (u16, String) {
    let mut headers =
        vec![("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded")];
    if !cookie.is_empty() {
        headers.push(("cookie", cookie));
    }
    let mut raw = Raw::connect(accounts.site()).await;
    let answer = raw.ask("POST", path, &headers, fields.as_bytes()).await;
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

#[actix_web::test]
async fn the_queue_of_guest_comments_is_bounded() {
    let (accounts, post) = start().await;
    let path = format!("/api/posts/{post}/comments");
    let written = json!({"body": "From outside"});
    let write = async |role| accounts.send(role, Method::POST, &path, &written).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(write(Role::Nobody).await.json(201));
    }
    let refused = write(Role::Nobody).await;
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.error(429), "too many comments wait for approval");
    // Accounts are not affected.
    write(Role::Commenter).await.json(201);
    let first = format!("/api/comments/{}", held[0]["id"]);
    let approved = json!({"state": "visible"});
    accounts.send(Role::Admin, Method::PATCH, &first, &approved).await.json(200);
    write(Role::Nobody).await.json(201);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_comment_sent_after_signing_out_is_not_posted_as_a_guest() {
    let (accounts, post) = start().await;
    let cookie = sign_in(accounts.site(), super::NAMES[Role::Commenter as usize]).await;
    let headers = [("cookie", cookie.as_str()), ("content-type", "application/json")];
    let ended = accounts.site().send(Method::DELETE, "/api/session", &headers, "".into()).await;
    assert_eq!(ended.status, 204);
    let path = format!("/api/posts/{post}/comments");
    let body = r#"{"body":"Written as somebody"}"#;
    let refused = accounts.site().send(Method::POST, &path, &headers, body.into()).await;
    assert_eq!(refused.error(401), "sign in first");
    // A form names the account it was made for, whoever submits it now.
    let page = format!("/posts/{post}/comments");
    let fields = format!("body=Mine&as={}", super::NAMES[Role::Commenter as usize]);
    for (cookie, status) in [("", 401), (&cookie, 401), (accounts.cookie(Role::Other), 409)] {
        let (refused, page) = form(&accounts, cookie, &page, &fields).await;
        assert_eq!(refused, status);
        assert!(page.contains("Nothing was sent.") && page.contains("\nMine</textarea>"), "{page}");
    }
    let list = accounts.send(Role::Admin, Method::GET, &path, &Value::Null).await.json(200);
    assert_eq!(list["comments"], json!([]));
    assert_eq!(form(&accounts, accounts.cookie(Role::Commenter), &page, &fields).await.0, 303);
    accounts.stop().await;
}

#[actix_web::test]
async fn an_approval_holds_for_the_text_that_the_moderator_read() {
    let accounts = Accounts::start_with(|config| {
        config.comments = CommentRules { guests: false, holds_newcomers: true };
    })
    .await;
    let post = accounts.post_of(Role::Author).await;
    let path = format!("/api/posts/{post}/comments");
    let nice = json!({"body": "A lovely post"});
    let held = accounts.send(Role::Commenter, Method::POST, &path, &nice).await.json(201);
    let read = accounts.site();
    let cookie = accounts.cookie(Role::Author);
    let headers = [("accept", "text/html"), ("cookie", cookie)];
    let page = read.send(Method::GET, "/moderation", &headers, "".into()).await;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    let seen = page.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let comment = format!("/api/comments/{}", held["id"]);
    let spam = json!({"body": "Buy something"});
    accounts.send(Role::Commenter, Method::PUT, &comment, &spam).await.json(200);
    let approve = format!("/comments/{}/state", held["id"]);
    let fields = format!("state=visible&seen={seen}");
    assert_eq!(form(&accounts, cookie, &approve, &fields).await.0, 412);
    let list = accounts.send(Role::Author, Method::GET, &path, &Value::Null).await.json(200);
    assert_eq!(list["comments"][0]["state"], "held");
    accounts.send(Role::Commenter, Method::PUT, &comment, &nice).await.json(200);
    assert_eq!(form(&accounts, cookie, &approve, &fields).await.0, 303);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_guests_idempotency_key_is_scoped_to_its_address() {
    let accounts = Accounts::start_with(|config| {
        config.comments = GUESTS;
        config.reach.trusted = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let post = accounts.post_of(Role::Author).await;
    let path = format!("/api/posts/{post}/comments");
    let write = async |address: &str, body: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("x-forwarded-for", address),
            ("idempotency-key", "1"),
        ];
        let body = json!({ "body": body }).to_string();
        accounts.site().send(Method::POST, &path, &headers, body.into()).await.json(201)["id"]
            .clone()
    };
    let first = write("203.0.113.5", "Hello").await;
    assert_eq!(write("203.0.113.5", "Hello").await, first);
    assert_ne!(write("203.0.113.6", "Hello").await, first);
    write("203.0.113.7", "Another text").await;
    accounts.stop().await;
}

#[actix_web::test]
async fn locking_a_thread_does_not_change_its_post() {
    let (accounts, post) = start().await;
    let path = format!("/api/posts/{post}");
    let before = accounts.send(Role::Author, Method::GET, &path, &Value::Null).await.json(200);
    let lock = json!({"comments_locked": true});
    let locked = accounts.send(Role::Author, Method::PATCH, &path, &lock).await.json(200);
    assert_eq!(locked["comments_locked"], true);
    assert_eq!(locked["updated_at"], before["updated_at"]);
    accounts.stop().await;
}

#[actix_web::test]
async fn one_address_cannot_fill_the_guest_queue() {
    let accounts = Accounts::start_with(|config| {
        config.comments = GUESTS;
        config.allowances.guest_comments_per_address = 2;
    })
    .await;
    let post = accounts.post_of(Role::Author).await;
    let path = format!("/api/posts/{post}/comments");
    let write = async |role| {
        accounts.send(role, Method::POST, &path, &json!({"body": "From outside"})).await
    };
    // A refused comment does not count.
    for _ in 0..3 {
        accounts.send(Role::Nobody, Method::POST, &path, &json!({"body": ""})).await.json(422);
        assert_eq!(form(&accounts, "", &format!("/posts/{post}/comments"), "body=").await.0, 422);
    }
    write(Role::Nobody).await.json(201);
    assert_eq!(form(&accounts, "", &format!("/posts/{post}/comments"), "body=b").await.0, 303);
    let refused = write(Role::Nobody).await;
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1800).contains(&wait), "{wait}");
    refused.error(429);
    // Accounts at the same address are not affected.
    write(Role::Commenter).await.json(201);
    accounts.stop().await;
}
