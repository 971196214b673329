//! /api/notes.

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::support::{Site, assert_note, ids};

#[actix_web::test]
async fn a_new_note_has_the_contracts_fields() {
    let site = Site::start().await;
    let fields = json!({"title": "T", "body": "B", "author": "Ada", "id": 9, "user_id": 1});
    let note = site.post("/api/notes", &fields).await.json(201);
    assert_note(&note);
    assert_eq!(
        (&note["title"], &note["body"], &note["author"]),
        (&json!("T"), &json!("B"), &json!("Ada"))
    );
    assert_eq!(note["inserted_at"], note["updated_at"]);
    assert_ne!(note["id"], 9);
    assert_eq!(site.get(&format!("/api/notes/{}", note["id"])).await.json(200), note);
    let list = site.get("/api/notes").await.json(200);
    assert_eq!(list, json!({"notes": [note], "next": null}));
    site.stop().await;
}

#[actix_web::test]
async fn a_missing_field_is_refused_with_the_articles_message() {
    let site = Site::start().await;
    let words = "title, body and author required";
    for fields in [
        json!({}),
        json!({"title": "t", "body": "b"}),
        json!({"title": "t", "author": "a"}),
        json!({"body": "b", "author": "a"}),
        json!({"title": "", "body": "b", "author": "a"}),
        json!({"title": "t", "body": null, "author": "a"}),
    ] {
        assert_eq!(site.post("/api/notes", &fields).await.error(422), words, "{fields}");
    }
    let note = site.new_note("Unchanged").await;
    let path = format!("/api/notes/{}", note["id"]);
    let words = "title and body required";
    for fields in [json!({}), json!({"title": "t"}), json!({"body": "b"}), json!({"author": "a"})] {
        assert_eq!(site.put(&path, &fields).await.error(422), words, "{fields}");
    }
    let fields = json!({"title": 1, "body": [], "author": {}});
    let refusal =
        json!({"title": ["is invalid"], "body": ["is invalid"], "author": ["is invalid"]});
    assert_eq!(site.post("/api/notes", &fields).await.json(422), json!({"errors": refusal}));
    assert_eq!(site.get("/api/notes").await.json(200)["notes"], json!([note]));
    site.stop().await;
}

#[actix_web::test]
async fn a_change_keeps_the_author_and_affects_only_its_note() {
    let site = Site::start().await;
    let (mut note, other) = (site.new_note("One").await, site.new_note("Other").await);
    let path = format!("/api/notes/{}", note["id"]);
    let fields = json!({"title": "Two", "body": "changed", "author": "Eve"});
    let changed = site.put(&path, &fields).await.json(200);
    assert_note(&changed);
    assert!(changed["updated_at"].as_str() > note["updated_at"].as_str());
    note["title"] = json!("Two");
    note["body"] = json!("changed");
    note["updated_at"] = changed["updated_at"].clone();
    assert_eq!(changed, note);
    assert_eq!(site.get("/api/notes").await.json(200)["notes"], json!([other, note]));
    let answer = site.delete(&path).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(site.get("/api/notes").await.json(200)["notes"], json!([other]));
    site.stop().await;
}

#[actix_web::test]
async fn a_missing_note_is_404() {
    let site = Site::start().await;
    for id in ["1", "0", "-1", "abc", "9223372036854775808"] {
        let path = format!("/api/notes/{id}");
        let fields = json!({"title": "t", "body": "b"});
        assert_eq!(site.get(&path).await.error(404), "note not found");
        assert_eq!(site.put(&path, &fields).await.error(404), "note not found");
        assert_eq!(site.delete(&path).await.error(404), "note not found");
    }
    site.stop().await;
}

#[actix_web::test]
async fn paging_returns_each_note_once_while_others_come_and_go() {
    let site = Site::start().await;
    let mut written: Vec<i64> = stream::iter(0..250)
        .map(|n| {
            let site = &site;
            async move { site.new_note(&format!("Note {n}")).await["id"].as_i64().unwrap() }
        })
        .buffer_unordered(16)
        .collect()
        .await;
    let (mut path, mut met) = ("/api/notes?limit=23".to_owned(), Vec::new());
    loop {
        let page = site.get(&path).await.json(200);
        met.extend(ids(&page["notes"]));
        let Some(cursor) = page["next"].as_str() else { break };
        path = format!("/api/notes?limit=23&cursor={cursor}");
        site.new_note("Written meanwhile").await;
        // The cursor's row may be deleted: paging continues from its place.
        let last = met.last().unwrap();
        assert_eq!(site.delete(&format!("/api/notes/{last}")).await.status, 204);
    }
    met.sort_unstable();
    written.sort_unstable();
    assert_eq!(met, written);
    for parameter in ["limit=0", "limit=101", "limit=x", "limit=%2B1", "cursor=x"] {
        let name = parameter.split('=').next().unwrap();
        let error = site.get(&format!("/api/notes?{parameter}")).await.error(422);
        assert_eq!(error, format!("{name} is invalid"));
    }
    assert_eq!(site.get("/api/notes").await.json(200)["notes"].as_array().unwrap().len(), 20);
    site.stop().await;
}

#[actix_web::test]
async fn two_versions_of_a_note_never_share_a_time() {
    let site = Site::start().await;
    let id = site.new_note("Written").await["id"].as_i64().unwrap();
    // As if the clock had been set back since the last change.
    site.home().execute("UPDATE notes SET updated_at = '2999-01-01 00:00:00'");
    let fields = json!({"title": "Written", "body": "Again", "author": "Ada"});
    let note = site.put(&format!("/api/notes/{id}"), &fields).await.json(200);
    assert_eq!(note["updated_at"], "2999-01-01T00:00:00.000001Z");
    site.stop().await;
}
