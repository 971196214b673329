//! Resuming from a position: after a list, on a quiet channel, from another log, from a pruned
//! position, and from very far behind.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use kilonova::connection::Database;
use kilonova::db::Db;
use kilonova::feed::NewEvent;
use serde_json::{Value, json};

use super::client::{Client, positions};
use super::follower::{Connection, Transport};
use super::ledger::Writer;
use super::rows::{Failure, add_note, prune};
use crate::support::{Raw, Site, within};

const BOTH: [Transport; 2] = [Transport::WebSocket, Transport::ServerSentEvents];

async fn open(client: &Client, transport: Transport, path: &str, after: i64) -> Connection {
    let opened = Connection::open(client, transport, path, Some(after));
    within("a connection", opened).await.unwrap()
}

async fn next(connection: &mut Connection) -> Value {
    within("a frame", connection.next()).await.unwrap()
}

/// Fills a database before a site starts on it.
fn prepare(database: Database, fill: impl FnOnce(&Db) + Send + 'static) {
    let filled = std::thread::spawn(move || {
        let db = Db::open(&database, Box::new(|_| {})).unwrap();
        fill(&db);
        actix_web::rt::System::new().block_on(db.close());
    });
    filled.join().unwrap();
}

/// A client that reads a list and replays from its position has the present state.
#[actix_web::test]
async fn a_list_plus_the_events_after_its_position_is_the_present_state() {
    const LISTS: usize = 25;
    let site = Site::start().await;
    let client = Client::new(site.port);
    let stop = Rc::new(Cell::new(false));
    let writers: Vec<_> = (0..3)
        .map(|number| {
            let (mut writer, stop) = (Writer::new(&client, number), Rc::clone(&stop));
            actix_web::rt::spawn(async move {
                // Few enough writes that a list is a single page.
                for _ in 0..60 {
                    if !stop.get() {
                        writer.write().await;
                    }
                }
            })
        })
        .collect();
    let mut lists: Vec<(i64, Value)> = Vec::new();
    let reading = async {
        // At least `LISTS` lists, and at least one write between the first and the last.
        while lists.len() < LISTS
            || lists.first().map(|list| list.0) == lists.last().map(|list| list.0)
        {
            let (reply, _) = client.insist(Method::GET, "/api/notes?limit=100", None, None).await;
            assert!(reply.json["next"].is_null(), "more than a page");
            lists.push((reply.position.unwrap(), reply.json["notes"].clone()));
        }
    };
    within("something is written between lists", reading).await;
    stop.set(true);
    for writer in writers {
        within("a writer finishes", writer).await.unwrap();
    }
    let by_id = |notes: &Value| -> BTreeMap<i64, Value> {
        let notes = notes.as_array().unwrap().iter();
        notes.map(|note| (note["id"].as_i64().unwrap(), note.clone())).collect()
    };
    let end = by_id(&client.get("/api/notes?limit=100").await["notes"]);
    for (position, list) in lists {
        let mut notes = by_id(&list);
        for event in client.log(position, Some("notes")).await {
            let id = event["data"]["id"].as_i64().unwrap();
            match event["event"].as_str().unwrap() {
                // An existing row would mean that the list was newer than its position.
                "note_created" => {
                    assert!(notes.insert(id, event["data"].clone()).is_none(), "at {position}");
                }
                // A missing row would mean that the list was older.
                "note_updated" => {
                    assert!(notes.insert(id, event["data"].clone()).is_some(), "at {position}");
                }
                _ => assert!(notes.remove(&id).is_some(), "at {position}"),
            }
        }
        assert_eq!(notes, end, "from position {position}");
    }
    drop(client);
    site.stop().await;
}

#[actix_web::test]
async fn a_position_of_another_log_is_answered_with_resync() {
    let (site, other) = (Site::start().await, Site::start().await);
    let client = Client::new(site.port);
    for number in 0..3 {
        site.new_note(&format!("Here {number}")).await;
        other.new_note(&format!("There {number}")).await;
    }
    let header = |answer: crate::support::Answer| answer.header("log-id").unwrap().to_owned();
    let own = header(site.get("/api/notes").await);
    let foreign = header(other.get("/api/notes").await);
    assert_ne!(own, foreign);
    site.settle().await;
    for transport in BOTH {
        let path = format!("/notifications?log={foreign}");
        // Positions of another log, and positions in the future.
        for (path, after) in [
            (path.as_str(), 1),
            (&path, 4),
            (&format!("/notifications?log={own}"), 5),
            ("/notifications", 5),
            ("/notifications", i64::MAX),
        ] {
            let mut connection = open(&client, transport, path, after).await;
            assert_eq!(next(&mut connection).await, json!({"event": "resync", "id": 4}), "{path}");
        }
        let mut connection =
            open(&client, transport, &format!("/notifications?log={own}"), 2).await;
        assert_eq!(positions(&[next(&mut connection).await]), [3]);
    }
    // After the resync the connection is live.
    let mut connection = open(&client, Transport::WebSocket, "/notifications", 99).await;
    assert_eq!(next(&mut connection).await["event"], "resync");
    site.new_note("Live").await;
    assert_eq!(positions(&[next(&mut connection).await]), [5]);
    drop((client, connection));
    other.stop().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_pruned_position_is_answered_with_resync() {
    // Events pruned before the start are not in memory either.
    let site = Site::start_with(|config| {
        prepare(config.storage.database.clone(), |db| {
            for number in 0..20 {
                let title = format!("Note {number}");
                db.transaction_blocking(move |tx| add_note(tx, &title)).unwrap();
            }
            actix_web::rt::System::new().block_on(prune(db, 5));
        });
    })
    .await;
    let client = Client::new(site.port);
    for after in [0, 14] {
        let answer = site.get(&format!("/api/events?after={after}")).await;
        assert_eq!(answer.json(410), json!({"error": "events before 16 are gone", "oldest": 16}));
        for transport in BOTH {
            let mut connection = open(&client, transport, "/notifications", after).await;
            assert_eq!(next(&mut connection).await, json!({"event": "resync", "id": 20}));
        }
    }
    assert_eq!(positions(&client.log(15, None).await), [16, 17, 18, 19, 20]);
    for transport in BOTH {
        let mut connection = open(&client, transport, "/notifications", 15).await;
        for position in 16..=20 {
            assert_eq!(positions(&[next(&mut connection).await]), [position]);
        }
    }
    // With the whole log pruned, an up-to-date client continues, and any other gets a resync.
    prune(site.db(), 0).await;
    assert_eq!(site.get("/api/events?after=19").await.json(410)["oldest"], 21);
    assert_eq!(site.get("/api/events?after=20").await.json(200)["last_event_id"], 20);
    let mut behind = open(&client, Transport::WebSocket, "/notifications", 19).await;
    assert_eq!(next(&mut behind).await, json!({"event": "resync", "id": 20}));
    let mut current = open(&client, Transport::WebSocket, "/notifications", 20).await;
    site.new_note("The next").await;
    assert_eq!(positions(&[next(&mut current).await, next(&mut behind).await]), [21, 21]);
    drop((client, behind, current));
    site.stop().await;
}

#[actix_web::test]
async fn a_client_of_a_quiet_channel_receives_new_positions() {
    let site = Site::start_with(|config| config.heartbeat.ping = Duration::from_millis(100)).await;
    let client = Client::new(site.port);
    let mut position = 0;
    for transport in BOTH {
        let mut connection = open(&client, transport, "/notifications", position).await;
        // None of these events is for this client …
        for number in 0..10 {
            site.new_post(&format!("Elsewhere {number}")).await;
        }
        let end = position + 10;
        while position < end {
            let frame = next(&mut connection).await;
            assert_eq!(frame["event"], "position");
            position = frame["id"].as_i64().unwrap();
        }
        drop(connection);
        // … and when they are all pruned, it resumes from the last position it was sent.
        prune(site.db(), 0).await;
        assert_eq!(site.get(&format!("/api/events?after={}", position - 1)).await.status, 410);
        assert_eq!(site.get(&format!("/api/events?after={position}")).await.status, 200);
        let mut connection = open(&client, transport, "/notifications", position).await;
        let note = site.new_note("For it").await;
        let mut frame = next(&mut connection).await;
        while frame["event"] == "position" {
            frame = next(&mut connection).await;
        }
        assert_eq!((&frame["event"], &frame["data"]), (&json!("note_created"), &note));
        position = frame["id"].as_i64().unwrap();
    }
    drop(client);
    site.stop().await;
}

/// Two clients that are 20,000 events behind and do not read delay no other, and get all events in
/// the end.
#[actix_web::test]
async fn a_client_far_behind_delays_nobody() {
    const BEHIND: i64 = 20_000;
    let site = Site::start_with(|config| {
        // Ten pings a second. A client that does not read for a while must not count as silent.
        config.heartbeat.ping = Duration::from_millis(100);
        prepare(config.storage.database.clone(), |db| {
            for batch in 0..BEHIND / 500 {
                let written = db.transaction_blocking(move |tx| {
                    for id in batch * 500 + 1..=(batch + 1) * 500 {
                        let post = json!({"id": id, "title": "x".repeat(600)});
                        tx.announce(NewEvent::new("posts", "post_created", &post).unwrap());
                    }
                    Ok::<_, Failure>(())
                });
                written.unwrap();
            }
        });
    })
    .await;
    let client = Client::new(site.port);
    let mut socket = Raw::upgrade(&site, "/feed?channels=posts&last_event_id=0").await;
    let mut stream = open(&client, Transport::ServerSentEvents, "/feed?channels=posts", 0).await;
    assert_eq!(positions(&[next(&mut stream).await]), [1]);

    // While both do not read, a live client gets its events on time.
    let mut live = site.socket("/notifications").await;
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        let began = Instant::now();
        let note = site.new_note(&format!("Live {number}")).await;
        assert_eq!(live.next_json().await["data"], note);
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    let post = site.new_post("The newest").await;

    let mut expected = 1;
    while expected <= BEHIND {
        let frame = socket.frame().await.expect("it is not cut");
        if frame.opcode == 1 {
            let frame: Value = serde_json::from_slice(&frame.payload).unwrap();
            assert_eq!(frame["id"], expected);
            expected += 1;
        }
    }
    for expected in 2..=BEHIND {
        assert_eq!(next(&mut stream).await["id"], expected);
    }
    let newest = loop {
        let frame = next(&mut stream).await;
        if frame["event"] != "position" {
            break frame;
        }
    };
    assert_eq!((&newest["data"], newest["id"].as_i64()), (&post, Some(BEHIND + 21)));
    loop {
        let frame = socket.frame().await.expect("it is not cut");
        if frame.opcode == 1 {
            let frame: Value = serde_json::from_slice(&frame.payload).unwrap();
            if frame["event"] != "position" {
                assert_eq!(frame, newest);
                break;
            }
        }
    }
    live.close().await;
    drop((client, socket, stream));
    site.stop().await;
}
