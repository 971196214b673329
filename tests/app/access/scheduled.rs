//! Scheduled posts whose authors may no longer publish when they are due.

use std::time::Duration;

use actix_web::http::Method;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Accounts, Role};
use crate::support::{ids, within};

#[actix_web::test]
async fn a_scheduled_post_needs_an_author_who_may_still_publish() {
    let accounts = Accounts::start().await;
    let mut scheduled = Vec::new();
    for role in [Role::Author, Role::Other, Role::Admin] {
        let at = (Utc::now() + TimeDelta::milliseconds(1500)).to_rfc3339();
        let post = json!({"title": "Due", "body": "b", "status": "scheduled", "publish_at": at});
        let post = accounts.send(role, Method::POST, "/api/posts", &post).await.json(201);
        scheduled.push(post["id"].as_i64().unwrap());
    }
    for (name, change) in
        [("author", json!({"disabled": true})), ("other", json!({"role": "commenter"}))]
    {
        let path = format!("/api/users/{name}");
        accounts.send(Role::Admin, Method::PATCH, &path, &change).await.json(200);
    }
    let list = async |status: &str| {
        let path = format!("/api/posts?status={status}");
        let list = accounts.send(Role::Admin, Method::GET, &path, &Value::Null).await.json(200);
        ids(&list["posts"])
    };
    let over = async {
        while !list("scheduled").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("no scheduled post is left", over).await;
    assert_eq!(list("published").await, [scheduled[2]]);
    let mut drafts = list("draft").await;
    drafts.sort_unstable();
    assert_eq!(drafts, scheduled[..2]);
    accounts.stop().await;
}
