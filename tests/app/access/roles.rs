//! Role changes: the new role applies from the next request.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Role, on_one_node_and_on_three, set_role};

#[actix_web::test]
async fn an_account_that_loses_its_role_can_no_longer_write() {
    on_one_node_and_on_three(async |accounts| {
        let (post, _) = accounts.post("published").await;
        let path = format!("/api/posts/{post}");
        let change = |title: &str| json!({ "title": title });
        accounts.send(Role::Author, Method::PATCH, &path, &change("As a member")).await.json(200);
        set_role(accounts.site(), "author", "commenter");
        let refused = change("As a commenter");
        let refused = accounts.send(Role::Author, Method::PATCH, &path, &refused).await;
        assert_eq!(refused.error(403), "this account may not do that");
        let new = json!({"title": "New", "body": "b"});
        assert_eq!(accounts.send(Role::Author, Method::POST, "/api/posts", &new).await.status, 403);
        set_role(accounts.site(), "author", "admin");
        let other = accounts.post_of(Role::Other).await;
        let path = format!("/api/posts/{other}");
        accounts.send(Role::Author, Method::PATCH, &path, &change("As an admin")).await.json(200);
    })
    .await;
}

#[actix_web::test]
async fn an_idempotency_key_replays_only_to_its_account() {
    on_one_node_and_on_three(async |accounts| {
        let body = json!({"title": "Once", "body": "b"}).to_string();
        let send = async |role: Role| {
            let headers = [
                ("content-type", "application/json"),
                ("idempotency-key", "the same"),
                ("cookie", accounts.cookie(role)),
            ];
            let headers = if role == Role::Nobody { &headers[..2] } else { &headers[..] };
            accounts.next().send(Method::POST, "/api/posts", headers, body.clone().into()).await
        };
        let first = send(Role::Author).await.json(201);
        assert_eq!(send(Role::Author).await.json(201), first);
        assert_eq!(send(Role::Nobody).await.status, 401);
        assert_eq!(send(Role::Commenter).await.status, 403);
        assert_ne!(send(Role::Other).await.json(201)["id"], first["id"]);
        // It is not replayed to an account that may no longer write either.
        set_role(accounts.site(), "author", "commenter");
        assert_eq!(send(Role::Author).await.status, 403);
        assert_eq!(
            accounts.send(Role::Admin, Method::GET, "/api/posts", &Value::Null).await.status,
            200
        );
    })
    .await;
}
