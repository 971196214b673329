//! Databases and backups of other versions.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tempfile::tempdir;

use super::{backup, done, on, refused, restore, sealed};
use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::guarantees::upgrade::old_site;

/// A migration by a newer version.
const NEWER: &str = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')";

#[test]
fn a_database_of_a_newer_version_is_refused_by_every_command() {
    for newer in [NEWER, &NEWER.replace("29991231000001", "00000000000999")] {
        let home = Home::new();
        drop(Server::start(&home));
        home.execute(newer);
        let words = ["a newer version of kilonova has migrated it", "use that version"];
        refused(serve(&home, "127.0.0.1:0"), &words);
        let file = home.path().join("site.backup");
        refused(backup(&home, &file), &words);
        refused(on(&home, &["reindex"]), &words);
        refused(on(&home, &["user", "list"]), &words);
        assert!(!file.exists());
    }
}

#[test]
fn a_backup_of_an_older_version_is_migrated_and_one_of_a_newer_version_is_refused() {
    let folder = tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = fixture.join("tests/fixtures/before-feed/sqlite.db");
    let older = std::fs::read(&fixture).unwrap();
    let file = sealed(folder.path(), older.clone());
    let home = Home::new();
    let told = done(restore(&home, &file));
    assert!(told.contains("made by kilonova 0.0.1"), "{told}");
    let server = Server::start(&home);
    let (_, posts) = server.call("GET", "/api/posts", None);
    let posts = posts["posts"].as_array().unwrap();
    assert!(!posts.is_empty() && posts.iter().all(|post| post["slug"].is_string()), "{posts:?}");
    drop(server);

    let newer = folder.path().join("newer.sqlite3");
    std::fs::write(&newer, older).unwrap();
    let mut connection = SqliteConnection::establish(newer.to_str().unwrap()).unwrap();
    connection.batch_execute(NEWER).unwrap();
    drop(connection);
    let file = sealed(folder.path(), std::fs::read(&newer).unwrap());
    refused(restore(&Home::new(), &file), &["sealed.backup: a newer version of kilonova"]);
}

#[test]
fn a_database_of_an_older_version_is_not_changed_by_a_backup() {
    let (home, name) = old_site();
    let file = home.path().join("site.backup");
    let database = home.path().join("kilonova.sqlite3");
    let before = (name == "sqlite").then(|| std::fs::read(&database).unwrap());
    refused(backup(&home, &file), &["an older version of kilonova uses it"]);
    let after = (name == "sqlite").then(|| std::fs::read(&database).unwrap());
    assert!(!file.exists());
    assert!(before == after, "the database was changed");
    // After one start of this version, the backup works.
    drop(Server::start(&home));
    done(backup(&home, &file));
}
