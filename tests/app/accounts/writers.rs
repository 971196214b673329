//! A write with a cookie belongs to the cookie's account, whatever author it names. A write without
//! a cookie belongs to no account.

use actix_web::http::Method;
use actix_web::web::Bytes;
use serde_json::{Value, json};

use super::{JSON, register, send_form, sign_in, with};
use crate::support::{Site, assert_comment, assert_note, assert_post};

#[actix_web::test]
async fn a_write_belongs_to_its_account_whatever_author_it_names() {
    let site = Site::start().await;
    let id = register(&site, "ada").await["id"].clone();
    let cookie = sign_in(&site, "ada").await;
    let claim = json!({"title": "Mine", "body": "b", "author": "Eve", "user_id": 99});
    let send = async |path: &str| with(&site, &cookie, Method::POST, path, &claim).await.json(201);
    let post = send("/api/posts").await;
    assert_post(&post);
    assert_eq!((&post["author"], &post["user_id"]), (&json!("ada"), &id));
    let comments = format!("/api/posts/{}/comments", post["id"]);
    let comment = send(&comments).await;
    assert_comment(&comment);
    assert_eq!((&comment["author"], &comment["user_id"]), (&json!("ada"), &id));
    let note = send("/api/notes").await;
    assert_note(&note);
    assert_eq!(note["author"], "ada");
    // The response, a later read and the event agree.
    let read = site.get(&format!("/api/posts/{}", post["id"])).await.json(200);
    assert_eq!(read, post);
    let events = site.get("/api/events?after=0").await.json(200);
    let told: Vec<&Value> =
        events["events"].as_array().unwrap().iter().map(|e| &e["data"]).collect();
    assert_eq!(told, [&post, &comment, &comment, &note]);
    // A change by another account keeps the author.
    let path = format!("/api/posts/{}", post["id"]);
    let changed = site.patch(&path, &json!({"title": "Still mine", "user_id": 99})).await.json(200);
    assert_eq!((&changed["author"], &changed["user_id"]), (&json!("ada"), &id));
    site.stop().await;
}

#[actix_web::test]
async fn a_forms_write_belongs_to_its_account_whatever_author_it_names() {
    let site = Site::start().await;
    let id = register(&site, "ada").await["id"].clone();
    let cookie = sign_in(&site, "ada").await;
    let fields = "title=A+title&body=b&author=Eve&user_id=99";
    for path in ["/posts", "/posts/1/comments", "/notes"] {
        assert_eq!(send_form(&site, &cookie, path, fields).await.status, 303, "{path}");
    }
    let post = site.get("/api/posts/1").await.json(200);
    assert_eq!((&post["author"], &post["user_id"]), (&json!("ada"), &id));
    let comments = site.get("/api/posts/1/comments").await.json(200);
    let comment = &comments["comments"][0];
    assert_eq!((&comment["author"], &comment["user_id"]), (&json!("ada"), &id));
    assert_eq!(site.get("/api/notes/1").await.json(200)["author"], "ada");
    // A form announces the same events as the API.
    let log = site.get("/api/events?after=0").await.json(200);
    let topics: Vec<_> = log["events"].as_array().unwrap().iter().map(|e| &e["event"]).collect();
    assert_eq!(topics, ["post_created", "comment_created", "new_comment", "note_created"]);
    // A signed-in writer is not asked for a name, and an invalid claimed name is ignored.
    let long = format!("title=A+title&body=b&author={}", "x".repeat(5000));
    for path in ["/posts/1/comments", "/notes"] {
        assert_eq!(send_form(&site, &cookie, path, &long).await.status, 303, "{path}");
    }
    let page = site.send(Method::GET, "/posts/1", &[("cookie", &cookie)], Bytes::new()).await;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert!(
        !page.contains("id=\"comment-author\"") && page.contains("As <bdi>ada</bdi>."),
        "{page}"
    );
    site.stop().await;
}

#[actix_web::test]
async fn without_a_cookie_nothing_belongs_to_an_account() {
    let site = Site::start().await;
    register(&site, "ada").await;
    sign_in(&site, "ada").await;
    let claim = json!({"title": "A title", "body": "b", "author": "Eve", "user_id": 1});
    let post = site.post("/api/posts", &claim).await.json(201);
    assert_eq!((&post["author"], &post["user_id"]), (&Value::Null, &Value::Null));
    let comment = site.post("/api/posts/1/comments", &claim).await.json(201);
    assert_eq!((&comment["author"], &comment["user_id"]), (&json!("Eve"), &Value::Null));
    assert_eq!(site.post("/api/notes", &claim).await.json(201)["author"], "Eve");
    site.stop().await;
}

#[actix_web::test]
async fn no_account_gets_anothers_stored_response() {
    let site = Site::start().await;
    register(&site, "ada").await;
    register(&site, "eve").await;
    let (ada, eve) = (sign_in(&site, "ada").await, sign_in(&site, "eve").await);
    let create = async |cookie: &str| {
        let headers = [JSON, ("cookie", cookie), ("idempotency-key", "one")];
        let body = json!({"title": "A title", "body": "b"}).to_string();
        site.send(Method::POST, "/api/posts", &headers, Bytes::from(body)).await
    };
    let first = create(&ada).await.json(201);
    assert_eq!(create(&ada).await.json(201), first);
    // A key that one account uses is free for another account, and for guests.
    let hers = create(&eve).await.json(201);
    let nobodys = create("").await.json(201);
    assert!(hers["id"] != first["id"] && nobodys["id"] != first["id"]);
    assert!(nobodys["id"] != hers["id"]);
    for (cookie, own) in [(&*ada, &first), (&*eve, &hers), ("", &nobodys)] {
        assert_eq!(create(cookie).await.json(201), *own);
    }
    site.stop().await;
}
