//! A disk that is full, as a limit on the size of files that the server may write.

use std::process::Command;
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use kilonova::connection::DbConnection;
use kilonova::db::Db;
use serde_json::{Value, json};

use crate::crash::{Server, kilonova, under};
use crate::databases::Home;

/// Blocks of 512 bytes or, in some shells, 1024.
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
        // Large ones until the disk is full, then some that would fit anywhere else.
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
        // What writes need is not there any more, and the node says so.
        match server.call("GET", "/health/ready", None) {
            (200, _) => {}
            (503, answer) if refused > 0 => {
                assert_eq!(answer, json!({"error": "writes fail: try again later"}));
                unready += 1;
            }
            other => panic!("{other:?}"),
        }
        // Reads go on all the while.
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
    assert!(unready > 0, "it was ready all the while");
    // There is room again.
    let mut lift = Command::new("prlimit");
    lift.args(["--fsize=unlimited:", "--pid", &server.id().to_string()]);
    assert!(lift.status().unwrap().success());
    // It finds out without a client that writes.
    let lifted = Instant::now();
    while server.call("GET", "/health/ready", None).0 != 200 {
        assert!(lifted.elapsed() < Duration::from_secs(30), "it stays unready");
    }
    let (status, after) = server.call("POST", "/api/notes", Some(&note(0, 50_000)));
    assert_eq!(status, 201, "it does not write again");
    acknowledged.push(after);
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0), "it does not end in order");

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
    assert_eq!(told, acknowledged, "one event for each note, and none for what was refused");
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));

    let database = home.database();
    let checked = actix_web::rt::System::new().block_on(async {
        let open = move || Db::open(&database, Box::new(|_| {}));
        let opened = tokio::task::spawn_blocking(open).await;
        let db = opened.unwrap().unwrap();
        let checked = db.read(|connection| {
            let DbConnection::Sqlite(connection) = connection else { panic!("it is a file") };
            let rows = diesel::sql_query("PRAGMA integrity_check").load::<Check>(connection)?;
            Ok::<_, super::rows::Failure>(rows)
        });
        checked.await.unwrap()
    });
    let words: Vec<_> = checked.iter().map(|row| row.integrity_check.as_str()).collect();
    assert_eq!(words, ["ok"]);
}
