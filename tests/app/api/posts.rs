//! /api/posts.

use actix_web::http::Method;
use actix_web::web::Bytes;
use futures_util::{StreamExt, stream};
use kilonova::db;
use kilonova::models::now;
use kilonova::models::post::{self, NewPost};
use serde_json::{Value, json};

use crate::support::{Site, assert_post, ids};

/// Writes `count` posts, several at a time, and returns their ids.
async fn write_many(site: &Site, count: usize) -> Vec<i64> {
    stream::iter(0..count)
        .map(|n| async move { site.new_post(&format!("Post {n}")).await["id"].as_i64().unwrap() })
        .buffer_unordered(16)
        .collect()
        .await
}

fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}

#[actix_web::test]
async fn a_new_post_has_the_contracts_fields() {
    let site = Site::start().await;
    let fields = json!({"title": "Hello", "body": "# World", "tags": ["rust", "actix"]});
    let answer = site.post("/api/posts", &fields).await;
    let post = answer.json(201);
    assert_post(&post);
    assert_eq!(post["title"], "Hello");
    assert_eq!(post["body"], "# World");
    assert_eq!(post["status"], "published");
    assert_eq!(post["tags"], json!(["rust", "actix"]));
    assert_eq!(post["inserted_at"], post["updated_at"]);

    let location = answer.header("location").unwrap();
    assert_eq!(location, format!("/api/posts/{}", post["id"]));
    assert_eq!(site.get(location).await.json(200), post);
    let head = site.send(Method::HEAD, location, &[], Bytes::new()).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    site.stop().await;
}

#[actix_web::test]
async fn server_owned_fields_are_ignored() {
    let site = Site::start().await;
    let fields = json!({
        "title": "Mine", "body": "b", "id": 77, "author": "root", "user_id": 1, "role": "admin",
        "inserted_at": "2001-01-01T00:00:00Z", "updated_at": "x", "no_such_field": [{}],
    });
    let post = site.post("/api/posts", &fields).await.json(201);
    assert_post(&post);
    assert_ne!(post["id"], 77);
    assert!(post["author"].is_null() && post["user_id"].is_null(), "{post}");
    assert!(!post["inserted_at"].as_str().unwrap().starts_with("2001"));
    let path = format!("/api/posts/{}", post["id"]);
    let changed = site.put(&path, &json!({"title": "Yours", "id": 78, "user_id": 2})).await;
    let changed = changed.json(200);
    assert_eq!((&changed["id"], &changed["user_id"]), (&post["id"], &Value::Null));
    assert_eq!(site.get("/api/posts/77").await.error(404), "post not found");
    site.stop().await;
}

#[actix_web::test]
async fn refusals_use_ectos_messages() {
    let site = Site::start().await;
    let (short, long) = ("should be at least 3 character(s)", "should be at most 200 character(s)");
    let blank = "can't be blank";
    let long_title = "é".repeat(201);
    let many_tags: Vec<String> = (0..21).map(|n| format!("tag {n}")).collect();
    let cases = [
        (json!({}), json!({"title": [blank], "body": [blank]})),
        (json!({"title": "abc"}), json!({"body": [blank]})),
        (json!({"title": "", "body": "b"}), json!({"title": [blank]})),
        (json!({"title": " \t ", "body": "\n"}), json!({"title": [blank], "body": [blank]})),
        (json!({"title": null, "body": null}), json!({"title": [blank], "body": [blank]})),
        (json!({"title": "ab", "body": "b"}), json!({"title": [short]})),
        (json!({"title": long_title, "body": "b"}), json!({"title": [long]})),
        (
            json!({"title": 123, "body": ["b"]}),
            json!({"title": ["is invalid"], "body": ["is invalid"]}),
        ),
        (
            json!({"title": {"a": 1}, "body": true}),
            json!({"title": ["is invalid"], "body": ["is invalid"]}),
        ),
        (json!({"title": "abc", "body": "b", "status": "gone"}), json!({"status": ["is invalid"]})),
        (json!({"title": "abc", "body": "b", "status": 1}), json!({"status": ["is invalid"]})),
        (json!({"title": "abc", "body": "b", "tags": 5}), json!({"tags": ["is invalid"]})),
        (json!({"title": "abc", "body": "b", "tags": ["a", 5]}), json!({"tags": ["is invalid"]})),
        (json!({"title": "abc", "body": "b", "tags": {"a": "b"}}), json!({"tags": ["is invalid"]})),
        (
            json!({"title": "abc", "body": "b", "tags": ["x".repeat(51)]}),
            json!({"tags": ["should be at most 50 character(s)"]}),
        ),
        (
            json!({"title": "abc", "body": "b", "tags": many_tags}),
            json!({"tags": ["should have at most 20 item(s)"]}),
        ),
    ];
    for (fields, errors) in cases {
        let refusal = site.post("/api/posts", &fields).await.json(422);
        assert_eq!(refusal, json!({"errors": errors}), "{fields}");
    }
    assert_eq!(site.get("/api/posts").await.json(200), json!({"posts": [], "next": null}));
    site.stop().await;
}

#[actix_web::test]
async fn a_title_has_3_to_200_characters() {
    let site = Site::start().await;
    for title in ["abc".to_owned(), "é".repeat(200), "日本語".to_owned()] {
        let post = site.post("/api/posts", &json!({"title": title, "body": "b"})).await.json(201);
        assert_eq!(post["title"], title);
    }
    site.stop().await;
}

/// Whether a change has just made a post public.
fn is_public_at_last(post: &Value) -> bool {
    post["status"] != "draft" && post["published_at"].is_null()
}

#[actix_web::test]
async fn put_and_patch_leave_absent_fields_alone() {
    let site = Site::start().await;
    let fields = json!({"title": "First", "body": "one", "tags": ["a", "b"], "status": "draft"});
    let mut expected = site.post("/api/posts", &fields).await.json(201);
    let path = format!("/api/posts/{}", expected["id"]);
    let changes = [
        ("title", json!("Second")),
        ("body", json!("two")),
        ("tags", json!(["c"])),
        ("status", json!("archived")),
        ("tags", json!([])),
        ("status", json!("published")),
    ];
    for (n, (field, value)) in changes.into_iter().enumerate() {
        let change = json!({field: value});
        let answer = if n % 2 == 0 {
            site.put(&path, &change).await
        } else {
            site.patch(&path, &change).await
        };
        let changed = answer.json(200);
        assert_post(&changed);
        assert!(changed["updated_at"].as_str() > expected["updated_at"].as_str());
        expected[field] = value;
        expected["updated_at"] = changed["updated_at"].clone();
        if is_public_at_last(&expected) {
            expected["published_at"] = changed["updated_at"].clone();
            expected["slug"] = json!("second");
        }
        assert_eq!(changed, expected);
        assert_eq!(site.get(&path).await.json(200), expected);
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_refused_change_changes_nothing() {
    let site = Site::start().await;
    let post = site.new_post("Unchanged").await;
    let path = format!("/api/posts/{}", post["id"]);
    let cases = [
        (
            json!({"title": "ab", "body": "new"}),
            json!({"title": ["should be at least 3 character(s)"]}),
        ),
        (json!({"title": null}), json!({"title": ["can't be blank"]})),
        (json!({"body": ""}), json!({"body": ["can't be blank"]})),
        (json!({"title": "New title", "status": "x"}), json!({"status": ["is invalid"]})),
    ];
    for (change, errors) in cases {
        assert_eq!(site.put(&path, &change).await.json(422), json!({"errors": errors}));
        assert_eq!(site.get(&path).await.json(200), post);
    }
    assert_eq!(site.patch(&path, &json!({})).await.json(200), post);
    site.stop().await;
}

#[actix_web::test]
async fn a_missing_post_is_404() {
    let site = Site::start().await;
    for id in ["1", "0", "-1", "01", "+1", "abc", "1.5", "9223372036854775808", "%20", "1%00"] {
        let path = format!("/api/posts/{id}");
        assert_eq!(site.get(&path).await.error(404), "post not found", "{id}");
        assert_eq!(site.put(&path, &json!({"title": "New"})).await.error(404), "post not found");
        assert_eq!(site.patch(&path, &json!({"title": ""})).await.error(404), "post not found");
        assert_eq!(site.delete(&path).await.error(404), "post not found");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_deleted_post_leaves_nothing_behind() {
    let site = Site::start().await;
    let post = site.new_post("To be deleted").await;
    let id = post["id"].as_i64().unwrap();
    let comment = site.new_comment(id, "Deleted with the post").await;
    let path = format!("/api/posts/{id}");
    let answer = site.delete(&path).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(site.get(&path).await.error(404), "post not found");
    assert_eq!(site.delete(&path).await.error(404), "post not found");
    assert_eq!(site.get(&format!("{path}/comments")).await.error(404), "post not found");
    let comment = format!("/api/comments/{}", comment["id"]);
    assert_eq!(site.put(&comment, &json!({"body": "b"})).await.error(404), "comment not found");
    assert_eq!(site.get("/api/posts").await.json(200)["posts"], json!([]));
    assert!(site.new_post("The next").await["id"].as_i64().unwrap() > id, "the id was reused");
    site.stop().await;
}

#[actix_web::test]
async fn drafts_and_archived_posts_are_listed_only_when_asked_for() {
    let site = Site::start().await;
    let mut of_status = Vec::new();
    for status in ["draft", "published", "archived"] {
        let fields = json!({"title": format!("A {status} post"), "body": "b", "status": status});
        let post = site.post("/api/posts", &fields).await.json(201);
        assert_eq!(site.get(&format!("/api/posts/{}", post["id"])).await.json(200), post);
        of_status.push((status, post));
    }
    for (status, post) in &of_status {
        let list = site.get(&format!("/api/posts?status={status}")).await.json(200);
        assert_eq!(list, json!({"posts": [post], "next": null}));
    }
    assert_eq!(site.get("/api/posts").await.json(200)["posts"], json!([of_status[1].1]));
    site.stop().await;
}

#[actix_web::test]
async fn a_tag_finds_only_the_posts_that_carry_it() {
    let site = Site::start().await;
    let tagged =
        [json!(["rust"]), json!(["Rust"]), json!(["rusty"]), json!(["a", "rust"]), json!([])];
    let mut posts = Vec::new();
    for tags in tagged {
        let fields = json!({"title": "Tagged", "body": "b", "tags": tags});
        posts.push(site.post("/api/posts", &fields).await.json(201));
    }
    let found = site.get("/api/posts?tag=rust").await.json(200);
    assert_eq!(found, json!({"posts": [posts[3], posts[0]], "next": null}));
    let fields = json!({"title": "Of another tongue", "body": "b", "tags": ["日本 & co"]});
    let other = site.post("/api/posts", &fields).await.json(201);
    let path = "/api/posts?tag=%E6%97%A5%E6%9C%AC+%26%20co";
    assert_eq!(site.get(path).await.json(200)["posts"], json!([other]));
    assert_eq!(site.get("/api/posts?tag=nobody").await.json(200)["posts"], json!([]));
    let path = "/api/posts?tag=rust&status=draft";
    assert_eq!(site.get(path).await.json(200)["posts"], json!([]));
    site.stop().await;
}

#[actix_web::test]
async fn a_list_refuses_invalid_parameters() {
    let site = Site::start().await;
    for parameter in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=abc",
        "limit=",
        "limit=1e1",
        "limit=%00",
        "limit=99999999999999999999",
        "cursor=",
        "cursor=abc",
        "cursor=1",
        "cursor=_",
        "cursor=1_",
        "cursor=9223372036854775807_1",
        // The years 5000 BC and 10000.
        "cursor=-219900000000000000_1",
        "cursor=253402300800000000_1",
        "cursor=1_99999999999999999999",
        "cursor=%00",
        "status=",
        "status=gone",
        "status=Draft",
        "status=draft%00",
        "tag=a%00b",
    ] {
        let name = parameter.split('=').next().unwrap();
        let error = site.get(&format!("/api/posts?{parameter}")).await.error(422);
        assert_eq!(error, format!("{name} is invalid"), "{parameter}");
    }
    site.get("/api/posts?limit=1&unknown=%ff").await.error(422);
    site.stop().await;
}

#[actix_web::test]
async fn a_page_holds_as_many_rows_as_its_limit() {
    let site = Site::start().await;
    write_many(&site, 101).await;
    for (query, count) in [("", 20), ("?limit=1", 1), ("?limit=100", 100)] {
        let list = site.get(&format!("/api/posts{query}")).await.json(200);
        assert_eq!(list["posts"].as_array().unwrap().len(), count);
        assert!(list["next"].is_string(), "{query}");
    }
    let cursor = site.get("/api/posts?limit=100").await.json(200)["next"].clone();
    let path = format!("/api/posts?limit=1&cursor={}", cursor.as_str().unwrap());
    let last = site.get(&path).await.json(200);
    assert_eq!(last["posts"].as_array().unwrap().len(), 1);
    assert!(last["next"].is_null(), "a full last page names a next page");
    site.stop().await;
}

#[actix_web::test]
async fn paging_returns_each_post_once_while_others_are_written() {
    let site = Site::start().await;
    let written = write_many(&site, 250).await;
    let (mut met, mut times) = (Vec::new(), Vec::new());
    let mut path = "/api/posts?limit=17".to_owned();
    loop {
        let page = site.get(&path).await.json(200);
        for post in page["posts"].as_array().unwrap() {
            times.push((post["inserted_at"].to_string(), post["id"].as_i64().unwrap()));
        }
        met.extend(ids(&page["posts"]));
        let Some(cursor) = page["next"].as_str() else { break };
        path = format!("/api/posts?limit=17&cursor={cursor}");
        site.new_post("Written meanwhile").await;
    }
    assert!(times.is_sorted_by(|one, next| one > next), "not newest first");
    assert_eq!(sorted(met), sorted(written));
    site.stop().await;
}

#[actix_web::test]
async fn a_page_of_very_large_posts_ends_early() {
    let site = Site::start().await;
    let body = "x".repeat(1024 * 1024);
    for _ in 0..7 {
        let fields = json!({"title": "Large", "body": body});
        assert_eq!(site.post("/api/posts", &fields).await.status, 201);
    }
    let (mut met, mut path) = (Vec::new(), "/api/posts?limit=100".to_owned());
    loop {
        let answer = site.get(&path).await;
        assert!(answer.body.len() < 6 * 1024 * 1024, "{} bytes", answer.body.len());
        let page = answer.json(200);
        met.extend(ids(&page["posts"]));
        let Some(cursor) = page["next"].as_str() else { break };
        path = format!("/api/posts?limit=100&cursor={cursor}");
    }
    assert_eq!(met, [7, 6, 5, 4, 3, 2, 1]);
    site.stop().await;
}

#[actix_web::test]
async fn an_invalid_imported_field_may_stay_until_it_is_changed() {
    let site = Site::start().await;
    let fields = json!({"title": "日記", "body": ""});
    let Value::Object(fields) = fields else { unreachable!() };
    let imported = NewPost::imported(&fields, "file:a".to_owned(), now()).unwrap();
    let inserted = site.db().transaction(move |tx| {
        post::insert(tx.connection, imported, now()).map_err(db::Error::from)
    });
    let id = inserted.await.unwrap().value.id;
    let path = format!("/api/posts/{id}");
    // The form sends all fields, including unchanged ones.
    let changes = json!({"title": "日記", "body": "", "tags": ["a"]});
    assert_eq!(site.patch(&path, &changes).await.json(200)["tags"], json!(["a"]));
    let refused = site.patch(&path, &json!({"title": "日"})).await.json(422);
    assert_eq!(refused["errors"]["title"], json!(["should be at least 3 character(s)"]));
    site.stop().await;
}
