//! Backups and restores that are refused, each with one line that says why.

use std::path::Path;

use serde_json::json;
use tempfile::tempdir;

use super::{backup, done, names, on, refused, restore, sealed};
use crate::crash::{Server, complaint, kilonova};
use crate::databases::Home;

/// Makes a backup of a small site.
fn small(folder: &Path) -> std::path::PathBuf {
    let home = Home::new();
    let server = Server::start(&home);
    let post = json!({"title": "In the backup", "body": "b".repeat(50_000)});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    let file = folder.join("whole.backup");
    done(backup(&home, &file));
    file
}

#[test]
fn a_damaged_backup_is_refused_and_leaves_nothing() {
    let folder = tempdir().unwrap();
    let whole = std::fs::read(small(folder.path())).unwrap();
    let file = folder.path().join("damaged.backup");
    let home = Home::new();
    let try_to_restore = |content: &[u8], words: &[&str]| {
        std::fs::write(&file, content).unwrap();
        refused(restore(&home, &file), &[&["damaged.backup: "], words].concat());
        assert!(names(home.path()).iter().all(|name| name == "server.lock"));
    };
    let cut_off = "it is not a backup, or its end is missing";
    for length in [0, 1, 100, 4096, whole.len() / 2, whole.len() - 70, whole.len() - 1] {
        try_to_restore(&whole[..length], &[cut_off]);
    }
    for at in [20, 4096, whole.len() / 2, whole.len() - 2] {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        try_to_restore(&flipped, &["its checksum does not match"]);
    }
    let missing = [&whole[..8192], &whole[12_288..]].concat();
    try_to_restore(&missing, &["it is damaged: its checksum does not match"]);
    let newer = String::from_utf8_lossy(&whole[whole.len() - 200..]).into_owned();
    let newer = &newer[newer.find("kilonova-backup ").unwrap()..];
    let newer = newer.replace("kilonova-backup 1 ", "kilonova-backup 2 ");
    try_to_restore(newer.as_bytes(), &["a newer version of kilonova", "made it"]);
    // The format and the digest are right, but the content is not a database.
    let text = sealed(folder.path(), b"no database at all".to_vec());
    refused(restore(&home, &text), &["sealed.backup: ", "not a database"]);
    refused(restore(&home, folder.path()), &["cannot read it"]);
    refused(restore(&home, Path::new("/nowhere/at.all")), &["cannot read /nowhere/at.all"]);
    // After these refusals, the intact backup restores to the same home.
    std::fs::write(&file, &whole).unwrap();
    done(restore(&home, &file));
}

#[test]
fn a_site_in_use_is_not_restored_to() {
    let folder = tempdir().unwrap();
    let file = small(folder.path());
    let home = Home::new();
    let server = Server::start(&home);
    refused(restore(&home, &file), &["another server uses the folder", "stop it"]);
    // Another folder, but the same database.
    let other = tempdir().unwrap();
    let mut beside = kilonova(&["restore", file.to_str().unwrap(), "--data-dir"]);
    beside.arg(other.path());
    let database = home.path().join("kilonova.sqlite3");
    let url = home.url().unwrap_or_else(|| format!("sqlite:{}", database.display()));
    beside.env("DATABASE_URL", url);
    refused(beside, &["server uses", "stop it"]);
    drop(server);
    // A site that was started but is empty can be restored to.
    done(restore(&home, &file));
    let server = Server::start(&home);
    assert_eq!(server.call("GET", "/api/posts/1", None).1["title"], "In the backup");
}

#[test]
fn a_server_refuses_a_backup_as_its_database() {
    let folder = tempdir().unwrap();
    let file = small(folder.path());
    let before = std::fs::read(&file).unwrap();
    let url = format!("sqlite:{}", file.display());
    let data = folder.path().join("data");
    for arguments in [&["serve", "--bind", "127.0.0.1:0"][..], &["reindex"], &["user", "list"]] {
        let mut command = kilonova(arguments);
        command.arg("--data-dir").arg(&data).args(["--database-url", &url]);
        refused(command, &["it is a backup; pass it to kilonova restore"]);
    }
    assert!(std::fs::read(&file).unwrap() == before, "the backup was changed");
    let names = names(folder.path());
    assert!(!names.iter().any(|name| name.contains("backup-")), "{names:?}");
}

#[test]
fn a_failed_backup_is_explained_in_one_line() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("site.backup");
    let empty = Home::sqlite();
    refused(backup(&empty, &file), &["there is no site in"]);
    let home = Home::new();
    drop(Server::start(&home));
    refused(backup(&home, Path::new("/nowhere/at.all")), &["cannot write /nowhere/at.all"]);
    refused(backup(&home, folder.path()), &["exists; choose another name"]);
    refused(backup(&home, Path::new("-")), &["- is not a valid name for a new file"]);
    let mut away = on(&empty, &["backup", file.to_str().unwrap()]);
    away.env("DATABASE_URL", "postgres://kilonova:secretword@127.0.0.1:1/site");
    let line = complaint(away);
    assert!(line.contains("127.0.0.1") && !line.contains("secretword"), "{line}");
    assert!(names(folder.path()).is_empty());
}
