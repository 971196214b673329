//! `kilonova copy` from SQLite to PostgreSQL and back, run as the real binary.

use std::process::Output;

use actix_web::http::Method;
use actix_web::web::Bytes;
use kilonova::connection::Database;
use serde_json::{Value, json};

use crate::crash::kilonova;
use crate::databases::Home;
use crate::support::{Answer, Raw, Site};

const LISTS: [&str; 6] = [
    "/api/posts?limit=100",
    "/api/posts?limit=100&status=draft",
    "/api/posts?limit=100&tag=kept",
    "/api/posts/1/comments?limit=100",
    "/api/notes?limit=100",
    "/api/events?after=0&limit=100",
];

/// The database's name on the command line.
pub(crate) fn named(home: &Home) -> String {
    home.url().unwrap_or_else(|| format!("sqlite:{}/kilonova.sqlite3", home.path().display()))
}

fn copy(from: &Home, to: &Home) -> Output {
    let mut command = kilonova(&["copy", "--from", &named(from)]);
    command.env("KILONOVA_TO", named(to)).output().unwrap()
}

async fn create_note(site: &Site) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", "kept")];
    let note = json!({"title": "Answered once", "body": "b", "author": "A"});
    site.send(Method::POST, "/api/notes", &headers, Bytes::from(note.to_string())).await
}

/// Fills a site with every kind of row, and deletes the newest one.
pub(crate) async fn fill(site: &Site) {
    let post = json!({"title": "A post", "body": "Ünïcode\n\n*text* 日本", "tags": ["kept", "b"]});
    site.post("/api/posts", &post).await.json(201);
    let draft = json!({"title": "A draft", "body": "b", "status": "draft"});
    site.post("/api/posts", &draft).await.json(201);
    site.patch("/api/posts/1", &json!({"title": "Changed"})).await.json(200);
    site.new_post("In the bin").await;
    site.new_comment(3, "With it").await;
    assert_eq!(send_form(site, "/posts/3/delete").await, 303);
    for number in 0..30 {
        site.new_comment(1, &format!("Comment {number}")).await;
    }
    create_note(site).await.json(201);
    let gone = site.new_note("Deleted").await;
    assert_eq!(site.delete(&format!("/api/notes/{}", gone["id"])).await.status, 204);
    let ada = json!({"username": "Ada", "email": "ada@example.org", "password": "correct horse"});
    site.post("/api/users", &ada).await.json(201);
    site.home().execute(UNSAVED);
}

/// Submits a form and returns the status.
async fn send_form(site: &Site, path: &str) -> u16 {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    Raw::connect(site).await.request("POST", path, &headers, b"").await.status
}

/// An unsaved text with an upload, and a link to a draft.
const UNSAVED: &str = "
    INSERT INTO working_copies (id, user_id, post_id, title, body, tags, slug, status, publish_at,
                                version, written_by, updated_at)
    VALUES (7, 1, 2, 'Typed', 'b', '', '', '', '', 'v', 'w', '2999-01-01 10:00:00');
    INSERT INTO copy_uploads (copy_id, digest) VALUES (7, 'd');
    INSERT INTO draft_links (token_digest, post_id, inserted_at, expires_at)
    VALUES ('t', 2, '2026-01-01 10:00:00', '2999-01-01 10:00:00')";

/// Asserts that the sign-in is still valid and that the name is still taken.
async fn assert_accounts(site: &Site, cookie: &str) {
    let headers = [("cookie", cookie)];
    let page = site.send(Method::GET, "/", &headers, Bytes::new()).await;
    assert!(String::from_utf8_lossy(&page.body).contains(">Ada<"), "{page:?}");
    let ada = json!({"username": "ADA", "password": "correct horse"});
    let taken = json!({"errors": {"username": ["has already been taken"]}});
    assert_eq!(site.post("/api/users", &ada).await.json(422), taken);
    let eve = json!({"username": "eve", "password": "correct horse"});
    assert_eq!(site.post("/api/users", &eve).await.json(201)["role"], "commenter");
}

/// Everything that the API shows, and the id of the log.
pub(crate) async fn shown(site: &Site) -> (Vec<Value>, String) {
    let mut all = Vec::new();
    let mut log = String::new();
    for path in LISTS {
        let answer = site.get(path).await;
        if let Some(id) = answer.headers.get("log-id") {
            log = id.to_str().unwrap().to_owned();
        }
        all.push(answer.json(200));
    }
    (all, log)
}

async fn copied(from: Home, to: Home) -> Site {
    let before = Site::start_in(from, |_| ()).await;
    let (was, log) = shown(&before).await;
    let answered = create_note(&before).await;
    let ada = json!({"username": "ada", "password": "correct horse"});
    let signed_in = before.post("/api/session", &ada).await;
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let from = before.stop_keeping_data().await;

    let output = copy(&from, &to);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let told = String::from_utf8(output.stdout).unwrap();
    for count in [
        "1 users",
        "1 sign_ins",
        "2 posts",
        "2 post_tags",
        "30 comments",
        "1 notes",
        "1 bin_entries",
        "1 bin_posts",
        "1 bin_comments",
        "1 working_copies",
    ] {
        assert!(told.contains(count), "{count}: {told}");
    }
    assert!(told.contains("1 copy_uploads, 1 draft_links"), "{told}");
    let to_itself = copy(&from, &from);
    assert!(String::from_utf8_lossy(&to_itself.stderr).contains("to itself"), "{to_itself:?}");
    // A second copy is refused, because it would mix with existing rows.
    let again = copy(&from, &to);
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("not empty"));

    let after = Site::start_in(to, |_| ()).await;
    assert_eq!(shown(&after).await, (was, log), "the copy differs from the original");
    assert_accounts(&after, &cookie).await;
    let replayed = create_note(&after).await;
    assert_eq!(replayed.body, answered.body);
    assert_eq!(
        replayed.headers.get("last-event-id"),
        answered.headers.get("last-event-id"),
        "a stored response has changed"
    );
    // A client that was connected before resumes.
    let mut socket = after.socket("/notifications?last_event_id=64").await;
    let created = after.new_note("After the move").await;
    assert_eq!(created["id"], 3, "the id of a deleted note was reused");
    let frame = loop {
        let frame = socket.next_json().await;
        if frame["data"] == created {
            break frame;
        }
    };
    let log = after.get("/api/events?after=0&limit=100").await.json(200);
    assert_eq!(frame["id"], log["events"].as_array().unwrap().last().unwrap()["id"]);
    socket.close().await;
    after.delete("/api/notes/3").await;
    assert_eq!(send_form(&after, "/bin/1/restore").await, 303);
    let comments = after.get("/api/posts/3/comments").await.json(200);
    assert_eq!(comments["comments"][0]["body"], "With it");
    after.delete("/api/posts/3").await.json(204);
    after
}

#[actix_web::test]
async fn a_copy_to_postgres_is_the_same_site() {
    let Some((_cluster, home)) = super::start() else { return };
    let embedded = Home::sqlite();
    let site = Site::start_in(embedded, |_| ()).await;
    fill(&site).await;
    let embedded = site.stop_keeping_data().await;
    copied(embedded, home).await.stop().await;
}

#[actix_web::test]
async fn a_copy_back_to_sqlite_is_the_same_site() {
    let Some((_cluster, home)) = super::start() else { return };
    let site = Site::start_in(home, |_| ()).await;
    fill(&site).await;
    let home = site.stop_keeping_data().await;
    copied(home, Home::sqlite()).await.stop().await;
}

#[actix_web::test]
async fn a_failed_copy_leaves_nothing() {
    let Some((cluster, home)) = super::start() else { return };
    let site = Site::start_in(Home::sqlite(), |_| ()).await;
    fill(&site).await;
    // A server uses the database.
    let running =
        kilonova(&["copy", "--from", &named(site.home()), "--to", &named(&home)]).output();
    let running = running.unwrap();
    assert!(String::from_utf8_lossy(&running.stderr).contains("stop it first"), "{running:?}");
    let embedded = site.stop_keeping_data().await;

    let prepared = Site::start_in(home, |_| ()).await;
    let home = prepared.stop_keeping_data().await;
    home.execute("ALTER TABLE notes ADD CONSTRAINT broken CHECK (title = '')");
    let broken = copy(&embedded, &home);
    assert!(!broken.status.success());
    let said = String::from_utf8_lossy(&broken.stderr);
    assert!(said.contains("nothing was copied") && said.lines().count() == 1, "{said}");
    // The target is empty and can be copied to.
    home.execute("ALTER TABLE notes DROP CONSTRAINT broken");
    let whole = copy(&embedded, &home);
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    drop((home, cluster));
}

#[actix_web::test]
async fn a_copy_is_refused_while_a_server_uses_the_database() {
    let Some((_cluster, home)) = super::start() else { return };
    let elsewhere = Home::sqlite();
    let file = elsewhere.path().join("kilonova.sqlite3");
    let url = format!("{}&application_name=mine", home.url().unwrap());
    let to = Home::sqlite();
    for database in [super::at(&url), Database::Sqlite(file)] {
        let from = match &database {
            Database::Sqlite(_) => &elsewhere,
            Database::Postgres(_) => &home,
        };
        let used = database.clone();
        let site = Site::start_in(Home::sqlite(), |config| config.storage.database = used).await;
        let refused = copy(from, &to);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("stop it first"), "{said}");
        site.stop().await;
        let copied = copy(from, &Home::sqlite());
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    }
}
