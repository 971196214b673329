//! The content of the bin: how it is restored, and that it appears nowhere else.

use std::collections::BTreeSet;

use actix_web::http::Method;
use diesel::prelude::*;
use diesel::sql_types::Text;
use kilonova::connection::{Access, DbConnection};
use serde_json::{Value, json};

use super::{TABLES, count, delete, led, log, page, restore, rows, send, topics};
use crate::api::search::found;
use crate::crash::kilonova;
use crate::support::{Raw, Site};

/// Creates a post with everything a post can have: tags, a chosen slug, a lock, comments in each
/// state, the file of an import, an old address, and an upload.
async fn whole(site: &Site) {
    let post = json!({
        "title": "Kept whole", "body": "See ![it](/uploads/0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d4e5f0a1b.png)",
        "tags": ["second", "first"], "slug": "chosen-words",
    });
    site.post("/api/posts", &post).await.json(201);
    for body in ["Findable remark", "Hidden later", "Held later"] {
        site.new_comment(1, body).await;
    }
    site.patch("/api/comments/2", &json!({"state": "hidden"})).await.json(200);
    site.patch("/api/comments/3", &json!({"state": "held"})).await.json(200);
    site.patch("/api/posts/1", &json!({"comments_locked": true})).await.json(200);
    site.home().execute(
        "UPDATE posts SET source = 'a/file.md', edited_by = 7 WHERE id = 1; \
         INSERT INTO old_addresses (path, post_id) VALUES ('/2020/kept', 1)",
    );
}

/// Responses of the API and of pages about the post and its comments.
async fn told(site: &Site) -> Vec<Value> {
    let mut told = Vec::new();
    for path in ["/api/posts", "/api/posts?tag=first", "/api/posts/1", "/api/posts/1/comments"] {
        told.push(site.get(path).await.json(200));
    }
    for path in ["/tags", "/tags/second", "/archive", "/feed.xml", "/sitemap.xml"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.contains("chosen-words") || path == "/tags", "{path}");
        let (_, main) = text.split_once("<main").unwrap_or(("", &text));
        told.push(json!(main));
    }
    told
}

/// The columns that no request shows.
const UNSEEN: &str = "posts WHERE source = 'a/file.md' AND edited_by = 7";

#[actix_web::test]
async fn a_post_comes_back_as_it_was() {
    let site = Site::start().await;
    whole(&site).await;
    site.new_post("Another").await;
    let before = told(&site).await;
    let written = log(&site, 0).await.len();
    assert_eq!(count(&site, "upload_uses"), 1);

    let entry = delete(&site, "/posts/1").await;
    assert_eq!(topics(&log(&site, written).await), ["post_deleted"]);
    assert!(!json!(log(&site, 0).await).to_string().contains("Kept whole"), "not redacted");
    let tables = ["posts", "post_tags", "comments", "upload_uses", "old_addresses"];
    assert_eq!(tables.map(|table| count(&site, table)), [1, 0, 0, 0, 0]);
    assert_eq!(TABLES.map(|table| count(&site, table)), [1, 1, 2, 3, 1, 1]);

    assert_eq!(led(&restore(&site, entry).await), "/posts/1");
    assert_eq!(told(&site).await, before);
    assert_eq!(count(&site, UNSEEN), 1);
    let old = Raw::connect(&site).await.request("GET", "/2020/kept", &[], b"").await;
    assert_eq!((old.status, old.header("location")), (301, Some("/posts/1-chosen-words")));
    assert_eq!(tables.map(|table| count(&site, table)), [2, 2, 3, 1, 1]);
    assert_eq!(rows(&site), 0);
    // Its comments return without events, and the deletion stays in the log.
    let after = log(&site, written).await;
    assert_eq!(topics(&after), ["post_deleted", "post_updated", "post_published"]);
    let post = site.get("/api/posts/1").await.json(200);
    assert_eq!((&after[1]["data"], &after[2]["data"]), (&post, &post));
    // New ids follow all that were ever used.
    assert_eq!(site.new_post("Later").await["id"], 3);
    site.stop().await;
}

#[actix_web::test]
async fn entries_of_the_bin_appear_nowhere_else() {
    let site = Site::start().await;
    whole(&site).await;
    site.new_post("With a comment").await;
    site.new_comment(2, "Binned alone").await;
    assert_eq!(found(&site, "findable", 1).await[0]["id"], 1);
    delete(&site, "/posts/1").await;
    delete(&site, "/comments/4").await;
    let text = json!({"title": "Edited", "body": "b"});
    for (method, path) in [
        (Method::GET, "/api/posts/1"),
        (Method::PUT, "/api/posts/1"),
        (Method::PATCH, "/api/posts/1"),
        (Method::GET, "/api/posts/1/comments"),
        (Method::POST, "/api/posts/1/comments"),
        (Method::PUT, "/api/comments/1"),
        (Method::PATCH, "/api/comments/2"),
        (Method::PUT, "/api/comments/4"),
        (Method::GET, "/posts/1"),
        (Method::GET, "/posts/1-chosen-words"),
        (Method::GET, "/posts/1/body"),
        (Method::GET, "/posts/1/edit"),
        (Method::GET, "/tags/first"),
        (Method::GET, "/2020/kept"),
    ] {
        let headers = [("content-type", "application/json"), ("accept", "*/*")];
        let body = if method == Method::GET { String::new() } else { text.to_string() };
        let answer = site.send(method.clone(), path, &headers, body.into()).await;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
    assert_eq!(site.refused("/posts/1/comments/ws").await.status, 404);
    for form in ["/posts/1", "/posts/1/delete", "/posts/1/comments", "/comments/4/delete"] {
        assert_eq!(send(&site, form, "title=Edited&body=b").await.status, 404, "{form}");
    }
    for path in ["/", "/archive", "/tags", "/feed.xml", "/sitemap.xml", "/posts/2", "/moderation"] {
        let answer = site.get(path).await;
        let text = String::from_utf8_lossy(&answer.body);
        for secret in ["Kept whole", "chosen-words", "Binned alone", "remark"] {
            assert!(answer.status == 200 && !text.contains(secret), "{path}: {secret}");
        }
    }
    assert_eq!(found(&site, "findable%20OR%20whole%20OR%20alone", 0).await, Vec::<Value>::new());

    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("export");
    let mut export = kilonova(&["export", to.to_str().unwrap(), "--data-dir"]);
    export.arg(site.home().path()).envs(site.home().url().map(|url| ("DATABASE_URL", url)));
    let done = export.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let files: Vec<_> = std::fs::read_dir(to.join("posts")).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let comments = std::fs::read_to_string(to.join("comments.jsonl")).unwrap();
    assert_eq!(comments, "");

    // The index is rebuilt from the rows.
    let home = site.stop_keeping_data().await;
    std::fs::remove_dir_all(home.path().join("index")).unwrap();
    let site = Site::start_in(home, |_| ()).await;
    assert_eq!(found(&site, "comment", 1).await[0]["id"], 2);
    assert_eq!(found(&site, "findable%20OR%20whole%20OR%20alone", 0).await, Vec::<Value>::new());
    // Only the bin shows it.
    let bin = page(&site, "/bin").await;
    for shown in ["Kept whole", "Binned alone", "On <a href=\"/posts/2\">With a comment</a>"] {
        assert!(bin.contains(shown), "{shown}: {bin}");
    }
    led(&restore(&site, 1).await);
    let hits = found(&site, "findable", 1).await;
    assert_eq!((&hits[0]["kind"], &hits[0]["id"]), (&json!("comment"), &json!(1)));
    site.stop().await;
}

#[actix_web::test]
async fn a_comment_comes_back_with_one_event() {
    let site = Site::start().await;
    site.new_post("Commented").await;
    let visible = site.new_comment(1, "Said once").await;
    site.new_comment(1, "Hidden").await;
    site.patch("/api/comments/2", &json!({"state": "hidden"})).await.json(200);
    let before = site.get("/api/posts/1/comments").await.json(200);
    let written = log(&site, 0).await.len();
    let mut thread = site.socket("/posts/1/comments/ws").await;

    let first = delete(&site, "/comments/1").await;
    let second = delete(&site, "/comments/2").await;
    assert_eq!(site.get("/api/posts/1/comments").await.json(200)["comments"], json!([]));
    assert!(!json!(log(&site, 0).await).to_string().contains("Said once"));
    assert_eq!(led(&restore(&site, first).await), "/posts/1?comment=1#comment-1");
    assert_eq!(led(&restore(&site, second).await), "/posts/1?comment=2#comment-2");
    assert_eq!(site.get("/api/posts/1/comments").await.json(200), before);
    let after = log(&site, written).await;
    let expected = ["comment_deleted", "comment_deleted", "comment_created", "comment_created"];
    assert_eq!(topics(&after), expected);
    assert_eq!(after[2]["data"], visible);
    // Followers of the thread get no event for the deletion, and none for the restore.
    let third = site.new_comment(1, "The next one").await;
    assert_eq!(thread.next_json().await, third);
    thread.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_post_takes_only_the_comments_it_had_along() {
    let site = Site::start().await;
    site.new_post("Commented").await;
    site.new_comment(1, "Deleted before").await;
    site.new_comment(1, "There").await;
    let comment = delete(&site, "/comments/1").await;
    let post = delete(&site, "/posts/1").await;
    // The post is still in the bin.
    let refused = restore(&site, comment).await;
    assert_eq!(refused.status, 409);
    assert!(String::from_utf8_lossy(&refused.body).contains("restore the post first"));
    assert!(page(&site, "/bin").await.contains("Its post is deleted too."));
    led(&restore(&site, post).await);
    let ids = async || {
        let list = site.get("/api/posts/1/comments").await.json(200);
        let comments = list["comments"].as_array().unwrap().iter();
        comments.map(|comment| comment["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, [2]);
    led(&restore(&site, comment).await);
    assert_eq!(ids().await, [1, 2]);
    site.stop().await;
}

#[actix_web::test]
async fn a_post_comes_back_in_its_former_status() {
    let site = Site::start().await;
    let far = "2999-01-01T00:00:00.000000Z";
    for (status, expected) in [
        ("draft", &["post_updated"][..]),
        ("scheduled", &["post_updated"]),
        ("archived", &["post_updated"]),
        ("published", &["post_updated", "post_published"]),
    ] {
        let fields =
            json!({"title": "In a status", "body": "b", "status": status, "publish_at": far});
        let post = site.post("/api/posts", &fields).await.json(201);
        let entry = delete(&site, &format!("/posts/{}", post["id"])).await;
        let written = log(&site, 0).await.len();
        led(&restore(&site, entry).await);
        assert_eq!(topics(&log(&site, written).await), expected, "{status}");
        assert_eq!(site.get(&format!("/api/posts/{}", post["id"])).await.json(200), post);
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_scheduled_post_restored_after_its_time_is_a_draft() {
    let site = Site::start().await;
    let soon = json!({
        "title": "Planned", "body": "b", "status": "scheduled",
        "publish_at": "2999-01-01T00:00:00Z",
    });
    site.post("/api/posts", &soon).await.json(201);
    let entry = delete(&site, "/posts/1").await;
    site.home().execute("UPDATE bin_posts SET publish_at = '2020-01-01 00:00:00'");
    let written = log(&site, 0).await.len();
    led(&restore(&site, entry).await);
    let post = site.get("/api/posts/1").await.json(200);
    assert_eq!((&post["status"], &post["publish_at"]), (&json!("draft"), &Value::Null));
    assert!(post["updated_at"].as_str() > post["inserted_at"].as_str());
    let after = log(&site, written).await;
    assert_eq!(topics(&after), ["post_updated"]);
    assert_eq!(after[0]["data"], post);
    site.stop().await;
}

#[actix_web::test]
async fn a_restored_post_leaves_a_later_import_its_file_and_address() {
    let site = Site::start().await;
    whole(&site).await;
    let entry = delete(&site, "/posts/1").await;
    site.new_post("Imported again").await;
    site.home().execute(
        "UPDATE posts SET source = 'a/file.md' WHERE id = 2; \
         INSERT INTO old_addresses (path, post_id) VALUES ('/2020/kept', 2)",
    );
    led(&restore(&site, entry).await);
    assert_eq!(site.get("/api/posts/1").await.json(200)["title"], "Kept whole");
    assert_eq!(count(&site, "posts WHERE id = 1 AND source IS NULL"), 1);
    assert_eq!(count(&site, "old_addresses WHERE post_id = 2"), 1);
    assert_eq!((count(&site, "old_addresses"), rows(&site)), (1, 0));
    site.stop().await;
}

/// The columns of a table.
fn columns(site: &Site, table: &str) -> BTreeSet<String> {
    let (database, table) = (site.database(), table.to_owned());
    let query = move || {
        let names = match database.open(Access::Read).unwrap() {
            DbConnection::Sqlite(mut c) => {
                let names = format!(
                    "group_concat(name) FROM (SELECT name FROM pragma_table_xinfo('{table}'))"
                );
                diesel::select(diesel::dsl::sql::<Text>(&names)).get_result::<String>(&mut c)
            }
            DbConnection::Postgres(mut c) => {
                let names = format!(
                    "string_agg(column_name::text, ',') FROM information_schema.columns \
                     WHERE table_name = '{table}' AND table_schema = current_schema()"
                );
                diesel::select(diesel::dsl::sql::<Text>(&names)).get_result::<String>(&mut c)
            }
        };
        names.unwrap().split(',').map(str::to_owned).collect()
    };
    std::thread::spawn(query).join().unwrap()
}

/// A later migration that adds a column to one of these tables must add it to the bin's table too.
#[actix_web::test]
async fn the_bin_keeps_every_column() {
    let site = Site::start().await;
    for (table, elsewhere) in [
        // Generated by the database.
        ("posts", &["listed_at"][..]),
        ("post_tags", &["listed_at"]),
        ("comments", &[]),
        // Not used with posts.
        ("upload_uses", &["note_id"]),
        ("old_addresses", &["upload"]),
    ] {
        let mut expected = columns(&site, table);
        assert!(expected.len() > 1, "{table}: {expected:?}");
        expected.insert("entry".to_owned());
        for column in elsewhere {
            assert!(expected.remove(*column), "{table} has no column {column}");
        }
        assert_eq!(columns(&site, &format!("bin_{table}")), expected, "{table}");
    }
    site.stop().await;
}
