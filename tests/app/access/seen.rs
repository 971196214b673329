//! Drafts are hidden from others in lists, events, replays, streams and searches.

use actix_web::http::Method;
use kilonova::db;
use serde_json::{Value, json};

use super::{Accounts, ROLES, Role, on_one_node_and_on_three};
use crate::support::{Raw, within};

/// All events that a role reads from the log.
async fn log(accounts: &Accounts, role: Role) -> Vec<Value> {
    let page = accounts.send(role, Method::GET, "/api/events?after=0&limit=100", &Value::Null);
    let page = page.await.json(200);
    page["events"].as_array().unwrap().clone()
}

/// All events that a role receives on these channels, up to a position.
async fn replayed(accounts: &Accounts, role: Role, path: &str, last: i64) -> Vec<Value> {
    let mut raw = Raw::connect(accounts.next()).await;
    let headers = [("Accept", "text/event-stream"), ("Cookie", accounts.cookie(role))];
    let headers = if role == Role::Nobody { &headers[..1] } else { &headers[..] };
    assert_eq!(raw.ask("GET", path, headers, b"").await.status, 200);
    let mut told = Vec::new();
    let read = async {
        loop {
            let block = raw.block().await.expect("the stream goes on");
            let data = block.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(data) = data {
                let frame: Value = serde_json::from_str(data).unwrap();
                let id = frame["id"].as_i64().unwrap();
                told.push(frame);
                if id >= last {
                    return;
                }
            }
        }
    };
    within("the replay", read).await;
    told
}

#[actix_web::test]
async fn a_draft_is_visible_only_to_its_author_and_admins() {
    on_one_node_and_on_three(async |accounts| {
        let draft = json!({"title": "Secret draft", "body": "confidential", "status": "draft"});
        let post = accounts.send(Role::Author, Method::POST, "/api/posts", &draft).await.json(201);
        let path = format!("/api/posts/{}", post["id"]);
        let comment = json!({"body": "A secret comment"});
        let comments = format!("{path}/comments");
        accounts.send(Role::Author, Method::POST, &comments, &comment).await.json(201);
        let sees = |role| [Role::Author, Role::Admin].contains(&role);
        for role in ROLES {
            let drafts = accounts.send(role, Method::GET, "/api/posts?status=draft", &Value::Null);
            let drafts = drafts.await.json(200)["posts"].as_array().unwrap().len();
            assert_eq!(drafts, usize::from(sees(role)), "{role:?}");
            let log = log(accounts, role).await;
            assert_eq!(log.len(), if sees(role) { 3 } else { 0 }, "{role:?}: {log:?}");
            let (mut raw, status) = accounts.open(role, "/?status=draft", "text/html").await;
            assert_eq!(status, 200);
            let _ = raw.is_closed().await;
        }

        // After publication, its revisions as a draft stay hidden.
        let published = json!({"title": "Public now", "body": "open", "status": "published"});
        accounts.send(Role::Author, Method::PATCH, &path, &published).await.json(200);
        let all =
            ["post_created", "comment_created", "new_comment", "post_updated", "post_published"];
        for role in ROLES {
            let log = log(accounts, role).await;
            let topics: Vec<_> = log.iter().map(|event| event["event"].as_str().unwrap()).collect();
            let expected = if sees(role) { &all[..] } else { &all[3..] };
            assert_eq!(topics, expected, "{role:?}");
            let told = replayed(accounts, role, "/feed?last_event_id=0", 5).await;
            let text = Value::from(told).to_string();
            assert_eq!(text.contains("confidential"), sees(role), "{role:?}: {text}");
            assert!(text.contains("Public now"), "{role:?}: {text}");
        }
    })
    .await;
}

#[actix_web::test]
async fn a_withdrawn_post_reads_as_deleted_except_to_its_author() {
    on_one_node_and_on_three(async |accounts| {
        let post = json!({"title": "For a while", "body": "b"});
        let post = accounts.send(Role::Author, Method::POST, "/api/posts", &post).await.json(201);
        let path = format!("/api/posts/{}", post["id"]);
        let mut live = Vec::new();
        for role in ROLES {
            live.push((role, accounts.open(role, "/feed", "text/event-stream").await.0));
        }
        let draft = json!({"status": "draft"});
        accounts.send(Role::Author, Method::PATCH, &path, &draft).await.json(200);
        for (role, mut raw) in live {
            let event = within("the event", async {
                loop {
                    let block = raw.block().await.expect("the stream goes on");
                    let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                    let event = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
                    // A node may receive the post's creation only now.
                    if let Some(event) = event.filter(|event| event["id"] != 1) {
                        return event;
                    }
                }
            })
            .await;
            let replayed = replayed(accounts, role, "/feed?last_event_id=1", 2).await;
            assert_eq!(replayed, std::slice::from_ref(&event), "{role:?}");
            if [Role::Author, Role::Admin].contains(&role) {
                assert_eq!(event["event"], "post_updated", "{role:?}");
                assert_eq!(event["data"]["status"], "draft");
            } else {
                assert_eq!(event["event"], "post_deleted", "{role:?}");
                assert_eq!(event["data"], json!({"id": post["id"]}), "{role:?}");
            }
            assert_eq!(event["id"], 2);
        }
    })
    .await;
}

#[actix_web::test]
async fn only_accounts_find_notes() {
    on_one_node_and_on_three(async |accounts| {
        accounts.note().await;
        let found = async |role, kind: &str| {
            let path = format!("/api/search?q=note{kind}");
            let answer = accounts.send(role, Method::GET, &path, &Value::Null).await;
            match answer.status {
                503 => None,
                _ => Some(answer.json(200)["hits"].as_array().unwrap().len()),
            }
        };
        // Each node has its own index.
        let indexed = async {
            let mut nodes = 0;
            while nodes < accounts.sites.len() {
                nodes = if found(Role::Admin, "").await == Some(1) { nodes + 1 } else { 0 };
            }
        };
        within("the indexes", indexed).await;
        for role in ROLES {
            let hits = if role == Role::Nobody { 0 } else { 1 };
            for kind in ["", "&kind=note"] {
                assert_eq!(found(role, kind).await, Some(hits), "{role:?} {kind}");
            }
        }
    })
    .await;
}

#[actix_web::test]
async fn hidden_rows_are_neither_found_nor_counted() {
    on_one_node_and_on_three(async |accounts| {
        let post = json!({"title": "On borrowing", "body": "xenon"});
        let post = accounts.send(Role::Author, Method::POST, "/api/posts", &post).await.json(201);
        let path = format!("/api/posts/{}", post["id"]);
        let mut comments = Vec::new();
        for _ in 0..2 {
            let comment = json!({"body": "xenon"});
            let thread = format!("{path}/comments");
            let written = accounts.send(Role::Commenter, Method::POST, &thread, &comment);
            comments.push(format!("/api/comments/{}", written.await.json(201)["id"]));
        }
        let draft = json!({"title": "A draft", "body": "xenon", "status": "draft"});
        accounts.send(Role::Author, Method::POST, "/api/posts", &draft).await.json(201);
        let found = async |role, kind: &str| {
            let path = format!("/api/search?q=xenon{kind}");
            let answer = accounts.send(role, Method::GET, &path, &Value::Null).await;
            (answer.status == 200).then(|| {
                let answer = answer.json(200);
                let hits = answer["hits"].as_array().unwrap().len();
                assert_eq!(answer["total"], hits, "{role:?}");
                hits
            })
        };
        // Each node's index follows the log. Until it has caught up with a withdrawal and the
        // republication, it may find too few rows.
        let indexed = async |count: usize| {
            for site in &accounts.sites {
                let last = site.db().snapshot(|_| Ok::<_, db::Error>(())).await.unwrap().position;
                site.state().search.caught_up(last).await.unwrap();
            }
            for role in ROLES.into_iter().cycle().take(ROLES.len() * accounts.sites.len()) {
                assert_eq!(found(role, "").await, Some(count), "{role:?}");
                let comments = count.saturating_sub(1);
                assert_eq!(found(role, "&kind=comment").await, Some(comments), "{role:?}");
                assert_eq!(found(role, "&kind=note").await, Some(0), "{role:?}");
                // A fourth request shifts the rotation, so that each query reaches all three nodes.
                assert_eq!(found(role, "&kind=post").await, Some(count.min(1)), "{role:?}");
            }
        };
        let change = async |path: &str, fields: Value| {
            accounts.send(Role::Author, Method::PATCH, path, &fields).await.json(200);
        };
        within("the indexes", indexed(3)).await;
        change(&comments[0], json!({"state": "hidden"})).await;
        // From the moment of the change, not only once the index has caught up.
        for role in ROLES {
            assert_ne!(found(role, "").await, Some(3), "{role:?}");
        }
        within("the indexes", indexed(2)).await;
        change(&path, json!({"status": "draft"})).await;
        for role in ROLES {
            assert_eq!(found(role, "").await, Some(0), "{role:?}");
        }
        within("the indexes", indexed(0)).await;
        change(&path, json!({"status": "published"})).await;
        within("the indexes", indexed(2)).await;
        change(&comments[0], json!({"state": "visible"})).await;
        within("the indexes", indexed(3)).await;
    })
    .await;
}

#[actix_web::test]
async fn a_deleted_draft_cannot_be_followed() {
    on_one_node_and_on_three(async |accounts| {
        let make = async |status: &str| {
            let post = json!({"title": "Gone soon", "body": "b", "status": status});
            let post =
                accounts.send(Role::Author, Method::POST, "/api/posts", &post).await.json(201);
            let path = format!("/api/posts/{}", post["id"]);
            let gone = accounts.send(Role::Author, Method::DELETE, &path, &Value::Null).await;
            assert_eq!(gone.status, 204);
            format!("/feed?channels=post_comments_{}", post["id"])
        };
        let (draft, public) = (make("draft").await, make("published").await);
        for role in ROLES {
            let sees = [Role::Author, Role::Admin].contains(&role);
            let (_, status) = accounts.open(role, &draft, "text/event-stream").await;
            assert_eq!(status, if sees { 200 } else { 404 }, "{role:?}");
            assert_eq!(accounts.open(role, &public, "text/event-stream").await.1, 200, "{role:?}");
        }
    })
    .await;
}
