//! A backup or a restore that is cut short leaves nothing behind.

use std::path::Path;
use std::process::{Child, Command};

use serde_json::json;
use tempfile::tempdir;

use super::{backup, done, names, refused, restore};
use crate::crash::{Server, under};
use crate::databases::Home;

/// The number of rows of a large site.
const ROWS: usize = 200_000;

/// Creates a large site without a running server.
fn large() -> Home {
    let home = Home::new();
    drop(Server::start(&home));
    let numbers = match home.url() {
        None => {
            format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})")
        }
        Some(_) => format!("WITH n AS (SELECT generate_series(1, {ROWS}) AS i)"),
    };
    home.execute(&format!(
        "INSERT INTO notes (title, body, author, inserted_at, updated_at) \
         {numbers} SELECT 'Note', 'A body of some length, so that it takes a while', 'Ada', \
         '2026-01-01 10:00:00', '2026-01-01 10:00:00' FROM n"
    ));
    home
}

/// Interrupts a command once `is_there` holds, and returns its only line of output.
fn interrupted(mut command: Command, is_there: impl Fn() -> bool) -> String {
    let mut child: Child = command.spawn().unwrap();
    while !is_there() {
        assert!(child.try_wait().unwrap().is_none(), "the command ended too early");
        std::thread::yield_now();
    }
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn interrupted_backups_and_restores_leave_nothing() {
    let home = large();
    let folder = tempdir().unwrap();
    let file = folder.path().join("site.backup");
    let begun = || names(folder.path()).iter().any(|name| name.contains(".partial-"));
    let told = interrupted(backup(&home, &file), begun);
    assert_eq!(told, "kilonova: stopped; there is no backup\n");
    assert!(names(folder.path()).is_empty());

    done(backup(&home, &file));
    let to = Home::new();
    let told = interrupted(restore(&to, &file), || to.path().join("restore.sqlite3").exists());
    assert_eq!(told, "kilonova: stopped; nothing was restored\n");
    assert!(!names(to.path()).iter().any(|name| name.contains("restore")));
    // The home is empty again and can be restored to.
    done(restore(&to, &file));
    let server = Server::start(&to);
    let (_, notes) = server.call("GET", "/api/notes?limit=1", None);
    assert_eq!(notes["notes"][0]["id"], ROWS);
}

#[test]
fn a_full_disk_leaves_no_backup() {
    let home = Home::new();
    let server = Server::start(&home);
    for number in 0..60 {
        let note =
            json!({"title": format!("Note {number}"), "body": "x".repeat(50_000), "author": "A"});
        assert_eq!(server.call("POST", "/api/notes", Some(&note)).0, 201);
    }
    let folder = tempdir().unwrap();
    let file = folder.path().join("site.backup");
    // The unit is 512 bytes or, in some shells, 1024.
    let full = |command: &Command| under("ulimit -S -f 2048", command);
    refused(
        full(&backup(&home, &file)),
        &["cannot write", "site.backup: ", "disk", "there is no backup"],
    );
    assert!(names(folder.path()).is_empty());
    done(backup(&home, &file));
    drop(server);
    let to = Home::sqlite();
    refused(full(&restore(&to, &file)), &["cannot restore", "site.backup: ", "too large"]);
    assert!(is_without_copy(to.path()));
    done(restore(&to, &file));
}

fn is_without_copy(folder: &Path) -> bool {
    !names(folder).iter().any(|name| name.contains("restore"))
}
