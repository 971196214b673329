//! The binary, killed at critical moments by failpoints. Only debug builds have failpoints; the
//! tests are skipped in a release build.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use actix_web::http::Method;
use serde_json::json;

use super::client::{Client, positions};
use super::follower::{Follower, Transport};
use super::kills::start;
use crate::crash::serve;
use crate::databases::Home;
use crate::support::within;

const SIGABRT: i32 = 6;

/// Whether the binary has failpoints. Prints that the test is skipped if it has none.
pub(super) fn built_in() -> bool {
    if !cfg!(debug_assertions) {
        drop(writeln!(std::io::stderr(), "skipped: a release build has no failpoints"));
    }
    cfg!(debug_assertions)
}

/// Writes notes until the server dies at the failpoint. Then restarts it, repeats the unanswered
/// write, and checks that every note exists once. Returns whether the repeated write had been
/// committed before.
async fn dies_at(failpoint: &str) -> bool {
    let home = Home::new();
    let server = start(&home, 0, Some(failpoint.to_owned())).await;
    let client = Client::new(server.port);
    let mut follower = Follower::new(&client, Transport::WebSocket, "/notifications");
    let write = |number: usize| {
        let client = client.clone();
        async move {
            let note = json!({"title": format!("Note {number}"), "body": "gallium", "author": "A"});
            client.once(&Method::POST, "/api/notes", Some(&format!("{number}")), Some(&note)).await
        }
    };
    let mut ids = Vec::new();
    let unanswered = loop {
        let number = ids.len();
        match within("an answer or none", write(number)).await {
            Some(reply) => ids.push(reply.json["id"].as_i64().unwrap()),
            None => break number,
        }
        // The server may die with or without a subscriber.
        if number % 2 == 0 {
            within("an event", follower.take(1)).await;
        }
        assert!(number < 5000, "the server does not die");
    };
    let port = server.port;
    assert_eq!(server.ended().signal(), Some(SIGABRT));

    let server = start(&home, port, None).await;
    let again = write(unanswered).await.unwrap();
    assert_eq!(again.status, 201);
    ids.push(again.json["id"].as_i64().unwrap());
    let mut listed: Vec<i64> = client
        .list("/api/notes", "notes")
        .await
        .iter()
        .map(|note| note["id"].as_i64().unwrap())
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, ids);
    let log = client.log(0, Some("notes")).await;
    assert_eq!(positions(&log), (1..=ids.len() as i64).collect::<Vec<_>>());
    follower.take_up_to(ids.len()).await;
    assert_eq!(positions(&follower.seen.borrow()), positions(&log));
    let found = async {
        loop {
            let hits = client.get("/api/search?q=gallium&limit=100").await;
            let mut found: Vec<i64> = hits["hits"]
                .as_array()
                .unwrap()
                .iter()
                .map(|hit| hit["id"].as_i64().unwrap())
                .collect();
            found.sort_unstable();
            assert!(found.len() <= ids.len().min(100), "a document is duplicated");
            if found == ids || (ids.len() > 100 && found.len() == 100) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    within("the index has caught up", found).await;
    drop(server);
    again.replayed
}

#[actix_web::test]
async fn a_death_before_the_commit_leaves_nothing() {
    if built_in() {
        assert!(!dies_at("before-commit:4").await, "an uncommitted write exists");
    }
}

#[actix_web::test]
async fn a_death_between_commit_and_announcement_loses_no_event() {
    if built_in() {
        assert!(dies_at("after-commit:4").await, "a committed write is lost");
        assert!(dies_at("after-commit:1").await, "a committed write is lost");
    }
}

#[actix_web::test]
async fn a_death_between_the_index_and_its_reload_keeps_each_document_once() {
    if built_in() {
        // The first commit is that of the new, empty index.
        dies_at("index-committed:2").await;
        dies_at("index-committed:3").await;
    }
}

#[actix_web::test]
async fn a_due_post_is_published_once_whichever_commit_its_node_dies_at() {
    if !built_in() {
        return;
    }
    let home = Home::new();
    let server = start(&home, 0, None).await;
    let (client, port) = (Client::new(server.port), server.port);
    let due = chrono::Utc::now() + chrono::TimeDelta::milliseconds(1500);
    let post = json!({
        "title": "Due", "body": "b", "status": "scheduled", "publish_at": due.to_rfc3339(),
    });
    assert_eq!(
        client.once(&Method::POST, "/api/posts", None, Some(&post)).await.unwrap().status,
        201
    );
    let mut follower = Follower::new(&client, Transport::WebSocket, "/feed?channels=posts");
    server.signal("KILL");
    server.ended();
    while chrono::Utc::now() < due {
        tokio::task::yield_now().await;
    }
    // A node publishes due posts among its first writes.
    for point in ["before-commit", "after-commit"] {
        for commit in 1..=3 {
            let mut command = serve(&home, &format!("127.0.0.1:{port}"));
            command.env("KILONOVA_FAILPOINT", format!("{point}:{commit}"));
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut server = command.spawn().unwrap();
            let note = json!({"title": "Written", "body": "b", "author": "A"});
            let dies = async {
                loop {
                    if let Some(status) = server.try_wait().unwrap() {
                        return status;
                    }
                    client.once(&Method::POST, "/api/notes", None, Some(&note)).await;
                    tokio::task::yield_now().await;
                }
            };
            assert_eq!(within("it dies", dies).await.signal(), Some(SIGABRT));
        }
    }
    let server = start(&home, port, None).await;
    let published = async { while client.get("/api/posts/1").await["status"] != "published" {} };
    within("the post is published", published).await;
    let log = client.log(0, Some("posts")).await;
    let topics: Vec<_> = log.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(topics, ["post_created", "post_updated", "post_published"]);
    follower.take_up_to(3).await;
    assert_eq!(positions(&follower.seen.borrow()), positions(&log));
    drop(server);
}
