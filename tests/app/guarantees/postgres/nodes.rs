//! Two nodes on one database.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::http::Method;
use actix_web::web::Bytes;
use diesel::dsl::{select, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join, join_all};
use kilonova::db::{Db, Touches, Tx};
use kilonova::models::note;
use kilonova::models::stored_response::{Key, StoredResponse};
use serde_json::{Value, json};

use crate::databases::Home;
use crate::guarantees::client::{Client, positions};
use crate::guarantees::kills::until;
use crate::guarantees::ledger::{Ledger, Writer};
use crate::guarantees::rows::{Failure, add_note, open};
use crate::guarantees::writer::{enqueued, hold};
use crate::support::{Answer, Site, within};

const WRITES: usize = 40;

/// Starts two nodes. The third value is the database server, to be dropped last.
pub(crate) async fn two() -> Option<(Site, Site, kilonova_test::postgres::Cluster)> {
    let (cluster, home) = super::start()?;
    let second = home.another_node();
    let first = Site::start_in(home, |_| ()).await;
    let second = Site::start_in(second, |_| ()).await;
    Some((first, second, cluster))
}

/// Collects the frames of a socket on a node.
async fn listen(site: &Site) -> Rc<RefCell<Vec<Value>>> {
    let mut socket = site.socket("/feed?channels=posts,comments,notes").await;
    let seen: Rc<RefCell<Vec<Value>>> = Rc::default();
    let frames = Rc::clone(&seen);
    actix_web::rt::spawn(async move {
        loop {
            let frame = socket.next_json().await;
            frames.borrow_mut().push(frame);
        }
    });
    seen
}

#[actix_web::test]
async fn two_nodes_that_write_at_once_assign_each_position_once() {
    let Some((first, second, _cluster)) = two().await else { return };
    let seen = [listen(&first).await, listen(&second).await];
    let nodes = [Client::new(first.port), Client::new(second.port)];
    let writers: Vec<_> = (0..6)
        .map(|number| {
            let mut writer = Writer::new(&nodes[number % 2], number);
            actix_web::rt::spawn(async move {
                for _ in 0..WRITES {
                    writer.write().await;
                }
                writer.ledger
            })
        })
        .collect();
    let mut ledger = Ledger::default();
    for writer in writers {
        ledger.add(within("a writer finishes", writer).await.unwrap());
    }
    for node in &nodes {
        let log = ledger.assert_log(node).await;
        ledger.assert_rows(node).await;
        ledger.assert_index(node).await;
        let count =
            log.iter().filter(|e| !e["channel"].as_str().unwrap().starts_with("post_")).count();
        for seen in &seen {
            until("every socket has got all events", || seen.borrow().len() >= count).await;
        }
    }
    // All sockets saw the same order, that of the log.
    let order = |frames: &RefCell<Vec<Value>>| {
        let frames = frames.borrow();
        frames.iter().map(|f| (f["id"].clone(), f["data"]["id"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(order(&seen[0]), order(&seen[1]));
    let told = positions(&seen[0].borrow());
    assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
    second.stop().await;
    first.stop().await;
}

async fn create(site: &Site, key: &str, note: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    site.send(Method::POST, "/api/notes", &headers, Bytes::from(note.to_string())).await
}

#[actix_web::test]
async fn a_key_used_on_two_nodes_at_once_writes_once() {
    let Some((first, second, _cluster)) = two().await else { return };
    for round in 0..20 {
        let note = json!({"title": format!("Round {round}"), "body": "b", "author": "A"});
        let key = format!("key-{round}");
        let (here, there) = join(create(&first, &key, &note), create(&second, &key, &note)).await;
        assert_eq!((here.status, there.status), (201, 201));
        assert_eq!(here.body, there.body);
        let header = |answer: &Answer, name| answer.headers.get(name).cloned();
        assert_eq!(header(&here, "last-event-id"), header(&there, "last-event-id"));
        let replayed = |answer: &Answer| answer.headers.contains_key("idempotency-replayed");
        assert!(replayed(&here) != replayed(&there), "not exactly one of the two wrote");
        // The position is the event's, even if the other node wrote something in between.
        let position: i64 =
            header(&here, "last-event-id").unwrap().to_str().unwrap().parse().unwrap();
        let path = format!("/api/events?after={}&limit=1", position - 1);
        let event = first.get(&path).await.json(200)["events"][0].clone();
        assert_eq!(event["data"], here.json(201));
    }
    second.stop().await;
    first.stop().await;
}

#[actix_web::test]
async fn only_one_of_two_changes_of_one_version_on_two_nodes_succeeds() {
    let Some((first, second, _cluster)) = two().await else { return };
    first.new_post("Contended").await;
    for round in 0..10 {
        let tag = first.get("/api/posts/1").await.headers.get("etag").unwrap().clone();
        let tag = tag.to_str().unwrap();
        let change = |site: &'static str| json!({"body": format!("{site} in round {round}")});
        let put = |site, name| {
            let headers = [("content-type", "application/json"), ("if-match", tag)];
            let site: &Site = site;
            let body = Bytes::from(change(name).to_string());
            async move { site.send(Method::PUT, "/api/posts/1", &headers, body).await.status }
        };
        let mut answers = join_all([put(&first, "the first"), put(&second, "the second")]).await;
        answers.sort_unstable();
        assert_eq!(answers, [200, 412], "round {round}");
    }
    let log = first.get("/api/events?after=0").await.json(200);
    assert_eq!(log["events"].as_array().unwrap().len(), 11);
    second.stop().await;
    first.stop().await;
}

#[actix_web::test]
async fn nodes_that_start_at_once_create_the_tables_once() {
    let Some((_cluster, home)) = super::start() else { return };
    let others = [home.another_node(), home.another_node(), home.another_node()];
    let databases = others.iter().map(|home| home.database()).collect::<Vec<_>>();
    let opened: Vec<_> = databases
        .into_iter()
        .map(|database| {
            std::thread::spawn(move || {
                let db = Db::open(&database, Box::new(|_| {})).unwrap();
                db.log_id().to_owned()
            })
        })
        .collect();
    let ids: Vec<String> = opened.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && id.len() == 32), "{ids:?}");
    drop(home);
}

#[actix_web::test]
async fn keys_in_opposite_order_on_two_nodes_do_not_deadlock() {
    let Some((_cluster, home)) = super::start() else { return };
    let (first, second, third) = (db(&home).await, db(&home).await, db(&home).await);
    // Both batches begin, and wait for the key in the middle.
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let held = third.clone();
    let middle = actix_web::rt::spawn(async move {
        let wait = move |_: &mut Tx<'_>| {
            entered.send(()).unwrap();
            opened.recv().ok();
            Ok::<_, Failure>(())
        };
        held.transaction_on(Touches::NewRows, Some(key("b")), wait).await
    });
    within("the key in the middle is held", inside).await.unwrap();
    let mut waiting: Vec<BoxFuture<'static, _>> = Vec::new();
    for (db, names) in [(&first, ["a", "b", "c"]), (&second, ["c", "b", "a"])] {
        let gate = hold(db).await;
        for name in names {
            let db = db.clone();
            let once = move |tx: &mut Tx<'_>| {
                if tx.stored_response()?.is_none() {
                    let body = add_note(tx, name)?.id.to_string();
                    let fingerprint = String::new();
                    tx.store_response(&StoredResponse { fingerprint, location: None, body }, None)?;
                }
                Ok::<_, Failure>(())
            };
            let answered =
                async move { db.transaction_on(Touches::NewRows, Some(key(name)), once).await };
            waiting.push(enqueued(answered.boxed()).await);
        }
        gate.send(()).unwrap();
    }
    let blocked = sql::<BigInt>("COUNT(*) FROM pg_locks WHERE NOT granted");
    let both = async {
        loop {
            let blocked = blocked.clone();
            let count = third.read(move |c| Ok::<i64, Failure>(select(blocked).get_result(c)?));
            if count.await.unwrap() == 2 {
                break;
            }
        }
    };
    within("both batches wait", both).await;
    drop(gate);
    for outcome in within("both batches end", join_all(waiting)).await {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    middle.await.unwrap().unwrap();
    let written = third.read(|c| Ok::<_, Failure>(note::count(c)?)).await.unwrap();
    assert_eq!(written, 3, "a key was used twice");
    for db in [first, second, third] {
        db.close().await;
    }
}

/// Opens the database as a separate node.
async fn db(home: &Home) -> Db {
    open(home.database(), Box::new(|_| {})).await
}

fn key(name: &str) -> Key {
    Key {
        account: 0,
        path: "/api/notes".to_owned(),
        key: name.to_owned(),
        fingerprint: String::new(),
    }
}
