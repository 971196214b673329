//! Hostile and broken clients: each is answered or cut off, never with a 500, and the server
//! survives.

use std::time::Duration;

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Raw, Site};

const MEBIBYTE: usize = 1024 * 1024;
const JSON: (&str, &str) = ("content-type", "application/json");

/// Sends bytes and returns the status of the response; `None` if the server hangs up without one.
async fn status_of(site: &Site, bytes: &[u8]) -> Option<u16> {
    let mut raw = Raw::connect(site).await;
    raw.send(bytes).await;
    let answer = raw.answer().await?;
    assert_ne!(answer.status, 500, "{answer:?}");
    Some(answer.status)
}

#[actix_web::test]
async fn no_nul_gets_into_the_database() {
    let site = Site::start().await;
    let post = site.new_post("Commented").await["id"].as_i64().unwrap();
    let invalid = |field: &str| json!({"errors": {field: ["is invalid"]}});
    for (path, fields, field) in [
        ("/api/posts", json!({"title": "a\0bc", "body": "b"}), "title"),
        ("/api/posts", json!({"title": "abc", "body": "b\0"}), "body"),
        ("/api/posts", json!({"title": "abc", "body": "b", "tags": ["\0"]}), "tags"),
        ("/api/posts", json!({"title": "abc", "body": "b", "tags": ["a\0b"]}), "tags"),
        ("/api/posts", json!({"title": "abc", "body": "b", "status": "draft\0"}), "status"),
        ("/api/posts/1/comments", json!({"body": "a\0b"}), "body"),
        ("/api/posts/1/comments", json!({"body": "b", "author": "A\0"}), "author"),
        ("/api/notes", json!({"title": "t\0", "body": "b", "author": "A"}), "title"),
        ("/api/notes", json!({"title": "t", "body": "\0b", "author": "A"}), "body"),
        ("/api/notes", json!({"title": "t", "body": "b", "author": "\0A"}), "author"),
    ] {
        let answer = site.post(path, &fields).await;
        if fields["tags"] == json!(["\0"]) {
            // A tag that is blank once trimmed is dropped.
            assert_eq!(answer.json(201)["tags"], json!([]));
        } else {
            assert_eq!(answer.json(422), invalid(field), "{fields}");
        }
    }
    assert_eq!(site.get(&format!("/api/posts/{post}")).await.status, 200);
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn truncated_characters_and_documents_are_refused() {
    let site = Site::start().await;
    let whole = r#"{"title":"Title 🎉","body":"b","tags":["a"]}"#.as_bytes();
    for end in 0..whole.len() {
        site.post_text("/api/posts", whole[..end].to_vec()).await.error(400);
    }
    for text in [
        r#"{"title":"\ud800abc","body":"b"}"#,
        r#"{"title":"abc\udc00","body":"b"}"#,
        r#"{"title":"\udc00\ud800abc","body":"b"}"#,
        r#"{"title":"abc\u12","body":"b"}"#,
        r#"{"title":"abc\x41","body":"b"}"#,
        "{\"title\":\"a\nb\",\"body\":\"b\"}",
        r#"{"title":1e999999,"body":"b"}"#,
        r#"{"title":NaN}"#,
    ] {
        site.post_text("/api/posts", text).await.error(400);
    }
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn deep_nesting_is_refused() {
    let site = Site::start().await;
    for depth in [200, 100_000, 800_000] {
        site.post_text("/api/posts", "[".repeat(depth)).await.error(400);
        site.post_text("/api/posts", r#"{"title":"#.repeat(depth)).await.error(400);
        let closed = format!(
            r#"{{"title":"abc","body":"b","x":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        site.post_text("/api/posts", closed).await.error(400);
    }
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_duplicate_field_is_refused() {
    let site = Site::start().await;
    for text in [
        r#"{"title":"First","title":"Last","body":"b"}"#,
        r#"{"title":"The same","title":"The same","body":"b"}"#,
        r#"{"title":"A title","body":"b","unknown":1,"unknown":1}"#,
    ] {
        let error = site.post_text("/api/posts", text).await.error(400);
        assert!(error.contains("is given twice"), "{error}");
    }
    assert_eq!(site.get("/api/posts").await.json(200)["posts"], json!([]));
    site.stop().await;
}

#[actix_web::test]
async fn every_text_comes_back_unchanged() {
    let site = Site::start().await;
    let mut feed = site.socket("/feed").await;
    for text in [
        "👨‍👩‍👧‍👦 family 🏳️‍🌈",
        "مرحبا بالعالم",
        "\u{202e}right to left\u{202c}",
        "Z̸a̵l̶g̷o̴ é é",
        "日本語のタイトル",
        "\u{feff}with a mark",
        "quotes \" and \\ and </script><!--",
        "\u{10ffff}\u{e000}\u{fffd}",
        "  spaces around  ",
        "'; DROP TABLE posts; --",
        "%s %n {} ${x} {{y}}",
    ] {
        let fields = json!({"title": text, "body": format!("{text}\r\n\t{text}\n"), "tags": ["\u{e9}", "e\u{301}"]});
        let post = site.post("/api/posts", &fields).await.json(201);
        assert_eq!(post["title"].as_str().unwrap().as_bytes(), text.as_bytes());
        assert_eq!(post["body"], fields["body"]);
        assert_eq!(post["tags"], fields["tags"]);
        assert_eq!(site.get(&format!("/api/posts/{}", post["id"])).await.json(200), post);
        assert_eq!(feed.next_json().await["data"], post);
    }
    let escaped = r#"{"title":"\ud83c\udf89\u0020\u00e9\/","body":"b"}"#;
    assert_eq!(site.post_text("/api/posts", escaped).await.json(201)["title"], "🎉 é/");
    feed.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn an_invisible_title_is_refused() {
    let site = Site::start().await;
    for title in ["\u{200b}\u{200b}\u{200b}", "\u{feff} \u{2060}", "\u{a0}\u{3000}\u{2003}"] {
        let refusal =
            site.post("/api/posts", &json!({"title": title, "body": "b"})).await.json(422);
        assert_eq!(refusal, json!({"errors": {"title": ["can't be blank"]}}));
    }
    for title in ["two\nlines", "a\ttab", "\u{1b}[31mred", "a\rb", "bell\u{7}", "\u{85}next"] {
        let refusal =
            site.post("/api/posts", &json!({"title": title, "body": "b"})).await.json(422);
        assert_eq!(refusal, json!({"errors": {"title": ["is invalid"]}}), "{title:?}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_posts_body_has_an_exact_limit() {
    let site = Site::start().await;
    let too_long = json!({"errors": {"body": ["should be at most 1048576 byte(s)"]}});
    let body = "x".repeat(MEBIBYTE);
    let post = site.post("/api/posts", &json!({"title": "Large", "body": body})).await.json(201);
    assert_eq!(post["body"], body);
    let body = format!("{body}x");
    let refusal = site.post("/api/posts", &json!({"title": "Large", "body": body})).await;
    assert_eq!(refusal.json(422), too_long);
    // The limit counts bytes, not characters.
    let body = "é".repeat(MEBIBYTE / 2 + 1);
    let refusal = site.post("/api/posts", &json!({"title": "Large", "body": body})).await;
    assert_eq!(refusal.json(422), too_long);
    let note = json!({"title": "Large", "body": body, "author": "A"});
    assert_eq!(site.post("/api/notes", &note).await.json(422), too_long);
    let path = format!("/api/posts/{}", post["id"]);
    assert_eq!(site.put(&path, &json!({"body": body})).await.json(422), too_long);
    site.stop().await;
}

#[actix_web::test]
async fn a_requests_body_has_an_exact_limit() {
    let site = Site::start().await;
    let padded = |length| {
        let text = r#"{"title":"Padded","body":"b"}"#;
        format!("{text}{}", " ".repeat(length - text.len()))
    };
    assert_eq!(site.post_text("/api/posts", padded(8 * MEBIBYTE)).await.status, 201);
    for length in [8 * MEBIBYTE + 1, 10_000_000] {
        for path in ["/api/posts", "/api/notes", "/api/posts/1/comments"] {
            site.post_text(path, padded(length)).await.error(413);
        }
    }
    // An invalid length is refused at once.
    let head = "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    for length in ["99999999999999999999999", "-1", "abc", "18446744073709551615x"] {
        let request = format!("{head}Content-Length: {length}\r\n\r\n");
        assert_eq!(status_of(&site, request.as_bytes()).await, Some(400), "{length}");
    }
    let both = format!("{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(status_of(&site, both.as_bytes()).await, Some(400));
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_body_in_malformed_or_too_many_chunks_closes_the_connection() {
    let site = Site::start().await;
    let head = "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let words = "5\r\n     \r\n".repeat(10_000);
    for body in [&*words, "x\r\n", "5\r\nabcdefgh", "ffffffffffffffffff\r\n"] {
        let mut raw = Raw::connect(&site).await;
        raw.send(format!("{head}{body}").as_bytes()).await;
        let answer = raw.answer().await.expect("an answer");
        assert_eq!(answer.status, 400, "{}", &body[..3]);
        assert_eq!(answer.header("connection"), Some("close"));
        let told: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(told["error"], "the body is malformed, or ended early");
    }
    // A few thousand tiny chunks are accepted.
    let text = "{\"title\":\"In words\",\"body\":\"b\"}";
    let words = "1\r\n \r\n".repeat(4_000);
    let length = text.len();
    let mut raw = Raw::connect(&site).await;
    raw.send(format!("{head}{words}{length:x}\r\n{text}\r\n0\r\n\r\n").as_bytes()).await;
    assert_eq!(raw.answer().await.unwrap().status, 201);
    site.stop().await;
}

#[actix_web::test]
async fn a_chunked_body_has_the_same_limit() {
    let site = Site::start_with(|config| config.max_body = 1000).await;
    let head = "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let mut good = Raw::connect(&site).await;
    good.send(
        format!("{head}1d\r\n{}\r\n0\r\n\r\n", r#"{"title":"Chunks","body":"b"}"#).as_bytes(),
    )
    .await;
    assert_eq!(good.answer().await.unwrap().json(201)["title"], "Chunks");
    let mut large = Raw::connect(&site).await;
    large.send(head.as_bytes()).await;
    for _ in 0..20 {
        large.send(format!("64\r\n{}\r\n", " ".repeat(100)).as_bytes()).await;
    }
    large.send(b"0\r\n\r\n").await;
    large.answer().await.unwrap().error(413);
    // Malformed chunks.
    for broken in ["xyz\r\n", "-1\r\n", "fffffffffffffffff\r\n", "5\r\nabcdefgh\r\n"] {
        let status = status_of(&site, format!("{head}{broken}").as_bytes()).await;
        assert!(status.is_none_or(|status| status == 400), "{broken:?}: {status:?}");
    }
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn no_path_escapes_the_routes() {
    let site = Site::start().await;
    site.new_post("There").await;
    for id in [
        "%00",
        "%ff",
        "%c3%28",
        "..%2f1",
        "..%2f..%2fetc%2fpasswd",
        "1%2f",
        "%31%00",
        "1%0d%0a",
        "18446744073709551616",
        "-9223372036854775808",
        "1e0",
        "0x1",
        "١",
        "1%20",
        "%2531",
    ] {
        let id: String = id
            .chars()
            .map(|c| if c.is_ascii() { c.to_string() } else { "%D9%A1".into() })
            .collect();
        for path in ["/api/posts/{}", "/api/notes/{}", "/api/comments/{}", "/api/posts/{}/comments"]
        {
            let path = path.replace("{}", &id);
            Raw::connect(&site).await.request("DELETE", &path, &[], b"").await;
            let method = if path.contains("/api/comments") { "PUT" } else { "GET" };
            let headers = [JSON];
            let answer = Raw::connect(&site).await;
            let answer = answer.request(method, &path, &headers, br#"{"body":"b"}"#).await;
            answer.error(404);
        }
        let path = format!("/posts/{id}/comments/ws");
        site.refused(&path).await.error(404);
    }
    for path in ["/api/../api/posts/1", "/api//posts", "/./api/posts", "//", "/api/posts/1/", "*"] {
        let answer = Raw::connect(&site).await.request("GET", path, &[], b"").await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
    let long = format!("/api/posts?tag={}", "x".repeat(20_000));
    assert!(site.get(&long).await.status < 500);
    assert_eq!(site.get("/api/posts/1").await.status, 200, "a malformed path deleted the post");
    site.stop().await;
}

#[actix_web::test]
async fn the_server_survives_bytes_that_are_not_http() {
    let site = Site::start().await;
    let huge_header =
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(300_000));
    let many_headers =
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "a: b\r\n".repeat(5_000));
    let binary: Vec<u8> = (0..=255).collect();
    for bytes in [
        &b"\r\n\r\n\r\n\r\nnonsense\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &binary,
        huge_header.as_bytes(),
        many_headers.as_bytes(),
    ] {
        let mut raw = Raw::connect(&site).await;
        raw.send(bytes).await;
        raw.finish().await;
        if let Some(answer) = raw.answer().await {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn an_http_1_0_client_needs_only_a_host() {
    let site = Site::start().await;
    let with_host = b"GET /api/posts HTTP/1.0\r\nHost: localhost\r\n\r\n";
    assert_eq!(status_of(&site, with_host).await, Some(200));
    // Without a host, the request could be meant for another site.
    assert_eq!(status_of(&site, b"GET /api/posts HTTP/1.0\r\n\r\n").await, Some(421));
    let missing = status_of(&site, b"GET /api/posts HTTP/1.1\r\n\r\n").await;
    assert!(matches!(missing, Some(400 | 421)), "{missing:?}");
    site.stop().await;
}

#[actix_web::test]
async fn pipelined_requests_are_answered_in_order() {
    let site = Site::start().await;
    let mut raw = Raw::connect(&site).await;
    let one = |n| {
        let body = format!(r#"{{"title":"Number {n}","body":"b"}}"#);
        let length = body.len();
        format!(
            "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
    };
    raw.send((0..10).map(one).collect::<String>().as_bytes()).await;
    for n in 0..10 {
        let post = raw.answer().await.unwrap().json(201);
        assert_eq!(post["title"], format!("Number {n}"));
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_slow_client_is_disconnected() {
    let site = Site::start_with(|config| {
        // The minimum, because the clock of the HTTP library ticks twice a second.
        config.request_timeout = Some(Duration::from_secs(1));
    })
    .await;
    let head = "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let mut slow = Raw::connect(&site).await;
    slow.send(format!("{head}Content-Length: 50\r\n\r\n{{\"title\":").as_bytes()).await;
    slow.answer().await.unwrap().error(408);
    slow.hung_up().await;
    let mut slow = Raw::connect(&site).await;
    slow.send(head.as_bytes()).await;
    if let Some(answer) = slow.answer().await {
        assert_eq!(answer.status, 408);
    }
    slow.hung_up().await;
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn clients_that_hang_up_anywhere_leave_nothing_open() {
    let site = Site::start().await;
    let body = r#"{"title":"Hung up","body":"b"}"#;
    let request = format!(
        "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let request = &request.as_bytes();
    join_all((0..request.len()).step_by(3).map(|sent| {
        let site = &site;
        async move {
            let mut raw = Raw::connect(site).await;
            raw.send(&request[..sent]).await;
            if sent % 2 == 0 {
                // Half open: the client has finished sending but still reads.
                raw.finish().await;
                if let Some(answer) = raw.answer().await {
                    assert_eq!(answer.status, 400, "{sent}");
                }
            }
        }
    }))
    .await;
    assert_eq!(site.get("/api/posts").await.json(200), json!({"posts": [], "next": null}));
    let mut half_open = Raw::connect(&site).await;
    half_open.send(request).await;
    half_open.finish().await;
    assert!(half_open.answer().await.is_none_or(|answer| answer.status == 201));
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_post_has_at_most_20_tags() {
    let site = Site::start().await;
    let tags: Vec<String> = (0..20).map(|n| format!("{n:é>50}")).collect();
    let fields = json!({"title": "Tagged", "body": "b", "tags": tags});
    let post = site.post("/api/posts", &fields).await.json(201);
    assert_eq!(post["tags"], json!(tags));
    let fields = json!({"title": "Tagged", "body": "b", "tags": [" a ", "a", "", "b", "a"]});
    assert_eq!(site.post("/api/posts", &fields).await.json(201)["tags"], json!(["a", "b"]));
    let fields = json!({"title": "Tagged", "body": "b", "tags": vec!["x"; 900]});
    assert_eq!(site.post("/api/posts", &fields).await.json(201)["tags"], json!(["x"]));
    let fields = json!({"title": "Tagged", "body": "b", "tags": vec!["x"; 100_000]});
    assert_eq!(site.post("/api/posts", &fields).await.error(422), "too many values");
    let many: Vec<String> = (0..900).map(|n| n.to_string()).collect();
    let fields = json!({"title": "Tagged", "body": "b", "tags": many});
    let refusal = site.post("/api/posts", &fields).await.json(422);
    assert_eq!(refusal, json!({"errors": {"tags": ["should have at most 20 item(s)"]}}));
    let path = format!("/api/posts/{}", post["id"]);
    assert_eq!(site.put(&path, &json!({"tags": null})).await.json(200)["tags"], json!([]));
    site.stop().await;
}

#[actix_web::test]
async fn unknown_methods_and_unwanted_bodies_cause_no_500() {
    let site = Site::start().await;
    for method in ["TRACE", "CONNECT", "BREW", "PROPFIND"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        if method == Method::CONNECT {
            let status =
                status_of(&site, b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n")
                    .await;
            assert!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?}");
            continue;
        }
        let answer = site.send(method, "/api/posts", &[], "".into()).await;
        answer.error(405);
    }
    let post = site.new_post("Deleted with a body").await;
    let path = format!("/api/posts/{}", post["id"]);
    let answer = site.send(Method::DELETE, &path, &[JSON], "not JSON".into()).await;
    assert_eq!(answer.status, 204);
    let answer = site.send(Method::GET, "/api/posts", &[JSON], "not JSON".into()).await;
    assert_eq!(answer.status, 200);
    site.stop().await;
}
