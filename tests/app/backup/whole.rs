//! A restored site equals the one that was backed up.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::Method;
use actix_web::web::Bytes;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::{backup, done, refused, restore};
use crate::crash::Server;
use crate::databases::Home;
use crate::guarantees::postgres;
use crate::guarantees::postgres::copying::{fill, shown};
use crate::support::Site;

/// Fills a site with every kind of row, backs it up while its server runs, restores it, and
/// compares what both sites show.
async fn assert_restored(from: Home, to: Home) {
    let folder = tempdir().unwrap();
    let file = folder.path().join("site.backup");
    let site = Site::start_in(from, |_| ()).await;
    fill(&site).await;
    let picture = Bytes::from_static(include_bytes!("../../../docs/pictures/front.png"));
    let headers = [("content-type", "image/png")];
    let upload = site.send(Method::POST, "/api/uploads", &headers, picture).await.json(201);
    let picture = upload["url"].as_str().unwrap().to_owned();
    let shows = json!({"title": "Shows a picture", "body": format!("![A page]({picture})")});
    site.post("/api/posts", &shows).await.json(201);
    let ada = json!({"username": "ada", "password": "correct horse"});
    let signed_in = site.post("/api/session", &ada).await;
    signed_in.json(201);
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let (was, log) = shown(&site).await;

    let told = done(backup(site.home(), &file));
    for count in ["1 users", "1 sign_ins", "3 posts", "1 bin_posts", "1 uploads", "1 draft_links"] {
        assert!(told.contains(count), "{count}: {told}");
    }
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    refused(backup(site.home(), &file), &["site.backup exists", "choose another name"]);
    let image = site.get(&picture).await.body;
    let from = site.stop_keeping_data().await;

    let told = done(restore(&to, &file));
    assert!(told.contains("made by kilonova ") && told.contains("sign in again"), "{told}");
    assert!(told.contains("3 posts") && !told.contains("sign_ins"), "{told}");
    assert!(!to.path().join("restore.sqlite3").exists());
    let again = restore(&to, &file);
    refused(again, &["is not empty", "row(s); restore to a new data folder"]);

    let site = Site::start_in(to, |_| ()).await;
    let (is, new_log) = shown(&site).await;
    assert_eq!(is, was);
    assert_ne!(new_log, log, "the log's id must change, since positions are reused");
    assert_eq!(site.get(&picture).await.body, image);
    // All sign-ins and links to drafts are gone, but everybody can sign in again.
    let headers = [("cookie", cookie.as_str())];
    let page = site.send(Method::GET, "/", &headers, Bytes::new()).await;
    assert!(!String::from_utf8_lossy(&page.body).contains(">Ada<"));
    site.post("/api/session", &ada).await.json(201);
    let secrets = "SELECT id FROM draft_links UNION SELECT id FROM sign_ins WHERE id = 1";
    site.home().execute(&format!(
        "INSERT INTO notes (id, title, body, author, inserted_at, updated_at) \
         SELECT 1000, 'left', 'b', 'a', '2026-01-01', '2026-01-01' WHERE EXISTS ({secrets})"
    ));
    assert_eq!(site.get("/api/notes/1000").await.status, 404);
    // Ids of deleted rows are not reused, and the bin has its entries.
    assert_eq!(site.new_note("After the restore").await["id"], 3);
    site.stop().await;
    drop((from, folder));
}

#[actix_web::test]
async fn a_restored_backup_is_the_same_site() {
    assert_restored(Home::new(), Home::new()).await;
}

#[actix_web::test]
async fn a_backup_of_either_database_restores_into_the_other() {
    let Some((cluster, home)) = postgres::start() else { return };
    assert_restored(home, Home::sqlite()).await;
    assert_restored(Home::sqlite(), Home::on(&cluster.url())).await;
    drop(cluster);
}

#[actix_web::test]
async fn a_backup_under_writes_is_a_consistent_snapshot() {
    let home = Home::new();
    let server = Arc::new(start(&home).await);
    let enough = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (server, enough) = (Arc::clone(&server), Arc::clone(&enough));
            std::thread::spawn(move || {
                for number in 0.. {
                    let title = format!("Writer {writer}, number {number}");
                    let post = json!({"title": title, "body": "b".repeat(2_000)});
                    let (status, post) = server.call("POST", "/api/posts", Some(&post));
                    assert_eq!(status, 201);
                    let path = format!("/api/posts/{}/comments", post["id"]);
                    let comment = json!({"body": "With its post"});
                    assert_eq!(server.call("POST", &path, Some(&comment)).0, 201);
                    if enough.load(Ordering::Relaxed) {
                        return number;
                    }
                }
                0
            })
        })
        .collect();
    let folder = tempdir().unwrap();
    let mut positions = Vec::new();
    for number in 0..3 {
        let file = folder.path().join(format!("{number}.backup"));
        let made = backup(&home, &file);
        tokio::task::spawn_blocking(|| done(made)).await.unwrap();
        let to = Home::sqlite();
        let put_back = restore(&to, &file);
        tokio::task::spawn_blocking(|| done(put_back)).await.unwrap();
        positions.push(assert_of_one_moment(to).await);
    }
    enough.store(true, Ordering::Relaxed);
    let written: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    assert!(written > 0 && positions[0] < positions[2], "no write in between: {positions:?}");
}

async fn start(home: &Home) -> Server {
    crate::guarantees::kills::start(home, 0, None).await
}

/// Checks that the log has every event up to its position and that the rows match the events.
/// Returns the position.
async fn assert_of_one_moment(home: Home) -> i64 {
    let site = Site::start_in(home, |_| ()).await;
    let mut events: Vec<Value> = Vec::new();
    loop {
        let path = format!("/api/events?after={}&limit=100", events.len());
        let page = site.get(&path).await.json(200);
        let found = page["events"].as_array().unwrap();
        if found.is_empty() {
            break;
        }
        events.extend_from_slice(found);
    }
    let ids: Vec<i64> = events.iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=ids.len() as i64).collect::<Vec<_>>());
    let of = |topic: &str| {
        let found = events.iter().filter(|event| event["event"] == topic);
        found.map(|event| event["data"].clone()).collect::<Vec<_>>()
    };
    let (posts, comments) = (of("post_created"), of("comment_created"));
    for post in &posts {
        let path = format!("/api/posts/{}", post["id"]);
        assert_eq!(site.get(&path).await.json(200), *post);
        let list = site.get(&format!("{path}/comments")).await.json(200);
        let told = comments.iter().filter(|comment| comment["post_id"] == post["id"]);
        assert_eq!(list["comments"], Value::from_iter(told.cloned()));
    }
    let after = posts.iter().map(|post| post["id"].as_i64().unwrap()).max().unwrap_or(0) + 1;
    assert_eq!(site.get(&format!("/api/posts/{after}")).await.status, 404);
    site.stop().await;
    ids.len() as i64
}
