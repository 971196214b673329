//! The API's description matches the API: its routes, statuses, fields and messages.

use std::process::Command;

use actix_web::http::Method;
use actix_web::web::Bytes;
use kilonova::config::{Access, Registration};
use kilonova::reach::PublicUrl;
use serde_json::{Value, json};

use super::uploads::png;
use crate::access::table;
use crate::support::schema::{assert_fits, fault};
use crate::support::{Answer, Raw, Site, within};

const OPENAPI: &str = "/api/openapi.json";
const ASYNCAPI: &str = "/api/asyncapi.json";

/// The operations of a document, by method and path.
fn operations(document: &Value) -> Vec<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[actix_web::test]
async fn exactly_the_routes_of_the_api_are_described() {
    let site = Site::start().await;
    let mut described = operations(&site.get(OPENAPI).await.json(200));
    let mut routes = table::routes();
    routes.retain(|(_, path)| path.starts_with("/api/"));
    assert!(routes.len() > 30, "{routes:?}");
    described.sort();
    routes.sort();
    assert_eq!(described, routes);
    site.stop().await;
}

#[actix_web::test]
async fn every_status_that_a_role_gets_is_described() {
    let site = Site::start_with(|config| config.access = Access::Accounts).await;
    let document = site.get(OPENAPI).await.json(200);
    for (method, path, statuses) in table::statuses() {
        if !path.starts_with("/api/") {
            continue;
        }
        let responses = &document["paths"][path][method.as_str().to_lowercase()]["responses"];
        for status in statuses {
            let known = &responses[status.to_string()];
            assert!(known.is_object(), "{method} {path} answers {status}");
        }
    }
    site.stop().await;
}

#[actix_web::test]
async fn the_documents_are_public_and_revalidated_with_304() {
    let site = Site::start().await;
    for path in [OPENAPI, ASYNCAPI] {
        let answer = site.get(path).await;
        let tag = answer.header("etag").unwrap().to_owned();
        assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
        answer.json(200);
        let known = [("if-none-match", tag.as_str())];
        let again = site.send(Method::GET, path, &known, Bytes::new()).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), Some(tag.as_str()));
    }
    site.stop().await;
}

#[actix_web::test]
async fn the_documents_describe_the_server_that_sends_them() {
    let open = Site::start().await;
    let document = open.get(OPENAPI).await.json(200);
    assert_eq!(document["servers"][0]["url"], format!("http://127.0.0.1:{}", open.port));
    let way_in = &document["components"]["securitySchemes"]["session"]["name"];
    assert_eq!(way_in, "kilonova_session");
    assert_eq!(document["paths"]["/api/posts"]["post"]["security"][0], json!({}));
    let note = &document["components"]["schemas"]["NewNote"]["required"];
    assert_eq!(note, &json!(["title", "body", "author"]));
    open.stop().await;

    let behind = Site::start_with(|config| {
        config.access = Access::Accounts;
        let public = PublicUrl::parse("https://example.org/blog").unwrap();
        config.reach.hosts = vec![public.host.clone()];
        config.reach.public = Some(public);
    })
    .await;
    let headers = [("Host", "example.org")];
    let ask = async |path| {
        let answer = Raw::connect(&behind).await.request("GET", path, &headers, b"").await;
        answer.json(200)
    };
    let document = ask("/blog/api/openapi.json").await;
    assert_eq!(document["servers"], json!([{ "url": "https://example.org/blog" }]));
    let way_in = &document["components"]["securitySchemes"]["session"]["name"];
    assert_eq!(way_in, "__Secure-kilonova_session");
    let security = &document["paths"]["/api/posts"]["post"]["security"];
    assert_eq!(security, &json!([{ "session": [] }, { "token": [] }]));
    let note = &document["components"]["schemas"]["NewNote"]["required"];
    assert_eq!(note, &json!(["title", "body"]));
    let live = ask("/blog/api/asyncapi.json").await;
    let socket = &live["servers"]["sockets"];
    assert_eq!(
        [&socket["protocol"], &socket["host"], &socket["pathname"]],
        ["wss", "example.org", "/blog"]
    );
    behind.stop().await;
}

/// The schema of a response's content.
fn schema_of<'a>(document: &'a Value, method: &str, path: &str, status: u16) -> &'a Value {
    let response = &document["paths"][path][method]["responses"][status.to_string()];
    let response = match response["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => response,
    };
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} has no content for {status}");
    schema
}

/// Asserts that a response has exactly the described fields, and the required headers.
#[track_caller]
fn assert_described(document: &Value, method: &str, path: &str, answer: &Answer) {
    let schema = schema_of(document, method, path, answer.status);
    assert_fits(document, schema, &answer.json(answer.status));
    let status = answer.status.to_string();
    let headers = &document["paths"][path][method]["responses"][status]["headers"];
    for (name, _) in headers.as_object().into_iter().flatten() {
        let is_required = document["components"]["headers"][name]["required"] == true;
        assert!(!is_required || answer.header(name).is_some(), "{method} {path} without {name}");
    }
}

#[actix_web::test]
async fn responses_have_exactly_the_described_fields() {
    let site = Site::start().await;
    let document = site.get(OPENAPI).await.json(200);
    let is = |method, path, answer: &Answer| assert_described(&document, method, path, answer);
    let post = json!({
        "title": "A title", "body": "b", "tags": ["one"], "status": "scheduled",
        "publish_at": "2999-01-01T00:00:00Z",
    });
    is("post", "/api/posts", &site.post("/api/posts", &post).await);
    is("put", "/api/posts/{id}", &site.put("/api/posts/1", &json!({"status": "published"})).await);
    is("get", "/api/posts/{id}", &site.get("/api/posts/1").await);
    is("get", "/api/posts", &site.get("/api/posts").await);
    is("get", "/api/posts/{id}", &site.get("/api/posts/99").await);
    is("post", "/api/posts", &site.post("/api/posts", &json!({})).await);
    is("get", "/api/posts", &site.get("/api/posts?x=1").await);
    let comments = "/api/posts/{id}/comments";
    is("post", comments, &site.post("/api/posts/1/comments", &json!({"body": "c"})).await);
    is("get", comments, &site.get("/api/posts/1/comments").await);
    let state = json!({"state": "held"});
    is("patch", "/api/comments/{id}", &site.patch("/api/comments/1", &state).await);
    is("get", "/api/comments", &site.get("/api/comments").await);
    is("put", "/api/comments/{id}", &site.put("/api/comments/1", &json!({"body": "d"})).await);
    let note = json!({"title": "n", "body": "b", "author": "Ada"});
    is("post", "/api/notes", &site.post("/api/notes", &note).await);
    is("put", "/api/notes/{id}", &site.put("/api/notes/1", &note).await);
    is("get", "/api/notes/{id}", &site.get("/api/notes/1").await);
    is("get", "/api/notes", &site.get("/api/notes").await);
    is("get", "/api/events", &site.get("/api/events?after=0").await);
    is("get", "/api/events", &site.get("/api/events?after=9999").await);
    is("get", "/api/channels", &site.get("/api/channels").await);
    let picture = site.send(Method::POST, "/api/uploads", &[], png().into()).await;
    is("post", "/api/uploads", &picture);
    let found = async { while site.get("/api/search?q=title").await.json(200)["total"] == 0 {} };
    within("the post is found", found).await;
    is("get", "/api/search", &site.get("/api/search?q=title").await);

    let account = json!({"username": "ada", "password": "correct horse", "email": "a@b.example"});
    is("post", "/api/users", &site.post("/api/users", &account).await);
    let signed_in = site.post("/api/session", &account).await;
    is("post", "/api/session", &signed_in);
    let cookie = crate::access::session_cookie(&signed_in);
    let signed = [("cookie", cookie.as_str()), ("content-type", "application/json")];
    let ask = async |method, path, body: &str| {
        site.send(method, path, &signed, Bytes::from(body.to_owned())).await
    };
    is("post", "/api/tokens", &ask(Method::POST, "/api/tokens", r#"{"name":"t"}"#).await);
    is("get", "/api/tokens", &ask(Method::GET, "/api/tokens", "").await);
    is("get", "/api/sessions", &ask(Method::GET, "/api/sessions", "").await);
    is("get", "/api/sessions", &site.get("/api/sessions").await);
    crate::access::set_role(&site, "ada", "admin");
    let other = json!({"username": "bob", "password": "correct horse"});
    site.post("/api/users", &other).await.json(201);
    let user = "/api/users/{username}";
    is("patch", user, &ask(Method::PATCH, "/api/users/bob", r#"{"role":"member"}"#).await);
    site.stop().await;
}

/// Every described field is read by the server, which refuses a list as its value.
#[actix_web::test]
async fn the_server_reads_every_described_field_of_a_body() {
    let site = Site::start().await;
    let document = site.get(OPENAPI).await.json(200);
    site.new_post("A post").await;
    site.new_comment(1, "A comment").await;
    site.new_note("A note").await;
    let mut checked = 0;
    for (method, path) in operations(&document) {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let content = &operation["requestBody"]["content"]["application/json"];
        let Some(reference) = content["schema"]["$ref"].as_str() else { continue };
        if operation["security"].as_array().unwrap().first() == Some(&json!({ "session": [] })) {
            continue;
        }
        let schema = document.pointer(&reference[1..]).unwrap();
        for (name, field) in schema["properties"].as_object().unwrap() {
            if field.get("type").or(field.get("enum")).or(field.get("anyOf")).is_none() {
                continue;
            }
            let mut body = content["example"].clone();
            // Tests must not print a password, and the document has its example's.
            if body.get("password").is_some() {
                body["password"] = "correct horse".into();
            }
            body[name] = json!([[1]]);
            let path = path.replace("{id}", "1");
            let headers = [("content-type", "application/json")];
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let body = Bytes::from(body.to_string());
            let refused = site.send(method.clone(), &path, &headers, body).await.json(422);
            assert!(!refused["errors"][name].is_null(), "{method} {path} {name}: {refused}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
    site.stop().await;
}

/// The schemas of the messages that an endpoint sends: those with HTML, or all others.
fn messages(document: &Value, channel: &str, is_html: bool) -> Vec<Value> {
    let operation = format!("{channel}Tells");
    let references = document["operations"][operation]["messages"].as_array().unwrap();
    let prefix = format!("#/channels/{channel}/messages/");
    let message = |reference: &Value| {
        let reference = reference["$ref"].as_str().unwrap();
        let name = reference.strip_prefix(&prefix).unwrap();
        let is_event = !["position", "resync"].contains(&name);
        let payload = document.pointer(&reference[1..]).unwrap()["payload"].clone();
        (!is_event || is_html == (name == "html")).then_some(payload)
    };
    references.iter().filter_map(message).collect()
}

#[actix_web::test]
async fn every_frame_is_a_described_message_of_its_endpoint() {
    let site = Site::start().await;
    let document = site.get(ASYNCAPI).await.json(200);
    site.new_post("A post").await;
    let everything = "posts,comments,notes,system,post_comments_1,presence_1,admin";
    let feed = format!("/feed?channels={everything}");
    let mut sockets = Vec::new();
    for (channel, path) in [
        ("feed", &*feed),
        ("feed", "/feed?last_event_id=0"),
        ("feed", "/feed?last_event_id=99"),
        ("feed", &*format!("{feed}&frame=html")),
        ("comments", "/posts/1/comments/ws"),
        ("comments", "/posts/1/comments/ws?frame=event"),
        ("comments", "/posts/1/comments/ws?frame=html"),
        ("notifications", "/notifications"),
        ("notifications", "/notifications?frame=html"),
    ] {
        sockets.push((channel, path.to_owned(), site.socket(path).await));
    }
    let draft = json!({"title": "A draft", "body": "b", "status": "draft"});
    site.post("/api/posts", &draft).await.json(201);
    site.patch("/api/posts/2", &json!({"status": "published"})).await.json(200);
    site.patch("/api/posts/2", &json!({"status": "draft"})).await.json(200);
    site.new_comment(1, "A comment").await;
    site.put("/api/comments/1", &json!({"body": "Changed"})).await.json(200);
    let note = site.new_note("A note").await;
    site.put("/api/notes/1", &json!({"title": "Changed", "body": "b"})).await.json(200);
    assert_eq!(site.delete("/api/comments/1").await.status, 204);
    assert_eq!(site.delete("/api/posts/2").await.status, 204);
    assert_eq!(site.delete(&format!("/api/notes/{}", note["id"])).await.status, 204);
    let comment = site.new_comment(1, "The last").await;
    site.new_note("The last").await;
    let mut words = std::collections::BTreeSet::new();
    for (channel, path, mut socket) in sockets {
        let known = messages(&document, channel, path.contains("frame=html"));
        let mut is_over = false;
        loop {
            let frame = socket.next_json().await;
            let fits = known.iter().any(|schema| fault(&document, schema, &frame).is_none());
            assert!(fits, "{path}: {frame}");
            words.extend(frame["event"].as_str().map(ToOwned::to_owned));
            let data = frame.get("data").unwrap_or(&frame);
            is_over |= match path.contains("not") {
                true => data["title"] == "The last",
                false => data["id"] == comment["id"] && data["post_id"] == comment["post_id"],
            };
            // The readers and the node's sample are each sent once a second.
            let has_both = words.contains("presence") && words.contains("sample");
            if is_over && (!path.contains("presence") || has_both) {
                break;
            }
        }
        socket.close().await;
    }
    let told = document["x-topics"].as_array().unwrap();
    let logged = told.iter().filter(|topic| topic["reach"] == "log");
    for topic in logged.map(|topic| topic["topic"].as_str().unwrap()) {
        assert!(words.contains(topic), "{topic} was not sent: {words:?}");
    }
    assert!(words.contains("sample") && words.contains("resync"), "{words:?}");
    site.stop().await;
}

#[actix_web::test]
async fn every_close_code_is_described() {
    let site = Site::start().await;
    let document = site.get(ASYNCAPI).await.json(200);
    let codes = document["x-close-codes"].as_array().unwrap();
    let codes: Vec<u64> = codes.iter().map(|close| close["code"].as_u64().unwrap()).collect();
    for code in [1001, 1002, 1007, 1008, 1009, 1011, 1013] {
        assert!(codes.contains(&code), "{code}");
    }
    site.stop().await;
}

/// The commands on the page.
fn commands(page: &str) -> Vec<String> {
    let unescaped = |html: &str| {
        html.replace("&#39;", "'")
            .replace("&#34;", "\"")
            .replace("&#38;", "&")
            .replace("&amp;", "&")
    };
    let begun = page.split("<pre class=\"command\" tabindex=\"0\"><code>").skip(1);
    begun.map(|rest| unescaped(rest.split("</code>").next().unwrap())).collect()
}

#[actix_web::test]
async fn every_command_on_the_page_works_unchanged() {
    if Command::new("curl").arg("--version").output().is_err() {
        let required = std::env::var("KILONOVA_TEST_REQUIRE").unwrap_or_default();
        assert!(!required.contains("curl"), "curl is required and not installed");
        eprintln!("skipped: curl is not installed");
        return;
    }
    let site = Site::start_with(|config| {
        config.access = Access::Accounts;
        config.registration = Registration::Open;
        config.registration_role = kilonova::models::user::Role::Member;
    })
    .await;
    let page = String::from_utf8(site.get("/api/docs").await.body.to_vec()).unwrap();
    let mut commands = commands(&page);
    assert!(commands.len() > 35, "{page}");
    // Signing in comes first, then creation; deletion and signing out come last.
    let rank = |command: &String| match command {
        it if it.contains("/api/users'") => 0,
        it if it.contains("-c cookies.txt") => 1,
        it if it.contains("-b cookies.txt") => 2,
        it if it.contains("/api/session'") => 8,
        it if it.contains("/password'") => 7,
        it if it.contains("-X DELETE") && it.contains("/posts/") => 6,
        it if it.contains("-X DELETE") => 5,
        it if it.contains("Content-Type") && !it.contains("-X ") => 3,
        _ => 4,
    };
    commands.sort_by_key(rank);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("picture.jpg"), png()).unwrap();
    let mut token = String::new();
    let boss = json!({"username": "boss", "password": "correct horse"});
    site.post("/api/users", &boss).await.json(201);
    crate::access::set_role(&site, "boss", "admin");
    for command in commands {
        let is_stream = command.starts_with("curl -N");
        let command = if is_stream { command.replace("curl -N", "curl -i -I") } else { command };
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).current_dir(folder.path()).env("TOKEN", &token);
        let run = actix_web::web::block(move || shell.output().unwrap());
        let output = within("curl ends", run).await.unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let status = told.split(' ').nth(1).unwrap_or_default().to_owned();
        // Examples with ids that this site never had or has deleted.
        let is_gone = command.contains("-X DELETE") && status == "404";
        assert!(status.starts_with('2') || is_gone, "{command}\n{told}");
        if command.contains("/api/users'") {
            crate::access::set_role(&site, "ada", "admin");
        }
        if let Some((_, rest)) = told.split_once("\"token\":\"") {
            token = rest.split('"').next().unwrap().to_owned();
            crate::support::secrets::sent(&[("authorization", &format!("Bearer {token}"))], b"");
        }
    }
    site.stop().await;
}

#[actix_web::test]
async fn the_page_shows_every_operation_and_its_links_resolve() {
    let site = Site::start().await;
    let document = site.get(OPENAPI).await.json(200);
    let answer = site.get("/api/docs").await;
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self';"), "{policy}");
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    for (method, path) in operations(&document) {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let id = operation["operationId"].as_str().unwrap();
        let shown = format!("id=\"{id}\" aria-labelledby=\"{id}-title\"");
        assert!(page.contains(&shown), "{id} is not on the page");
    }
    for rest in page.split("href=\"#").skip(1) {
        let id = rest.split('"').next().unwrap();
        assert!(page.contains(&format!(" id=\"{id}\"")), "{id} is nowhere");
    }
    let elsewhere = page.matches("src=\"http").count();
    assert_eq!(elsewhere, 0, "the page loads from other sites");
    let front = String::from_utf8(site.get("/").await.body.to_vec()).unwrap();
    assert!(front.contains("rel=\"service-desc\"") && front.contains("href=\"/api/docs\">API"));
    site.stop().await;
}
