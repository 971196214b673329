//! A full disk, simulated by a limit on the size of files that the server may write.

use std::process::Command;
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use kilonova::connection::DbConnection;
use kilonova::db::Db;
use serde_json::{Value, json};

use crate::crash::{Server, kilonova, under};
use crate::databases::Home;

/// The limit, in units of 512 bytes or, in some shells, 1024.
const BLOCKS: &str = "2048";

#[derive(diesel::QueryableByName)]
struct Check {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

fn note(number: usize, size: usize) -> Value {
    json!({"title": format!("Note {number}"), "body": "x".repeat(size), "author": "A"})
}

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    let home = Home::sqlite();
    let mut whole = kilonova(&["--bind", "127.0.0.1:0", "--data-dir"]);
    whole.arg(home.path());
    let server = Server::of(under(&format!("ulimit -S -f {BLOCKS}"), &whole));
    let mut acknowledged = Vec::new();
    let (mut refused, mut unready) = (0, 0);
    for number in 0.. {
        // Large notes until the disk is full, then small ones.
        let size = if refused == 0 { 50_000 } else { 50 };
        let (status, answer) = server.call("POST", "/api/notes", Some(&note(number, size)));
        match status {
            201 => acknowledged.push(answer),
            503 => {
                assert_eq!(
                    answer,
                    json!({"error": "the database is not available: try again later"})
                );
                refused += 1;
            }
            other => panic!("{other}: {answer}"),
        }
        // The node cannot write and is not ready.
        match server.call("GET", "/health/ready", None) {
            (200, _) => {}
            (503, answer) if refused > 0 => {
                assert_eq!(answer, json!({"error": "writes fail: try again later"}));
                unready += 1;
            }
            other => panic!("{other:?}"),
        }
        // Reads still work.
        if let Some(newest) = acknowledged.last() {
            let path = format!("/api/notes/{}", newest["id"]);
            assert_eq!(server.call("GET", &path, None), (200, newest.clone()));
        }
        if refused == 10 {
            break;
        }
        assert!(number < 1000, "the disk does not fill up");
    }
    assert!(!acknowledged.is_empty());
    assert!(unready > 0, "the node was ready although writes failed");
    // Makes room again.
    let mut lift = Command::new("prlimit");
    lift.args(["--fsize=unlimited:", "--pid", &server.id().to_string()]);
    assert!(lift.status().unwrap().success());
    // The node notices the room without a client's write.
    let lifted = Instant::now();
    while server.call("GET", "/health/ready", None).0 != 200 {
        assert!(lifted.elapsed() < Duration::from_secs(30), "the node stays unready");
    }
    let (status, after) = server.call("POST", "/api/notes", Some(&note(0, 50_000)));
    assert_eq!(status, 201, "writes still fail");
    acknowledged.push(after);
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0), "the server did not stop cleanly");

    let server = Server::start(&home);
    for note in &acknowledged {
        assert_eq!(server.call("GET", &format!("/api/notes/{}", note["id"]), None).1, *note);
    }
    let (status, after) = server.call("POST", "/api/notes", Some(&note(0, 50_000)));
    assert_eq!(status, 201);
    acknowledged.push(after);
    let (_, log) = server.call("GET", "/api/events?after=0&limit=100", None);
    let told: Vec<_> =
        log["events"].as_array().unwrap().iter().map(|e| e["data"].clone()).collect();
    assert_eq!(told, acknowledged, "not one event for each acknowledged note");
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));

    let database = home.database();
    let checked = actix_web::rt::System::new().block_on(async {
        let open = move || Db::open(&database, Box::new(|_| {}));
        let opened = tokio::task::spawn_blocking(open).await;
        let db = opened.unwrap().unwrap();
        let checked = db.read(|connection| {
            let DbConnection::Sqlite(connection) = connection else { panic!("not SQLite") };
            let rows = diesel::sql_query("PRAGMA integrity_check").load::<Check>(connection)?;
            Ok::<_, super::rows::Failure>(rows)
        });
        checked.await.unwrap()
    });
    let words: Vec<_> = checked.iter().map(|row| row.integrity_check.as_str()).collect();
    assert_eq!(words, ["ok"]);
}
