//! Entity tags, preconditions, repeated POSTs, and the log position that a response reflects.

use actix_web::http::Method;
use actix_web::web::Bytes;
use serde_json::json;

use crate::support::{Raw, Site, ids};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[actix_web::test]
async fn an_edit_of_an_outdated_version_is_refused() {
    let site = Site::start().await;
    let cases = [
        (site.new_post("First").await, "/api/posts", json!({"title": "Second"})),
        (site.new_note("First").await, "/api/notes", json!({"title": "Second", "body": "b"})),
    ];
    for (thing, path, change) in cases {
        let path = format!("{path}/{}", thing["id"]);
        let read = site.get(&path).await;
        let tag = read.header("etag").unwrap().to_owned();
        let first = change.to_string();
        let edit = async |tag: &str, body: &str, method: &str| {
            let headers = [JSON, ("If-Match", tag)];
            Raw::connect(&site).await.request(method, &path, &headers, body.as_bytes()).await
        };
        let changed = edit(&tag, &first, "PUT").await;
        assert_eq!(changed.json(200)["title"], "Second");
        let newer = changed.header("etag").unwrap().to_owned();
        assert_ne!(newer, tag);
        let late = json!({"title": "Third", "body": "b"}).to_string();
        edit(&tag, &late, "PUT").await.error(412);
        edit(&tag, "", "DELETE").await.error(412);
        let now = site.get(&path).await;
        assert_eq!(now.json(200)["title"], "Second", "the late edit went through");
        assert_eq!(now.header("etag"), Some(newer.as_str()));
        // `*` matches any version, and a list matches one of several.
        assert_eq!(edit("*", &first, "PUT").await.status, 200);
        assert_eq!(edit(&format!("{tag}, {newer}"), "", "DELETE").await.status, 204);
        edit("*", &first, "PUT").await.error(404);
    }
    site.stop().await;
}

#[actix_web::test]
async fn preconditions_apply_to_reads_and_writes() {
    let site = Site::start().await;
    let path = format!("/api/posts/{}", site.new_post("First").await["id"]);
    let tag = site.get(&path).await.header("etag").unwrap().to_owned();
    let ask = async |method: &str, name: &str, tag: &str| {
        let headers = [JSON, (name, tag)];
        let body = if method == "PUT" { r#"{"title":"Second"}"# } else { "" };
        Raw::connect(&site).await.request(method, &path, &headers, body.as_bytes()).await
    };
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(ask(method, "If-Match", "\"other\"").await.status, 412, "{method}");
        // RFC 9110, section 13.1.1: the comparison is strong.
        assert_eq!(ask(method, "If-Match", &format!("W/{tag}")).await.status, 412, "{method}");
    }
    assert_eq!(ask("GET", "If-Match", &tag).await.status, 200);
    for known in [&*tag, "*", &format!("\"other\", W/{tag}")] {
        ask("PUT", "If-None-Match", known).await.error(412);
        ask("DELETE", "If-None-Match", known).await.error(412);
    }
    assert_eq!(ask("PUT", "If-None-Match", "\"other\"").await.json(200)["title"], "Second");
    site.stop().await;
}

#[actix_web::test]
async fn a_compressed_response_has_its_own_etag_for_the_same_version() {
    let site = Site::start().await;
    let body = "a long text ".repeat(1_000);
    let post = site.post("/api/posts", &json!({ "title": "Long", "body": body })).await.json(201);
    let path = format!("/api/posts/{}", post["id"]);
    let plain =
        site.send(Method::GET, &path, &[("accept-encoding", "identity")], Bytes::new()).await;
    let plain = plain.header("etag").unwrap().to_owned();
    let get = async |headers: &[(&str, &str)]| {
        Raw::connect(&site).await.request("GET", &path, headers, b"").await
    };
    let compressed = get(&[("Accept-Encoding", "gzip")]).await;
    let tag = compressed.header("etag").unwrap().to_owned();
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_eq!(tag, format!("{}-gzip\"", plain.trim_end_matches('"')));
    assert_eq!(compressed.header("vary"), Some("accept-encoding"));
    for tag in [&tag, &plain] {
        let known = get(&[("Accept-Encoding", "gzip"), ("If-None-Match", tag)]).await;
        assert_eq!((known.status, known.header("etag")), (304, Some(tag.as_str())));
    }
    let change = json!({ "title": "Changed" }).to_string();
    let edit = async |tag: &str| {
        let headers = [JSON, ("If-Match", tag)];
        Raw::connect(&site).await.request("PUT", &path, &headers, change.as_bytes()).await
    };
    assert_eq!(edit(&tag).await.status, 200);
    edit(&tag).await.error(412);
    // A page also varies with the cookie.
    for encoding in ["gzip", "identity"] {
        let page = Raw::connect(&site).await;
        let headers = [("Accept", "text/html"), ("Accept-Encoding", encoding)];
        let page = { page }.request("GET", "/", &headers, b"").await;
        let vary: Vec<_> = page.headers.get_all("vary").filter_map(|on| on.to_str().ok()).collect();
        let vary = vary.join(",").to_lowercase();
        assert!(vary.contains("cookie") && vary.contains("accept-encoding"), "{encoding}: {vary}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_client_with_the_newest_version_gets_304() {
    let site = Site::start().await;
    let post = site.new_post("Known").await;
    let path = format!("/api/posts/{}", post["id"]);
    let tag = site.get(&path).await.header("etag").unwrap().to_owned();
    let again = Raw::connect(&site).await;
    let again = again.request("GET", &path, &[("If-None-Match", &tag)], b"").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    site.put(&path, &json!({"title": "Newer"})).await.json(200);
    let newer = Raw::connect(&site).await;
    let newer = newer.request("GET", &path, &[("If-None-Match", &tag)], b"").await;
    assert_eq!(newer.json(200)["title"], "Newer");
    site.stop().await;
}

#[actix_web::test]
async fn a_repeated_post_writes_once() {
    let site = Site::start().await;
    let body = json!({"title": "Once", "body": "b", "author": "Ada"}).to_string();
    let post = async |path: &str, key: &str, body: &str| {
        let headers = [JSON, ("Idempotency-Key", key)];
        Raw::connect(&site).await.request("POST", path, &headers, body.as_bytes()).await
    };
    for path in ["/api/posts", "/api/notes", "/api/posts/1/comments"] {
        let first = post(path, "key-1", &body).await;
        for _ in 0..3 {
            let again = post(path, "key-1", &body).await;
            assert_eq!(again.json(201), first.json(201));
            for name in ["location", "etag", "last-event-id"] {
                assert_eq!(again.header(name), first.header(name), "{path}: {name}");
            }
        }
        // Field order and white space do not make it another request; content does.
        let same = r#"{ "author":"Ada", "body":"b", "title":"Once" }"#;
        assert_eq!(post(path, "key-1", same).await.json(201), first.json(201));
        post(path, "key-1", &body.replace("Once", "Twice")).await.error(422);
        assert_ne!(post(path, "key-2", &body).await.json(201)["id"], first.json(201)["id"]);
    }
    assert_eq!(ids(&site.get("/api/posts").await.json(200)["posts"]).len(), 2);
    // A refusal is not stored: the corrected request may reuse the key.
    assert_eq!(post("/api/posts", "key-3", r#"{"title":"x"}"#).await.status, 422);
    assert_eq!(post("/api/posts", "key-3", &body).await.status, 201);
    for bad in ["", &"k".repeat(256)] {
        post("/api/posts", bad, &body).await.error(422);
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_stored_response_is_redacted_with_its_subject() {
    let site = Site::start().await;
    let body = json!({"title": "Secret", "body": "secret", "author": "Ada"}).to_string();
    let post = async |path: &str| {
        let headers = [JSON, ("Idempotency-Key", "a key")];
        Raw::connect(&site).await.request("POST", path, &headers, body.as_bytes()).await.json(201)
    };
    let paths = ["/api/posts", "/api/notes", "/api/posts/1/comments"];
    for path in paths {
        assert_eq!(post(path).await["body"], "secret");
    }
    assert_eq!(site.delete("/api/notes/1").await.status, 204);
    assert_eq!(post("/api/notes").await, json!({"id": 1, "redacted": true}));
    assert_eq!(post("/api/posts").await["body"], "secret");
    // The response about a deleted post's comment is redacted too.
    assert_eq!(site.delete("/api/posts/1").await.status, 204);
    assert_eq!(post("/api/posts").await, json!({"id": 1, "redacted": true}));
    assert_eq!(post("/api/posts/1/comments").await, json!({"id": 1, "redacted": true}));
    // Nothing was written again.
    assert_eq!(ids(&site.get("/api/posts").await.json(200)["posts"]).len(), 0);
    site.stop().await;
}

#[actix_web::test]
async fn fifty_concurrent_requests_with_one_key_create_one_post() {
    let site = Site::start().await;
    let body = json!({"title": "Once", "body": "b"}).to_string();
    let headers = [JSON, ("Idempotency-Key", "the same")];
    let posts = (0..50).map(|_| async {
        let raw = Raw::connect(&site).await;
        raw.request("POST", "/api/posts", &headers, body.as_bytes()).await.json(201)
    });
    let answers = futures_util::future::join_all(posts).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(ids(&site.get("/api/posts").await.json(200)["posts"]).len(), 1);
    site.stop().await;
}

#[actix_web::test]
async fn every_response_names_its_position_in_the_log() {
    let site = Site::start().await;
    let post = site.new_post("One").await;
    let path = format!("/api/posts/{}", post["id"]);
    let comment = site.post(&format!("{path}/comments"), &json!({"body": "b"})).await;
    assert_eq!(comment.header("last-event-id"), Some("3"), "a comment has two events");
    let changed = site.put(&path, &json!({"title": "Two"})).await;
    assert_eq!(changed.header("last-event-id"), Some("4"));
    let log = changed.header("log-id").unwrap().to_owned();
    let comments = format!("{path}/comments");
    for path in [
        &path,
        &comments,
        "/api/posts",
        "/api/notes",
        "/",
        "/notes",
        "/posts/1",
        "/api/events?after=0",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("last-event-id"), Some("4"), "{path}");
        assert_eq!(answer.header("log-id"), Some(log.as_str()), "{path}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_client_that_accepts_no_encoding_gets_the_plain_response() {
    let site = Site::start().await;
    for accept in ["*;q=0", "br, *;q=0", "identity;q=0", "identity;q=0, gzip;q=0"] {
        for path in ["/api/posts", "/health/ready", "/nowhere"] {
            let headers = [("Accept-Encoding", accept)];
            let answer = Raw::connect(&site).await.ask("GET", path, &headers, b"").await;
            assert_eq!(answer.status, if path == "/nowhere" { 404 } else { 200 }, "{accept}");
        }
    }
    let page = [("Accept", "text/html")];
    let answer = Raw::connect(&site).await.ask("GET", "/nowhere", &page, b"").await;
    assert!(answer.header("vary").is_some_and(|vary| vary.contains("accept")), "{answer:?}");
    site.stop().await;
}
