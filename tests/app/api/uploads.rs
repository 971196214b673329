//! Uploaded pictures: which are accepted, how they are served, and how long they are kept.

use actix_web::http::Method;
use actix_web::web::Bytes;
use chrono::TimeDelta;
use data_encoding::BASE64;
use kilonova::db;
use kilonova::models::{clock, upload};
use serde_json::{Value, json};

use crate::support::{Answer, Raw, Site};

/// A PNG of one pixel, with a comment.
pub(super) fn png() -> Vec<u8> {
    let text = b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA\
                 AABJRU5ErkJggg==";
    let text: Vec<u8> = text.iter().copied().filter(|byte| *byte != b' ').collect();
    let mut png = BASE64.decode(&text).unwrap();
    let comment = b"\0\0\0\x0ftEXtComment\0a place\0\0\0\0";
    png.splice(33..33, comment.iter().copied());
    png
}

/// A GIF of at least this many bytes, with `seed` in it.
fn gif(seed: u8, length: usize) -> Vec<u8> {
    let mut gif = b"GIF89a\x03\0\x02\0\0\0\0\x2c\0\0\0\0\x03\0\x02\0\0\x02".to_vec();
    while gif.len() < length {
        gif.push(255);
        gif.extend_from_slice(&[seed; 255]);
    }
    gif.extend_from_slice(b"\0;");
    gif
}

async fn upload(site: &Site, file: Vec<u8>) -> Answer {
    let kind = ("content-type", "image/png");
    site.send(Method::POST, "/api/uploads", &[kind], Bytes::from(file)).await
}

async fn ask(site: &Site, path: &str, headers: &[(&str, &str)]) -> Answer {
    Raw::connect(site).await.ask("GET", path, headers, b"").await
}

fn url(uploaded: &Value) -> String {
    uploaded["url"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_picture_is_served_unchanged_except_for_its_metadata() {
    let site = Site::start().await;
    let answer = upload(&site, png()).await;
    let location = answer.header("location").unwrap().to_owned();
    let uploaded = answer.json(201);
    assert_eq!((&uploaded["width"], &uploaded["height"]), (&json!(1), &json!(1)));
    let url = url(&uploaded);
    assert_eq!(location, url);
    assert!(url.starts_with("/uploads/") && url.ends_with(".png"), "{url}");
    let picture = ask(&site, &url, &[("Sec-Fetch-Dest", "image")]).await;
    assert_eq!(picture.status, 200);
    assert_eq!(picture.header("content-type"), Some("image/png"));
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(picture.header("content-security-policy"), Some("sandbox; default-src 'none'"));
    assert!(picture.header("cache-control").unwrap().contains("immutable"));
    let mut bare = png();
    bare.drain(33..60);
    assert_eq!(picture.body, bare);
    let tag = picture.header("etag").unwrap();
    let known = ask(&site, &url, &[("If-None-Match", tag)]).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    // The same picture has the same address, whoever uploads it and however.
    assert_eq!(super::uploads::url(&upload(&site, png()).await.json(201)), url);
    for other in ["/uploads/", "/uploads/a.png", &url.replace(".png", ".gif"), &url[..50]] {
        assert_eq!(ask(&site, other, &[]).await.status, 404, "{other}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_form_uploads_one_file() {
    let site = Site::start().await;
    let part = |head: &str, body: &[u8]| {
        let head = format!("--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n");
        [head.as_bytes(), body, b"\r\n"].concat()
    };
    let (note, file) = (part("name=\"alt\"", b"a"), part("name=\"f\"; filename=\"a\"", &png()));
    let send = async |parts: &[&[u8]]| {
        let kind = ("content-type", "multipart/form-data; boundary=XX");
        let body = [&parts.concat()[..], b"--XX--\r\n"].concat();
        site.send(Method::POST, "/api/uploads", &[kind], body.into()).await
    };
    let uploaded = send(&[&note, &file]).await.json(201);
    assert_eq!(url(&uploaded), url(&upload(&site, png()).await.json(201)));
    send(&[&note]).await.error(422);
    send(&[&file, &file]).await.error(422);
    let kind = [("content-type", "multipart/form-data; boundary=XX")];
    for broken in [&b""[..], b"--XX\r\n", &file] {
        let body = Bytes::copy_from_slice(broken);
        site.send(Method::POST, "/api/uploads", &kind, body).await.error(400);
    }
    let kind = [("content-type", "multipart/form-data")];
    site.send(Method::POST, "/api/uploads", &kind, file.into()).await.error(400);
    site.stop().await;
}

#[actix_web::test]
async fn files_that_are_too_large_or_not_pictures_are_refused() {
    let site = Site::start_with(|config| config.max_upload = 1024 * 1024).await;
    for other in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"", b"<html>"] {
        upload(&site, other.to_vec()).await.error(415);
    }
    upload(&site, png()[..60].to_vec()).await.error(422);
    let most = gif(1, 1024 * 1024 - 300);
    upload(&site, most.clone()).await.json(201);
    upload(&site, gif(1, 1024 * 1024)).await.error(413);
    upload(&site, gif(1, 1024 * 1024 + 64 * 1024)).await.error(413);
    site.stop().await;
}

#[actix_web::test]
async fn a_large_picture_arrives_whole_at_readers_of_any_speed() {
    let site = Site::start().await;
    let file = gif(7, 5 * 1024 * 1024);
    let url = url(&upload(&site, file.clone()).await.json(201));
    assert_eq!(site.get(&url).await.body, file);
    // A client that does not read delays no other.
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut raw = Raw::connect(&site).await;
        raw.send(format!("GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
        slow.push(raw);
    }
    assert_eq!(site.get(&url).await.body, file);
    for raw in &mut slow {
        assert_eq!(raw.answer().await.unwrap().body, file);
    }
    let head = site.send(Method::HEAD, &url, &[], Bytes::new()).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    site.stop().await;
}

#[actix_web::test]
async fn an_unreferenced_upload_is_deleted_after_a_day() {
    let site = Site::start().await;
    let mut urls = Vec::new();
    for seed in 0..5 {
        urls.push(url(&upload(&site, gif(seed, 300_000)).await.json(201)));
    }
    let in_text = |at: usize| json!({"title": "Title", "body": format!("![]({})", urls[at])});
    let post = site.post("/api/posts", &in_text(0)).await.json(201);
    let changed = site.post("/api/posts", &in_text(1)).await.json(201);
    let path = format!("/api/posts/{}", post["id"]);
    let comment = json!({"body": format!("See http://localhost{}", urls[2])});
    site.post(&format!("{path}/comments"), &comment).await.json(201);
    let note = json!({"title": "N", "body": format!("![]({})", urls[3]), "author": "A"});
    site.post("/api/notes", &note).await.json(201);
    let path = format!("/api/posts/{}", changed["id"]);
    site.patch(&path, &json!({"body": "Without"})).await.json(200);
    let sweep = async |hours: i64| {
        let swept = site.db().transaction(move |tx| {
            let at = clock(tx.connection)? + TimeDelta::hours(hours);
            upload::sweep(tx.connection, at, 100).map_err(db::Error::from)
        });
        swept.await.unwrap().value
    };
    let there = async || {
        let mut there = Vec::new();
        for url in &urls {
            there.push(site.get(url).await.status == 200);
        }
        there
    };
    assert_eq!((sweep(0).await, sweep(23).await), (0, 0));
    assert_eq!(sweep(25).await, 2);
    assert_eq!(there().await, [true, false, true, true, false]);
    // A deleted post's upload and its comments' uploads are deleted a day later.
    site.delete(&format!("/api/posts/{}", post["id"])).await;
    assert_eq!((sweep(26).await, sweep(49).await), (0, 0));
    assert_eq!(there().await, [true, false, true, true, false]);
    assert_eq!(sweep(51).await, 2);
    assert_eq!(there().await, [false, false, false, true, false]);
    site.stop().await;
}

#[actix_web::test]
async fn a_repeated_upload_gets_the_stored_response() {
    let site = Site::start().await;
    let headers = [("content-type", "image/png"), ("idempotency-key", "one")];
    let send =
        async |file: Vec<u8>| site.send(Method::POST, "/api/uploads", &headers, file.into()).await;
    let first = send(png()).await.json(201);
    let again = send(png()).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(201), first);
    send(gif(1, 100)).await.error(422);
    site.stop().await;
}
