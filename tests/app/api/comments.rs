//! /api/posts/{id}/comments and /api/comments.

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::support::{Site, assert_comment, ids};

#[actix_web::test]
async fn a_new_comment_has_the_contracts_fields() {
    let site = Site::start().await;
    let post = site.new_post("Commented").await;
    let path = format!("/api/posts/{}/comments", post["id"]);
    let named = site.post(&path, &json!({"body": "First!", "author": "Ada"})).await.json(201);
    assert_comment(&named);
    assert_eq!(named["post_id"], post["id"]);
    assert_eq!((&named["body"], &named["author"]), (&json!("First!"), &json!("Ada")));
    let nameless = site.post(&path, &json!({"body": "Second"})).await.json(201);
    assert_comment(&nameless);
    assert!(nameless["author"].is_null());
    let list = site.get(&path).await.json(200);
    assert_eq!(list, json!({"comments": [named, nameless], "next": null}));
    site.stop().await;
}

#[actix_web::test]
async fn claims_about_id_post_and_account_are_ignored() {
    let site = Site::start().await;
    let (one, other) = (site.new_post("One").await, site.new_post("Other").await);
    let path = format!("/api/posts/{}/comments", one["id"]);
    let fields = json!({"body": "b", "post_id": other["id"], "id": 99, "user_id": 1});
    let comment = site.post(&path, &fields).await.json(201);
    assert_eq!(comment["post_id"], one["id"]);
    assert_eq!(comment["user_id"], Value::Null);
    assert_ne!(comment["id"], 99);
    let path = format!("/api/comments/{}", comment["id"]);
    let fields = json!({"body": "c", "post_id": other["id"], "author": "Eve"});
    let changed = site.put(&path, &fields).await.json(200);
    assert_eq!((&changed["post_id"], &changed["author"]), (&one["id"], &Value::Null));
    site.stop().await;
}

#[actix_web::test]
async fn refusals_use_ectos_messages() {
    let site = Site::start().await;
    let post = site.new_post("Commented").await;
    let path = format!("/api/posts/{}/comments", post["id"]);
    let comment = site.new_comment(post["id"].as_i64().unwrap(), "Stays").await;
    let own = format!("/api/comments/{}", comment["id"]);
    let refused = [
        (json!({"body": ""}), json!({"body": ["can't be blank"]})),
        (json!({"body": " \n"}), json!({"body": ["can't be blank"]})),
        (json!({"body": null}), json!({"body": ["can't be blank"]})),
        (json!({"body": 5}), json!({"body": ["is invalid"]})),
        (json!({"body": ["b"]}), json!({"body": ["is invalid"]})),
    ];
    for (fields, errors) in refused {
        let errors = json!({"errors": errors});
        assert_eq!(site.post(&path, &fields).await.json(422), errors);
        assert_eq!(site.put(&own, &fields).await.json(422), errors);
    }
    let blank = json!({"errors": {"body": ["can't be blank"]}});
    assert_eq!(site.post(&path, &json!({})).await.json(422), blank);
    let named = json!({"body": "b", "author": {"name": "x"}});
    assert_eq!(
        site.post(&path, &named).await.json(422),
        json!({"errors": {"author": ["is invalid"]}})
    );
    assert_eq!(site.get(&path).await.json(200)["comments"], json!([comment]));
    site.stop().await;
}

#[actix_web::test]
async fn a_missing_post_or_comment_is_404() {
    let site = Site::start().await;
    for id in ["1", "0", "-1", "abc", "9223372036854775808"] {
        let path = format!("/api/posts/{id}/comments");
        assert_eq!(site.get(&path).await.error(404), "post not found");
        assert_eq!(site.post(&path, &json!({"body": "b"})).await.error(404), "post not found");
        assert_eq!(site.post(&path, &json!({})).await.error(404), "post not found");
        let path = format!("/api/comments/{id}");
        assert_eq!(site.put(&path, &json!({"body": "b"})).await.error(404), "comment not found");
        assert_eq!(site.put(&path, &json!({"body": ""})).await.error(404), "comment not found");
        assert_eq!(site.delete(&path).await.error(404), "comment not found");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_change_or_deletion_affects_only_its_comment() {
    let site = Site::start().await;
    let post = site.new_post("Commented").await["id"].as_i64().unwrap();
    let mut comments = Vec::new();
    for body in ["one", "two", "three"] {
        comments.push(site.new_comment(post, body).await);
    }
    let path = format!("/api/comments/{}", comments[1]["id"]);
    let changed = site.put(&path, &json!({"body": "TWO"})).await.json(200);
    comments[1]["body"] = json!("TWO");
    assert_eq!(changed, comments[1]);
    let list = format!("/api/posts/{post}/comments");
    assert_eq!(site.get(&list).await.json(200)["comments"], json!(comments));
    let answer = site.delete(&path).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(site.delete(&path).await.error(404), "comment not found");
    comments.remove(1);
    assert_eq!(site.get(&list).await.json(200)["comments"], json!(comments));
    site.stop().await;
}

#[actix_web::test]
async fn paging_returns_each_comment_once_while_others_are_written() {
    let site = Site::start().await;
    let post = site.new_post("Commented").await["id"].as_i64().unwrap();
    let elsewhere = site.new_post("Other").await["id"].as_i64().unwrap();
    site.new_comment(elsewhere, "on another post").await;
    let mut written: Vec<i64> = stream::iter(0..250)
        .map(|n| {
            let site = &site;
            async move { site.new_comment(post, &format!("{n}")).await["id"].as_i64().unwrap() }
        })
        .buffer_unordered(16)
        .collect()
        .await;
    written.sort_unstable();
    let start = format!("/api/posts/{post}/comments?limit=100");
    let (mut path, mut met, mut meanwhile) = (start.clone(), Vec::new(), Vec::new());
    loop {
        let page = site.get(&path).await.json(200);
        met.extend(page["comments"].as_array().unwrap().clone());
        let Some(cursor) = page["next"].as_str() else { break };
        path = format!("{start}&cursor={cursor}");
        meanwhile.push(site.new_comment(post, "meanwhile").await["id"].as_i64().unwrap());
    }
    let key = |comment: &Value| (comment["inserted_at"].to_string(), comment["id"].as_i64());
    assert!(met.is_sorted_by(|one, next| key(one) < key(next)), "not oldest first");
    let mut met = ids(&json!(met));
    met.sort_unstable();
    written.extend(meanwhile);
    assert_eq!(met, written);
    for parameter in ["limit=0", "limit=101", "cursor=x"] {
        let path = format!("/api/posts/{post}/comments?{parameter}");
        let name = parameter.split('=').next().unwrap();
        assert_eq!(site.get(&path).await.error(422), format!("{name} is invalid"));
    }
    site.stop().await;
}
