//! Limits per account and per address under accounts access.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Accounts, PASSWORD, Role};
use crate::support::{Answer, Raw, within};

/// Sends requests until one is refused. Returns the number of accepted ones and the refusal.
async fn until_refused(mut ask: impl AsyncFnMut() -> Answer) -> (usize, Answer) {
    for count in 0..50 {
        let answer = ask().await;
        if answer.status == 429 {
            let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=3600).contains(&wait), "{wait}");
            return (count, answer);
        }
        assert!(answer.status < 400, "{}", answer.status);
    }
    panic!("nothing was refused");
}

#[actix_web::test]
async fn comments_are_limited_by_account_and_by_address() {
    let accounts = Accounts::start_with(|config| {
        config.allowances.comments_per_account = 3;
        config.allowances.comments_per_address = 5;
    })
    .await;
    let path = format!("/api/posts/{}/comments", accounts.post_of(Role::Author).await);
    let body = json!({"body": "b"});
    let ask = |role| accounts.send(role, Method::POST, &path, &body);
    assert_eq!(until_refused(|| ask(Role::Other)).await.0, 3);
    // Another account has its own allowance, but the address has little left.
    assert_eq!(until_refused(|| ask(Role::Commenter)).await.0, 2);
    assert_eq!(ask(Role::Admin).await.status, 429);
    // Forms count too.
    let form = path.trim_start_matches("/api").to_owned();
    assert_eq!(accounts.form(Role::Admin, &form, "body=b").await, 429);
    accounts.stop().await;
}

#[actix_web::test]
async fn searches_are_limited_by_account_and_by_address() {
    let accounts = Accounts::start_with(|config| {
        config.allowances.searches_per_account = 3;
        config.allowances.searches_per_address = 5;
    })
    .await;
    let ask = |role| accounts.send(role, Method::GET, "/api/search?q=words", &Value::Null);
    assert_eq!(until_refused(|| ask(Role::Other)).await.0, 3);
    assert_eq!(until_refused(|| ask(Role::Nobody)).await.0, 2);
    let (mut page, status) = accounts.open(Role::Nobody, "/search?q=words", "text/html").await;
    assert_eq!(status, 429);
    let _ = page.is_closed().await;
    accounts.stop().await;
}

#[actix_web::test]
async fn new_accounts_are_limited_by_address() {
    let accounts = Accounts::start_with(|config| {
        // `Accounts` registers four at the start.
        config.allowances.registrations_per_address = 6;
    })
    .await;
    let mut number = 0;
    let (made, _) = until_refused(async || {
        number += 1;
        let user = json!({"username": format!("user-{number}"), "password": PASSWORD});
        accounts.send(Role::Nobody, Method::POST, "/api/users", &user).await
    })
    .await;
    assert_eq!(made, 2);
    accounts.stop().await;
}

#[actix_web::test]
async fn an_account_that_writes_too_much_is_limited_and_others_are_not() {
    let accounts = Accounts::start_with(|config| {
        config.allowances.writes_per_account = 500_000;
        config.allowances.writes_per_address = 0;
    })
    .await;
    let post = json!({"title": "A large one", "body": "b".repeat(150_000)});
    let ask = |role| accounts.send(role, Method::POST, "/api/posts", &post);
    let (written, refused) = until_refused(|| ask(Role::Author)).await;
    // Each costs 150,000 bytes plus 16 KiB.
    assert!((3..=4).contains(&written), "{written}");
    assert!(refused.error(429).contains("account"));
    assert_eq!(ask(Role::Other).await.status, 201);
    let list = accounts.send(Role::Author, Method::GET, "/api/posts", &Value::Null).await;
    assert_eq!(list.status, 200);
    accounts.stop().await;
}

#[actix_web::test]
async fn upload_quotas_limit_every_account_except_admins() {
    let accounts = Accounts::start_with(|config| config.quotas.uploads = Some(700)).await;
    let upload = async |role, seed: u8| {
        let picture = [
            b"GIF89a\x03\0\x02\0\0\0\0\x2c\0\0\0\0\x03\0\x02\0\0\x02\xff".as_slice(),
            &[seed; 255],
            b"\0;",
        ];
        let headers = [("cookie", accounts.cookie(role)), ("content-type", "image/gif")];
        let body = picture.concat().into();
        accounts.site().send(Method::POST, "/api/uploads", &headers, body).await
    };
    let first = upload(Role::Other, 1).await.json(201);
    upload(Role::Other, 2).await.json(201);
    assert!(upload(Role::Other, 3).await.error(403).contains("reached its limit"));
    // Uploading a stored file again needs no room, and others have their own quotas.
    assert_eq!(upload(Role::Other, 1).await.json(201), first);
    upload(Role::Author, 3).await.json(201);
    for seed in 4..8 {
        upload(Role::Admin, seed).await.json(201);
    }
    accounts.stop().await;
}

#[actix_web::test]
async fn quotas_limit_every_account_except_admins() {
    let accounts = Accounts::start_with(|config| {
        config.quotas.posts = Some(2);
        config.quotas.notes = Some(2);
        config.quotas.comments = Some(2);
    })
    .await;
    let post = accounts.post_of(Role::Admin).await;
    let body = json!({"title": "Title", "body": "b"});
    for (path, form) in [
        ("/api/posts".to_owned(), "/posts".to_owned()),
        ("/api/notes".to_owned(), "/notes".to_owned()),
        (format!("/api/posts/{post}/comments"), format!("/posts/{post}/comments")),
    ] {
        let ask = |role| accounts.send(role, Method::POST, &path, &body);
        let first = ask(Role::Other).await.json(201)["id"].clone();
        ask(Role::Other).await.json(201);
        assert!(ask(Role::Other).await.error(403).contains("reached its limit"), "{path}");
        let fields = "title=Title&body=b";
        assert_eq!(accounts.form(Role::Other, &form, fields).await, 403, "{form}");
        // Others have their own quotas, and admins have none.
        assert_eq!(ask(Role::Author).await.status, 201, "{path}");
        for _ in 0..3 {
            assert_eq!(ask(Role::Admin).await.status, 201, "{path}");
        }
        // Deleting makes room.
        let collection = path.rsplit('/').next().unwrap();
        let path = format!("/api/{collection}/{first}");
        let deleted = accounts.send(Role::Other, Method::DELETE, &path, &Value::Null).await;
        assert_eq!(deleted.status, 204);
        assert_eq!(accounts.form(Role::Other, &form, fields).await, 303, "{form}");
    }
    accounts.stop().await;
}

/// Sends a request for a client behind a proxy and reads only the status of the response. Returns
/// the connection and the status.
async fn from(accounts: &Accounts, client: &str, request: &str, body: &[u8]) -> (Raw, String) {
    let mut raw = Raw::connect(accounts.site()).await;
    let head = format!("{request}\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n");
    raw.send(head.as_bytes()).await;
    raw.send(body).await;
    let status = raw.read_until("\r\n").await;
    (raw, status["HTTP/1.1 ".len()..][..3].to_owned())
}

/// A site behind a proxy on this machine, with little memory for large bodies and responses.
async fn behind_a_proxy() -> Accounts {
    Accounts::start_with(|config| {
        config.reach.trusted = vec!["127.0.0.0/8".parse().unwrap()];
        config.max_responses = 4_000_000;
        config.max_bodies = 4_000_000;
    })
    .await
}

#[actix_web::test]
async fn one_address_cannot_use_up_the_response_memory() {
    let accounts = behind_a_proxy().await;
    let post = json!({"title": "A large one", "body": "b".repeat(250_000)});
    for _ in 0..3 {
        accounts.send(Role::Author, Method::POST, "/api/posts", &post).await.json(201);
    }
    let list = "GET /api/posts HTTP/1.1";
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(from(&accounts, "203.0.113.5", list, b"\r\n").await);
    }
    let taken = held.iter().filter(|(_, status)| status == "200").count();
    assert!((1..=3).contains(&taken), "{taken}");
    assert!(held.iter().all(|(_, status)| ["200", "429"].contains(&&**status)));
    // Other addresses still have their share.
    assert_eq!(from(&accounts, "203.0.113.6", list, b"\r\n").await.1, "200");
    let small = "GET /api/posts?limit=1&tag=none HTTP/1.1";
    assert_eq!(from(&accounts, "203.0.113.7", small, b"\r\n").await.1, "200");
    // A write that took effect is never reported as failed.
    let written = "POST /api/posts HTTP/1.1";
    let body = format!("{{\"title\":\"Another\",\"body\":\"{}\"}}", "b".repeat(250_000));
    let head = format!(
        "Cookie: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        accounts.cookie(Role::Author),
        body.len()
    );
    let request = [head, body].concat();
    assert_eq!(from(&accounts, "203.0.113.5", written, request.as_bytes()).await.1, "201");
    // Closing the unread connections frees their share.
    drop(held);
    within("the share is free again", async {
        while from(&accounts, "203.0.113.5", list, b"\r\n").await.1 != "200" {}
    })
    .await;
    accounts.stop().await;
}

#[actix_web::test]
async fn one_address_cannot_use_up_the_body_memory() {
    let accounts = behind_a_proxy().await;
    let post = accounts.post_of(Role::Author).await;
    let cookie = accounts.cookie(Role::Commenter);
    let head = |length: usize| {
        format!(
            "Cookie: {cookie}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let request = format!("POST /api/posts/{post}/comments HTTP/1.1");
    let head_of = format!("{request}\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.5\r\n");
    let next = format!("{}{}", head(300_000), " ".repeat(300_000));
    // Once the server holds that body, the address's next one is refused. Before, either may be.
    let held = within("the server holds the body", async {
        loop {
            let mut raw = Raw::connect(accounts.site()).await;
            raw.send([head_of.clone(), head(900_000)].concat().as_bytes()).await;
            raw.send(&vec![b' '; 899_000]).await;
            for _ in 0..3 {
                if from(&accounts, "203.0.113.5", &request, next.as_bytes()).await.1 == "429" {
                    return raw;
                }
            }
        }
    })
    .await;
    let comment = format!("{{\"body\":\"b\",\"more\":\"{}\"}}", "x".repeat(900_000));
    let body = format!("{}{comment}", head(comment.len()));
    assert_eq!(from(&accounts, "203.0.113.6", &request, body.as_bytes()).await.1, "201");
    drop(held);
    // An address with no other body under way may send a larger one.
    let large = format!("{{\"body\":\"b\",\"more\":\"{}\"}}", "x".repeat(2_000_000));
    let body = format!("{}{large}", head(large.len()));
    within("the share is free again", async {
        while from(&accounts, "203.0.113.5", &request, body.as_bytes()).await.1 != "201" {}
    })
    .await;
    accounts.stop().await;
}
