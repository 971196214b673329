//! A site from before the log belonged to the feed opens on either database without a visible
//! change. The fixtures' README describes their content.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use actix_web::http::Method;
use actix_web::web::Bytes;
use data_encoding::HEXLOWER;
use diesel::prelude::*;
use diesel::sql_types::Text;
use kilonova::config::Config;
use kilonova::connection::{Access, Database, DbConnection};
use kilonova::feed::diesel::Retention;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::api::search::found;
use crate::databases::Home;
use crate::support::{Site, assert_post, within};

#[actix_web::test]
async fn a_site_from_before_the_feed_opens_and_its_readers_resume() {
    let (home, name) = old_site();
    let index = home.path().join("index");
    let meta = std::fs::read(index.join("meta.json")).unwrap();
    let site = open(home).await;

    // The log has the same events.
    let told: Value = serde_json::from_slice(&std::fs::read(events(name)).unwrap()).unwrap();
    assert_eq!(site.get("/api/events?after=0&limit=100").await.json(200), told);

    // Its posts have slugs, and keep their times.
    let list = site.get("/api/posts").await;
    for post in list.json(200)["posts"].as_array().unwrap() {
        assert_post(post);
        assert!(post["slug"].as_str().is_some_and(|slug| !slug.is_empty()), "{post}");
        assert_eq!(post["published_at"], post["inserted_at"]);
    }

    // The log keeps its id, so a reader resumes and is then live.
    let log = list.header("log-id").unwrap().to_owned();
    let mut socket = site.socket(&format!("/feed?last_event_id=8&log={log}")).await;
    let frames = socket.next_jsons(7).await;
    let positions: Vec<_> = frames.iter().map(|frame| frame["id"].as_i64().unwrap()).collect();
    assert_eq!(positions, [9, 10, 11, 12, 15, 16, 17]);
    assert_eq!(frames[0]["data"], told["events"][8]["data"]);
    assert_eq!(site.new_post("Written after the upgrade").await["id"], 6);
    assert_eq!(socket.next_json().await["id"], 18);
    socket.close().await;

    // The index was built by an older analyzer, and is rebuilt from the rows.
    assert_eq!(found(&site, "edited", 1).await[0]["id"], 1);
    assert_eq!(found(&site, "upgrade", 1).await[0]["id"], 6);
    let segments = |meta: &[u8]| -> BTreeSet<String> {
        let meta: Value = serde_json::from_slice(meta).unwrap();
        let segments = meta["segments"].as_array().unwrap().iter();
        segments.map(|segment| segment["segment_id"].as_str().unwrap().to_owned()).collect()
    };
    let now = std::fs::read(index.join("meta.json")).unwrap();
    assert!(segments(&now).is_disjoint(&segments(&meta)), "the index was not rebuilt");
    site.stop().await;
}

#[actix_web::test]
async fn deleting_a_post_redacts_events_that_are_older_than_the_feed() {
    let (home, _) = old_site();
    let site = open(home).await;
    assert_eq!(site.delete("/api/posts/1").await.status, 204);
    let log = site.get("/api/events?after=0&limit=100").await.json(200);
    for position in [1, 4, 5, 9] {
        let event = &log["events"][position - 1];
        assert_eq!(event["data"], json!({"id": 1, "redacted": true}), "{event}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_migrated_log_has_the_tables_that_the_feed_creates() {
    let (old, _) = old_site();
    let site = open(old).await;
    let handed_over = within("a look", tables(site.database(), |_| ())).await;
    site.stop().await;
    let own = Home::new();
    let made = tables(own.database(), |connection| {
        match connection {
            DbConnection::Sqlite(c) => kilonova::feed::diesel::migrate(c),
            DbConnection::Postgres(c) => kilonova::feed::diesel::migrate(c),
        }
        .unwrap();
    });
    let made = within("a look", made).await;
    assert!(made.len() >= 5, "{made:?}");
    assert_eq!(handed_over, made);
}

#[actix_web::test]
async fn stored_responses_from_before_are_replayed_and_redacted() {
    let (home, _) = old_site();
    let post = json!({"title": "Sent before the upgrade", "body": "b"});
    let fingerprint = HEXLOWER.encode(&Sha256::digest(post.to_string()));
    let time = kilonova::models::now();
    for (key, location, path) in [
        ("kept", "'/api/posts/1'", "/api/posts"),
        ("gone", "'/api/posts/999'", "/api/posts"),
        ("orphan", "NULL", "/api/posts/999/comments"),
    ] {
        home.execute(&format!(
            "INSERT INTO idempotency_keys \
             (path, idempotency_key, fingerprint, location, body, position, inserted_at) \
             VALUES ('{path}', '{key}', '{fingerprint}', {location}, '{{\"id\":1,\"title\":\"t\"}}', 3, '{time}')"
        ));
    }
    let site = open(home).await;
    let send = async |path: &str, key: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        site.send(Method::POST, path, &headers, Bytes::from(post.to_string())).await.json(201)
    };
    assert_eq!(send("/api/posts", "kept").await, json!({"id": 1, "title": "t"}));
    assert_eq!(send("/api/posts", "gone").await, json!({"id": 999, "redacted": true}));
    assert_eq!(send("/api/posts/999/comments", "orphan").await, json!({"redacted": true}));
    // Deleting an upgraded row redacts its stored response.
    assert_eq!(site.delete("/api/posts/1").await.status, 204);
    assert_eq!(send("/api/posts", "kept").await, json!({"id": 1, "redacted": true}));
    site.stop().await;
}

/// The tables, columns and indexes of the log in a database, after calling `first` on it.
async fn tables(
    database: Database,
    first: impl FnOnce(&mut DbConnection) + Send + 'static,
) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        line: String,
    }
    let look = move || {
        let mut connection = database.open(Access::Write).unwrap();
        first(&mut connection);
        let lines: Vec<Line> = match &mut connection {
            DbConnection::Sqlite(c) => diesel::sql_query(
                "SELECT sql AS line FROM sqlite_master \
                 WHERE tbl_name LIKE 'kilonova_%' AND sql IS NOT NULL ORDER BY name",
            )
            .load(c)
            .unwrap(),
            DbConnection::Postgres(c) => diesel::sql_query(
                "SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable \
                     AS line \
                 FROM information_schema.columns WHERE table_name LIKE 'kilonova_%' \
                 UNION SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'kilonova_%' \
                 UNION SELECT prosrc FROM pg_proc WHERE proname LIKE 'kilonova_%' \
                 ORDER BY line",
            )
            .load(c)
            .unwrap(),
        };
        lines.into_iter().map(|line| line.line).collect()
    };
    tokio::task::spawn_blocking(look).await.unwrap()
}

/// The old site, on the database of this run, and the prefix of its fixtures' names.
pub(crate) fn old_site() -> (Home, &'static str) {
    let home = Home::new();
    let name = match home.database() {
        Database::Sqlite(file) => {
            std::fs::copy(fixtures().join("sqlite.db"), file).unwrap();
            "sqlite"
        }
        Database::Postgres(_) => {
            home.execute(&std::fs::read_to_string(fixtures().join("postgres.sql")).unwrap());
            "postgres"
        }
    };
    let index = home.path().join("index");
    std::fs::create_dir(&index).unwrap();
    for file in std::fs::read_dir(fixtures().join(format!("{name}-index"))).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), index.join(file.file_name())).unwrap();
    }
    (home, name)
}

/// Opens the old site, without pruning its old events.
async fn open(home: Home) -> Site {
    open_with(home, |_| ()).await
}

/// The same with a configuration that `change` has modified.
pub(super) async fn open_with(home: Home, change: impl FnOnce(&mut Config)) -> Site {
    Site::start_in(home, |config| {
        config.retention = Retention::default();
        change(config);
    })
    .await
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/before-feed")
}

fn events(name: &str) -> PathBuf {
    fixtures().join(format!("{name}-events.json"))
}

#[test]
fn migrations_of_application_and_feed_have_distinct_versions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let versions = |folder: &str| -> BTreeSet<String> {
        let folder = std::fs::read_dir(root.join(folder)).unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| name.split('_').next().unwrap().replace('-', "")).collect()
    };
    for database in ["sqlite", "postgres"] {
        let own = versions(&format!("migrations/{database}"));
        let feed = versions(&format!("crates/kilonova-feed/migrations/{database}"));
        assert!(!own.is_empty() && !feed.is_empty());
        assert_eq!(own.intersection(&feed).count(), 0, "{own:?} {feed:?}");
    }
}
