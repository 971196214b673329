//! Presence at a post, its readers and who is typing: names for signed-in readers, numbers for
//! everybody else, and nothing for those who may not see the post.

use std::time::{Duration, Instant};

use actix_web::http::Method;
use kilonova::db;
use kilonova::models::sign_in;
use kilonova_test::raw::{masked, opcode};
use serde_json::{Value, json};

use super::ends::UPGRADE;
use super::{Accounts, Role, on_one_node_and_on_three};
use crate::support::{Raw, Site, within};

/// Opens a WebSocket to this path on a node.
async fn join(accounts: &Accounts, site: &Site, role: Role, path: &str) -> Raw {
    let mut raw = Raw::connect(site).await;
    let mut headers = UPGRADE.to_vec();
    if role != Role::Nobody {
        headers.push(("Cookie", accounts.cookie(role)));
    }
    assert_eq!(raw.ask("GET", path, &headers, b"").await.status, 101, "{path} for {role:?}");
    raw
}

fn of(post: i64) -> String {
    format!("/feed?channels=posts,presence_{post}")
}

/// The next text frame; `None` at the end.
async fn next(raw: &mut Raw) -> Option<Value> {
    loop {
        let frame = within("a frame", raw.frame()).await?;
        match frame.opcode {
            opcode::TEXT => return Some(serde_json::from_slice(&frame.payload).unwrap()),
            opcode::CLOSE => return None,
            opcode::PING => raw.send(&masked(opcode::PONG, &frame.payload)).await,
            _ => {}
        }
    }
}

/// Reads frames until the post's readers are as expected.
async fn until(raw: &mut Raw, post: i64, expected: Value) {
    let mut last = Value::Null;
    let told = async {
        loop {
            let frame = next(raw).await.expect("a frame");
            if frame["event"] != "presence" {
                continue;
            }
            assert_eq!(frame["channel"], format!("presence_{post}"));
            assert_eq!(frame.get("id"), None, "presence is not logged");
            if frame["data"] == expected {
                return;
            }
            last = frame["data"].clone();
        }
    };
    if tokio::time::timeout(Duration::from_secs(20), told).await.is_err() {
        panic!("expected {expected}, last got {last}");
    }
}

fn readers(guests: usize, names: &[&str]) -> Value {
    json!({"guests": guests, "names": names, "typing": []})
}

async fn types(raw: &mut Raw) {
    raw.send(&masked(opcode::TEXT, br#"{"typing":true}"#)).await;
}

#[actix_web::test]
async fn only_signed_in_readers_see_names() {
    on_one_node_and_on_three(async |accounts| {
        let post = accounts.post_of(Role::Author).await;
        let sites = [accounts.site(), &accounts.sites[accounts.sites.len() - 1]];
        let mut author = join(accounts, sites[0], Role::Author, &of(post)).await;
        until(&mut author, post, readers(0, &["author"])).await;
        let mut guest = join(accounts, sites[1], Role::Nobody, &of(post)).await;
        until(&mut guest, post, readers(2, &[])).await;
        let mut other = join(accounts, sites[1], Role::Other, &of(post)).await;
        until(&mut author, post, readers(1, &["author", "other"])).await;
        until(&mut other, post, readers(1, &["author", "other"])).await;
        until(&mut guest, post, readers(3, &[])).await;
        // A second window of one account is not another reader.
        let mut again = join(accounts, sites[0], Role::Other, &of(post)).await;
        until(&mut again, post, readers(1, &["author", "other"])).await;

        types(&mut other).await;
        let typing = json!({"guests": 1, "names": ["author", "other"], "typing": ["other"]});
        until(&mut author, post, typing).await;
        until(&mut guest, post, json!({"guests": 3, "names": [], "typing": [null]})).await;
        // Typing ends after a while, and when the socket closes.
        until(&mut author, post, readers(1, &["author", "other"])).await;
        types(&mut guest).await;
        let typing = json!({"guests": 1, "names": ["author", "other"], "typing": [null]});
        until(&mut author, post, typing).await;
        drop(guest);
        until(&mut author, post, readers(0, &["author", "other"])).await;
        drop((other, again));
        until(&mut author, post, readers(0, &["author"])).await;
    })
    .await;
}

#[actix_web::test]
async fn an_account_can_hide_its_name() {
    on_one_node_and_on_three(async |accounts| {
        let post = accounts.post_of(Role::Author).await;
        let last = &accounts.sites[accounts.sites.len() - 1];
        let mut author = join(accounts, accounts.site(), Role::Author, &of(post)).await;
        let mut other = join(accounts, last, Role::Other, &of(post)).await;
        until(&mut author, post, readers(0, &["author", "other"])).await;
        let begun = Instant::now();
        assert_eq!(accounts.form(Role::Other, "/account/presence", "shown=false").await, 303);
        // The account's sockets close.
        while next(&mut other).await.is_some() {}
        drop(other);
        until(&mut author, post, readers(0, &["author"])).await;
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        let mut other = join(accounts, last, Role::Other, &of(post)).await;
        until(&mut author, post, readers(1, &["author"])).await;
        until(&mut other, post, readers(1, &["author"])).await;
        types(&mut other).await;
        until(&mut author, post, json!({"guests": 1, "names": ["author"], "typing": [null]})).await;
        let page = accounts.send(Role::Other, Method::GET, "/account", &Value::Null).await;
        let page = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(page.contains("Show my name to other readers"), "{page}");

        assert_eq!(accounts.form(Role::Other, "/account/presence", "shown=perhaps").await, 422);
        assert_eq!(accounts.form(Role::Other, "/account/presence", "shown=true").await, 303);
        while next(&mut other).await.is_some() {}
        let mut other = join(accounts, last, Role::Other, &of(post)).await;
        until(&mut other, post, readers(0, &["author", "other"])).await;
    })
    .await;
}

#[actix_web::test]
async fn hiding_a_name_costs_allowance_for_every_connection_it_closes() {
    let accounts = Accounts::start_with(|config| {
        config.allowances.writes_per_account = 512 * 1024;
    })
    .await;
    let ends = async || {
        let last = accounts.site().db().read(|c| Ok::<_, db::Error>(sign_in::last_end(c)?));
        last.await.unwrap()
    };
    for number in 0..12 {
        let name = json!({ "name": format!("token {number}") });
        accounts.send(Role::Other, Method::POST, "/api/tokens", &name).await.json(201);
    }
    let set = async |shown: &str| accounts.form(Role::Other, "/account/presence", shown).await;
    let before = ends().await;
    assert_eq!(set("shown=true").await, 303);
    assert_eq!(ends().await, before, "the name was already shown");
    let mut sent = 0;
    for shown in ["shown=false", "shown=true"].into_iter().cycle().take(10) {
        match set(shown).await {
            303 => sent += 1,
            429 => break,
            status => panic!("{status}"),
        }
    }
    assert!((1..=4).contains(&sent), "{sent}");
    assert!(ends().await >= before + 13 * sent);
    accounts.stop().await;
}

#[actix_web::test]
async fn presence_at_a_withdrawn_post_is_for_its_author_and_admins() {
    on_one_node_and_on_three(async |accounts| {
        let post = accounts.post_of(Role::Author).await;
        let site = accounts.site();
        let mut guest = join(accounts, site, Role::Nobody, &of(post)).await;
        until(&mut guest, post, readers(1, &[])).await;
        let path = format!("/api/posts/{post}");
        let draft = json!({"status": "draft"});
        accounts.send(Role::Author, Method::PATCH, &path, &draft).await.json(200);
        let mut author = join(accounts, site, Role::Author, &of(post)).await;
        until(&mut author, post, readers(1, &["author"])).await;
        let mut admin = join(accounts, site, Role::Admin, &of(post)).await;
        until(&mut author, post, readers(1, &["author", "boss"])).await;
        until(&mut admin, post, readers(1, &["author", "boss"])).await;
        // An event after all others.
        let last = accounts.post_of(Role::Author).await;
        let mut events = Vec::new();
        loop {
            let frame = next(&mut guest).await.expect("a frame");
            events.push(frame["event"].clone());
            if frame["data"]["id"] == last {
                break;
            }
        }
        assert_eq!(events, ["post_deleted", "post_created"]);

        // The channel alone is not found, but a page that also follows others keeps those.
        let alone = format!("/feed?channels=presence_{post}");
        assert_eq!(accounts.open(Role::Other, &alone, "text/event-stream").await.1, 404);
        let mut other = join(accounts, site, Role::Other, &of(post)).await;
        let next_post = accounts.post_of(Role::Author).await;
        let frame = next(&mut other).await.expect("a frame");
        assert_eq!(
            (&frame["event"], &frame["data"]["id"]),
            (&json!("post_created"), &json!(next_post))
        );
        drop(author);
        until(&mut admin, post, readers(1, &["boss"])).await;
    })
    .await;
}

#[actix_web::test]
async fn presence_at_an_unseen_draft_is_not_found() {
    let accounts = Accounts::start().await;
    let draft = json!({"title": "A draft", "body": "b", "status": "draft"});
    let draft = accounts.send(Role::Author, Method::POST, "/api/posts", &draft).await.json(201);
    let path = of(draft["id"].as_i64().unwrap());
    for (role, status) in
        [(Role::Nobody, 404), (Role::Other, 404), (Role::Author, 200), (Role::Admin, 200)]
    {
        assert_eq!(accounts.open(role, &path, "text/event-stream").await.1, status, "{role:?}");
    }
    // A request with `as=guest` is treated as a guest's.
    let as_guest = format!("{path}&as=guest");
    assert_eq!(accounts.open(Role::Author, &as_guest, "text/event-stream").await.1, 404);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_socket_is_present_at_one_post_and_presence_is_not_logged() {
    let accounts = Accounts::start().await;
    let (one, two) = (accounts.post_of(Role::Author).await, accounts.post_of(Role::Author).await);
    for path in [
        format!("/feed?channels=presence_{one},presence_{two}"),
        "/feed?channels=presence_".to_owned(),
        "/feed?channels=presence_x".to_owned(),
        format!("/feed?channels=presence_{one}&as=author"),
        format!("/api/events?after=0&channel=presence_{one}"),
    ] {
        assert_eq!(accounts.open(Role::Author, &path, "text/event-stream").await.1, 422, "{path}");
    }
    let missing = "/feed?channels=presence_999";
    assert_eq!(accounts.open(Role::Author, missing, "text/event-stream").await.1, 404);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_crowd_sends_a_reader_one_frame_a_second() {
    let accounts = Accounts::start().await;
    let post = accounts.post_of(Role::Author).await;
    let mut first = join(&accounts, accounts.site(), Role::Nobody, &of(post)).await;
    until(&mut first, post, readers(1, &[])).await;
    let begun = Instant::now();
    let mut crowd = Vec::new();
    for _ in 0..40 {
        let mut raw = join(&accounts, accounts.site(), Role::Nobody, &of(post)).await;
        // Well over once a second.
        for _ in 0..5 {
            types(&mut raw).await;
        }
        crowd.push(raw);
    }
    let mut frames = 0;
    loop {
        let frame = next(&mut first).await.expect("a frame");
        frames += usize::from(frame["event"] == "presence");
        if frame["data"]["guests"] == 41 && frame["data"]["typing"] == json!(vec![Value::Null; 20])
        {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs() as usize;
    assert!(frames <= seconds + 2, "{frames} frames in {seconds} s");
    accounts.stop().await;
}

#[actix_web::test]
async fn a_post_without_readers_keeps_no_presence_state() {
    let accounts = Accounts::start().await;
    let post = accounts.post_of(Role::Author).await;
    let channels = async || {
        let told = accounts.send(Role::Admin, Method::GET, "/api/channels", &Value::Null);
        let told = told.await.json(200);
        let names = told["channels"].as_array().unwrap().iter();
        let names = names.map(|channel| channel["channel"].as_str().unwrap().to_owned());
        names.filter(|name| name.ends_with(&format!("_{post}"))).collect::<Vec<_>>()
    };
    let mut reader = join(&accounts, accounts.site(), Role::Author, &of(post)).await;
    until(&mut reader, post, readers(0, &["author"])).await;
    let mut there = channels().await;
    there.sort();
    assert_eq!(there, [format!("presence_{post}"), format!("typing_{post}")]);
    drop(reader);
    within("both are gone", async { while !channels().await.is_empty() {} }).await;
    accounts.stop().await;
}
