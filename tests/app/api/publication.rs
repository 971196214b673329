//! Publication: slugs, addresses, scheduled posts, and the order of lists.

use actix_web::http::Method;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::RunQueryDsl;
use serde_json::{Value, json};

use crate::crash::Server;
use crate::databases::Home;
use crate::support::{Answer, Raw, Site, assert_post, ids, within};

/// The response for a page, without following redirects.
async fn page(site: &Site, path: &str) -> Answer {
    Raw::connect(site).await.ask("GET", path, &[("Accept", "text/html")], b"").await
}

/// The address that a page redirects to.
async fn led(site: &Site, path: &str) -> String {
    let answer = page(site, path).await;
    assert_eq!(answer.status, 301, "{path}: {answer:?}");
    // Browsers cache permanent redirects, but the slug may change back.
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    answer.header("location").unwrap().to_owned()
}

/// The time `milliseconds` from now.
fn soon(milliseconds: i64) -> String {
    (Utc::now() + TimeDelta::milliseconds(milliseconds)).to_rfc3339()
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn a_slug_is_made_at_first_publication_and_stays() {
    let site = Site::start().await;
    let draft = json!({"title": "What's new?", "body": "b", "status": "draft"});
    let draft = site.post("/api/posts", &draft).await.json(201);
    assert_post(&draft);
    assert!(draft["slug"].is_null() && draft["published_at"].is_null(), "{draft}");
    let change = async |change: Value| site.patch("/api/posts/1", &change).await.json(200);
    let renamed = change(json!({"title": "Ünïcode & Größe"})).await;
    assert!(renamed["slug"].is_null());
    let published = change(json!({"status": "published"})).await;
    assert_eq!(published["slug"], "ünïcode-größe");
    assert_eq!(published["published_at"], published["updated_at"]);
    let renamed = change(json!({"title": "Another title"})).await;
    assert_eq!(renamed["slug"], "ünïcode-größe");
    let withdrawn = change(json!({"status": "draft"})).await;
    assert_eq!(withdrawn["published_at"], published["published_at"]);
    let again = change(json!({"status": "published"})).await;
    assert_eq!(again["published_at"], published["published_at"], "the time has changed");
    assert_eq!(change(json!({"slug": "v2.0_日記"})).await["slug"], "v2.0_日記");
    // If the title yields no slug, the address has only the id.
    let nameless = site.post("/api/posts", &json!({"title": "!!!", "body": "b"})).await.json(201);
    assert!(nameless["slug"].is_null());
    assert_eq!(page(&site, "/posts/2").await.status, 200);
    let chosen = json!({"title": "Title", "body": "b", "slug": "mine"});
    assert_eq!(site.post("/api/posts", &chosen).await.json(201)["slug"], "mine");
    site.stop().await;
}

#[actix_web::test]
async fn a_slug_that_is_not_a_path_segment_is_refused() {
    let site = Site::start().await;
    site.new_post("A post").await;
    let long = "x".repeat(201);
    for slug in ["a/b", "a b", "-a", "..", "a?b", "a#b", "a%2Fb", "\u{202e}a", &long] {
        let fields = json!({"title": "Title", "body": "b", "slug": slug});
        for answer in [
            site.post("/api/posts", &fields).await,
            site.patch("/api/posts/1", &json!({ "slug": slug })).await,
        ] {
            let errors = &answer.json(422)["errors"]["slug"];
            assert!(errors[0].is_string(), "{slug:?}: {errors}");
        }
    }
    site.stop().await;
}

#[actix_web::test]
async fn every_form_of_a_posts_address_redirects_to_one() {
    let site = Site::start().await;
    site.new_post("Hello, World").await;
    site.new_post("私の日記").await;
    assert_eq!(page(&site, "/posts/1-hello-world").await.status, 200);
    for form in ["/posts/1", "/posts/1-", "/posts/1-hello", "/posts/1-Hello-World"] {
        assert_eq!(led(&site, form).await, "/posts/1-hello-world");
    }
    assert_eq!(led(&site, "/posts/1?a=b&c=%20d").await, "/posts/1-hello-world?a=b&c=%20d");
    let encoded = "/posts/2-%E7%A7%81%E3%81%AE%E6%97%A5%E8%A8%98";
    assert_eq!(led(&site, "/posts/2").await, encoded);
    assert_eq!(page(&site, encoded).await.status, 200);
    for no_post in ["/posts/3", "/posts/3-hello", "/posts/01-hello-world", "/posts/1x", "/posts/-1"]
    {
        assert_eq!(page(&site, no_post).await.status, 404, "{no_post}");
    }
    // Lists link to it, and the form redirects to it.
    let list = page(&site, "/").await;
    assert!(String::from_utf8_lossy(&list.body).contains("href=\"/posts/1-hello-world\""));
    site.patch("/api/posts/1", &json!({"slug": "other"})).await.json(200);
    assert_eq!(led(&site, "/posts/1-hello-world").await, "/posts/1-other");
    site.stop().await;
}

#[actix_web::test]
async fn publishing_a_draft_puts_it_on_top() {
    let site = Site::start().await;
    let draft = json!({"title": "Draft", "body": "b", "status": "draft"});
    site.post("/api/posts", &draft).await.json(201);
    site.new_post("Second").await;
    site.new_post("Third").await;
    site.patch("/api/posts/1", &json!({"status": "published"})).await.json(200);
    let mut met = Vec::new();
    let mut path = "/api/posts?limit=1".to_owned();
    loop {
        let list = site.get(&path).await.json(200);
        met.extend(ids(&list["posts"]));
        let Some(next) = list["next"].as_str() else { break };
        path = format!("/api/posts?limit=1&cursor={next}");
    }
    assert_eq!(met, [1, 3, 2]);
    site.stop().await;
}

#[actix_web::test]
async fn a_scheduled_post_needs_a_future_time() {
    let site = Site::start().await;
    let scheduled =
        |at: Value| json!({"title": "Later", "body": "b", "status": "scheduled", "publish_at": at});
    for (at, why) in [
        (Value::Null, "can't be blank"),
        (json!(soon(-1000)), "must be in the future"),
        (json!("tomorrow"), "is invalid"),
        (json!("2026-02-30T00:00:00Z"), "is invalid"),
        (json!(1_800_000_000), "is invalid"),
        (json!("99999-01-01T00:00:00Z"), "is invalid"),
        (json!("9999-12-31T23:59:60Z"), "is invalid"),
    ] {
        let refusal = site.post("/api/posts", &scheduled(at.clone())).await.json(422);
        assert_eq!(refusal["errors"]["publish_at"], json!([why]), "{at}");
    }
    site.new_post("A post").await;
    let refusal = site.patch("/api/posts/1", &json!({"status": "scheduled"})).await.json(422);
    assert_eq!(refusal["errors"]["publish_at"][0], "can't be blank");

    let at = "2999-01-01T02:00:00.5+02:00";
    let post = site.post("/api/posts", &scheduled(json!(at))).await.json(201);
    assert_post(&post);
    assert_eq!(post["publish_at"], "2999-01-01T00:00:00.500000Z");
    assert!(post["published_at"].is_null() && post["slug"].is_null());
    let list = async |status: &str| {
        ids(&site.get(&format!("/api/posts?status={status}")).await.json(200)["posts"])
    };
    assert_eq!(list("scheduled").await, [2]);
    assert!(list("draft").await.is_empty());
    // A leap second becomes the next second: databases and lists have no leap seconds.
    let leap = site.post("/api/posts", &scheduled(json!("2998-12-31T23:59:60Z"))).await.json(201);
    assert_eq!(leap["publish_at"], "2999-01-01T00:00:00.000000Z");
    site.delete("/api/posts/3").await;
    // Other fields can change without a new time.
    let change = async |change: Value| site.patch("/api/posts/2", &change).await.json(200);
    assert_eq!(change(json!({"title": "Later still"})).await["publish_at"], post["publish_at"]);
    let draft = change(json!({"status": "draft"})).await;
    assert!(draft["publish_at"].is_null());
    assert_eq!(list("draft").await, [2]);
    let published = change(json!({"status": "published", "publish_at": at})).await;
    assert!(published["publish_at"].is_null());
    assert!(time(&published["published_at"]) < Utc::now());
    site.stop().await;
}

#[actix_web::test]
async fn a_scheduled_post_is_published_automatically_once() {
    let site = Site::start().await;
    site.new_post("Before").await;
    site.settle().await;
    let mut socket = site.socket("/feed").await;
    for (title, milliseconds) in [("Second", 1400), ("First", 1200)] {
        let fields = json!({
            "title": title, "body": "b", "status": "scheduled", "publish_at": soon(milliseconds),
        });
        site.post("/api/posts", &fields).await.json(201);
    }
    let scheduled = site.get("/api/posts?status=scheduled").await.json(200);
    let frames = within("the posts are published", socket.next_jsons(6)).await;
    let told: Vec<_> = frames
        .iter()
        .map(|frame| (frame["event"].as_str().unwrap(), frame["data"]["id"].as_i64().unwrap()))
        .collect();
    let expected = [
        ("post_created", 2),
        ("post_created", 3),
        ("post_updated", 3),
        ("post_published", 3),
        ("post_updated", 2),
        ("post_published", 2),
    ];
    assert_eq!(told, expected);
    for frame in &frames[2..] {
        let post = &frame["data"];
        assert_post(post);
        let planned = scheduled["posts"].as_array().unwrap().iter();
        let planned = planned.into_iter().find(|planned| planned["id"] == post["id"]).unwrap();
        assert_eq!(post["published_at"], planned["publish_at"]);
        assert!(time(&post["published_at"]) <= time(&post["updated_at"]), "published early");
        assert_eq!(post["status"], "published");
    }
    assert_eq!(ids(&site.get("/api/posts").await.json(200)["posts"]), [2, 3, 1]);
    // No further event follows.
    site.new_post("Afterwards").await;
    assert_eq!(socket.next_json().await["data"]["title"], "Afterwards");
    site.stop().await;
}

#[actix_web::test]
async fn a_request_repeated_after_publication_gets_the_stored_response() {
    let site = Site::start().await;
    let post = json!({
        "title": "Due", "body": "b", "status": "scheduled", "publish_at": soon(1000),
    })
    .to_string();
    let send = async || {
        let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
        site.send(Method::POST, "/api/posts", &headers, post.clone().into()).await
    };
    let mut socket = site.socket("/feed").await;
    let first = send().await.json(201);
    let frames = within("the post is published", socket.next_jsons(3)).await;
    assert_eq!(frames[2]["event"], "post_published");
    let again = send().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(201), first);
    site.stop().await;
}

#[test]
fn posts_due_during_downtime_are_published_at_the_next_start() {
    let home = Home::new();
    let server = Server::start(&home);
    let at = soon(2500);
    let post = json!({"title": "Due", "body": "b", "status": "scheduled", "publish_at": at});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    server.signal("KILL");
    server.ended();
    while Utc::now() < time(&json!(at)) {
        std::thread::yield_now();
    }
    let server = Server::start(&home);
    let begun = std::time::Instant::now();
    let events = loop {
        let (_, log) = server.call("GET", "/api/events?after=0", None);
        let events = log["events"].as_array().unwrap().clone();
        if events.len() == 3 {
            break events;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{events:?}");
    };
    let topics: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(topics, ["post_created", "post_updated", "post_published"]);
    assert_eq!(time(&events[2]["data"]["published_at"]), time(&events[0]["data"]["publish_at"]));
}

#[actix_web::test]
async fn each_scheduled_post_is_published_by_only_one_of_two_nodes() {
    let Some((first, second, _cluster)) = crate::guarantees::postgres::nodes::two().await else {
        return;
    };
    const POSTS: usize = 60;
    let at = soon(3_600_000);
    for number in 0..POSTS {
        let fields = json!({
            "title": format!("Post {number}"), "body": "b", "status": "scheduled", "publish_at": at,
        });
        let node = if number % 2 == 0 { &first } else { &second };
        node.post("/api/posts", &fields).await.json(201);
    }
    // Makes all of them due at once.
    let passes = first.db().transaction(|tx| {
        let passes = "UPDATE posts SET publish_at = publish_at - interval '1 hour'";
        diesel::sql_query(passes).execute(tx.connection).map_err(kilonova::db::Error::from)
    });
    assert_eq!(passes.await.unwrap().value, POSTS);
    let published = async || {
        let (mut events, mut after) = (Vec::new(), json!(0));
        loop {
            let path = format!("/api/events?after={after}&limit=100");
            let page = first.get(&path).await.json(200);
            if page["events"] == json!([]) {
                break;
            }
            events.extend(page["events"].as_array().unwrap().clone());
            after = page["last_event_id"].clone();
        }
        let told = events.iter().filter(|event| event["event"] == "post_published");
        told.map(|event| event["data"]["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    let all = async {
        loop {
            let ids = published().await;
            if ids.len() >= POSTS {
                break ids;
            }
        }
    };
    let mut ids = within("all are published", all).await;
    assert_eq!(ids.len(), POSTS, "some were published twice");
    ids.dedup();
    assert_eq!(ids.len(), POSTS);
    assert!(ids.is_sorted(), "not in the order of their times: {ids:?}");
    for site in [first, second] {
        site.stop().await;
    }
}
