//! Pipelining: no request affects the next one on its connection.

use std::time::Instant;

use serde_json::json;

use crate::support::{PATIENCE, Raw, Site, within};

/// The text of a request.
fn request(line: &str, headers: &str) -> String {
    format!("{line}\r\nHost: localhost\r\n{headers}\r\n")
}

/// Everything the server sends until it hangs up.
async fn all(raw: &mut Raw) -> String {
    String::from_utf8(within("the end", raw.rest()).await).unwrap()
}

/// The responses to requests that are sent in one piece. The last one must close the connection.
async fn pipelined(site: &Site, requests: &[String]) -> String {
    let mut raw = Raw::connect(site).await;
    raw.send(requests.concat().as_bytes()).await;
    all(&mut raw).await
}

const CLOSE: &str = "Connection: close\r\n";
const BODY: &str = "A body of this post.";

async fn start() -> Site {
    let site = Site::start().await;
    site.post("/api/posts", &json!({"title": "A post", "body": BODY})).await.json(201);
    site
}

/// The status line of each response, and whether it has the post's body.
fn summary(text: &str) -> Vec<(String, bool)> {
    let parts = text.split("HTTP/1.").skip(1);
    parts.map(|part| (part[..5].to_owned(), part.contains(BODY))).collect()
}

#[actix_web::test]
async fn each_response_belongs_to_its_request() {
    let site = start().await;
    let head = |more: &str| request("HEAD /api/posts/1 HTTP/1.1", more);
    let get = |more: &str| request("GET /api/posts/1 HTTP/1.1", more);
    let ok = |has_body| ("1 200".to_owned(), has_body);
    for (requests, expected) in [
        (vec![head(""), get(CLOSE)], vec![ok(false), ok(true)]),
        (vec![get(""), head(CLOSE)], vec![ok(true), ok(false)]),
        (
            vec![get(""), head(""), get(""), head(""), get(CLOSE)],
            vec![ok(true), ok(false), ok(true), ok(false), ok(true)],
        ),
    ] {
        assert_eq!(summary(&pipelined(&site, &requests).await), expected, "{requests:?}");
    }
    // The response to an HTTP/1.0 client is not chunked, and closes the connection.
    let zipped = "Accept-Encoding: gzip\r\n";
    let old = request("GET /api/posts/1 HTTP/1.0", "");
    let text = pipelined(&site, &[old, get("")]).await;
    assert_eq!(summary(&text), [("0 200".to_owned(), true)], "{text}");
    let old = request("GET /api/posts/1 HTTP/1.0", zipped);
    let mut raw = Raw::connect(&site).await;
    raw.send([get(zipped), old].concat().as_bytes()).await;
    let bytes = within("the end", raw.rest()).await;
    let text = String::from_utf8_lossy(&bytes);
    let (new, old) = text.split_once("HTTP/1.0 200").unwrap_or_else(|| panic!("{text}"));
    assert!(new.starts_with("HTTP/1.1 200") && new.contains("chunked"), "{new}");
    assert!(!old.to_lowercase().contains("transfer-encoding"), "{old}");
    site.stop().await;
}

#[actix_web::test]
async fn requests_after_a_closing_one_are_ignored() {
    let site = start().await;
    let note = r#"{"title":"Behind","body":"b","author":"a"}"#;
    let length = note.len();
    let post = request(
        "POST /api/notes HTTP/1.1",
        &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    );
    let post = format!("{post}{note}");
    let first = request("GET /api/posts/1 HTTP/1.1", CLOSE);
    let text = pipelined(&site, &[first, post.clone()]).await;
    assert_eq!(summary(&text), [("1 200".to_owned(), true)]);
    assert!(text.to_lowercase().contains("connection: close"), "{text}");
    // A refused body closes the connection too.
    let large = request(
        "POST /api/session HTTP/1.1",
        "Content-Type: application/json\r\nContent-Length: 8000\r\n",
    );
    let text = pipelined(&site, &[large, "x".repeat(8000), post]).await;
    assert_eq!(summary(&text), [("1 413".to_owned(), false)]);
    assert_eq!(site.get("/api/notes").await.json(200)["notes"], json!([]));
    site.stop().await;
}

#[actix_web::test]
async fn an_unread_body_does_not_delay_the_next_request() {
    let site = start().await;
    let body = format!("1000\r\n{}\r\n", "x".repeat(4096)).repeat(250) + "0\r\n\r\n";
    for path in ["/search?q=word", "/", "/posts/1", "/api/posts/1", "/health/ready", "/nowhere"] {
        let mut raw = Raw::connect(&site).await;
        let begun = Instant::now();
        let chunked = "Transfer-Encoding: chunked\r\n";
        raw.send(request(&format!("GET {path} HTTP/1.1"), chunked).as_bytes()).await;
        raw.send(body.as_bytes()).await;
        let first = raw.answer().await.expect("a response");
        if first.header("connection") == Some("close") {
            continue;
        }
        raw.send(request("GET /api/posts/1 HTTP/1.1", "").as_bytes()).await;
        raw.answer().await.expect("the next response").json(200);
        assert!(begun.elapsed() < PATIENCE / 3, "{path}: {:?}", begun.elapsed());
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_body_arrives_whole_however_it_is_split() {
    let site = start().await;
    let body = json!({"title": "In pieces", "body": "\r\n\r\nGET / HTTP/1.1\r\n\r\n".repeat(2000)});
    let text = body.to_string();
    let chunks = |size: usize| {
        let chunks = text
            .as_bytes()
            .chunks(size)
            .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)));
        chunks.collect::<String>() + "0\r\n\r\n"
    };
    let json = "Content-Type: application/json\r\n";
    let chunked = format!("{json}Transfer-Encoding: chunked\r\n");
    let told = format!("{json}Content-Length: {}\r\n", text.len());
    for (headers, body) in [
        (&chunked, chunks(16)),
        (&chunked, chunks(1000)),
        (&chunked, chunks(60_000)),
        (&told, text.clone()),
    ] {
        let mut raw = Raw::connect(&site).await;
        let next = request("GET /api/posts/1 HTTP/1.1", "");
        let all = [request("POST /api/posts HTTP/1.1", headers), body, next].concat();
        for piece in all.as_bytes().chunks(50_000) {
            raw.send(piece).await;
        }
        let made = raw.answer().await.expect("a response").json(201);
        assert_eq!(made["body"], json!("\r\n\r\nGET / HTTP/1.1\r\n\r\n".repeat(2000)));
        raw.answer().await.expect("the next response").json(200);
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_stalled_body_closes_its_connection() {
    let site = Site::start_with(|config| {
        config.request_timeout = Some(std::time::Duration::from_secs(1));
    })
    .await;
    let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let head = request("POST /api/notes HTTP/1.1", chunked);
    for begun in ["", "2", "26\r\n{", "2\r\n{}\r\n", "2\r\n{}\r\n0\r\nA: b"] {
        let mut raw = Raw::connect(&site).await;
        raw.send(format!("{head}{begun}").as_bytes()).await;
        let answer = raw.answer().await.expect("a refusal");
        assert_eq!((answer.status, answer.header("connection")), (408, Some("close")), "{begun}");
        // Nothing after it is processed, even if the body ends now.
        raw.send(format!("0\r\n\r\n{}", request("GET /api/posts HTTP/1.1", "")).as_bytes()).await;
        let rest = within("the end", raw.rest()).await;
        assert!(rest.is_empty(), "{begun}: {}", String::from_utf8_lossy(&rest));
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_declined_upgrade_closes_the_connection_and_says_so() {
    let site = start().await;
    let offer =
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    for offer in [offer, "Connection: upgrade\r\n"] {
        let text = pipelined(&site, &[request("GET /api/posts/1 HTTP/1.1", offer)]).await;
        assert_eq!(summary(&text), [("1 200".to_owned(), true)], "{text}");
        let head = text.split("\r\n\r\n").next().unwrap().to_lowercase();
        assert!(head.contains("connection: close") && !head.contains("upgrade"), "{head}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_body_with_malformed_trailers_is_refused_and_nothing_after_it_is_read() {
    let site = start().await;
    let head = "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let behind = request("GET /api/posts HTTP/1.1", "");
    for trailers in ["", "T: t\r\n", "T:\r\nU: \u{e9}\r\n"] {
        let body = "1d\r\n{\"title\": \"abc\", \"body\": \"b\"}\r\n0\r\n";
        let mut raw = Raw::connect(&site).await;
        raw.send(format!("{head}{body}{trailers}\r\n{behind}").as_bytes()).await;
        assert_eq!(raw.answer().await.unwrap().status, 201, "{trailers:?}");
        assert_eq!(raw.answer().await.unwrap().status, 200, "{trailers:?}");
    }
    for trailers in
        ["\n", "T: t\n\r\n", "T t\r\n\r\n", "T: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"]
    {
        let body = "1d\r\n{\"title\": \"abc\", \"body\": \"b\"}\r\n0\r\n";
        let mut raw = Raw::connect(&site).await;
        raw.send(format!("{head}{body}{trailers}{behind}").as_bytes()).await;
        assert_eq!(raw.answer().await.unwrap().status, 400, "{trailers:?}");
        let rest = within("the end", raw.rest()).await;
        assert!(rest.is_empty(), "{trailers:?}: {}", String::from_utf8_lossy(&rest));
    }
    site.stop().await;
}
