//! The message that makes the other nodes look for ended sign-ins at once.

use std::time::Duration;

use actix_web::http::Method;
use kilonova::pubsub::Payload;
use serde_json::{Value, json};

use super::{send, token};
use crate::access::{Accounts, Nodes, PASSWORD, Role, sign_in};
use crate::support::within;

#[actix_web::test]
async fn every_end_of_a_sign_in_is_announced_to_the_other_nodes() {
    let Some(accounts) = Accounts::start_on(Nodes::Three).await else { return };
    let site = accounts.site();
    let (mine, boss) = (accounts.cookie(Role::Author), accounts.cookie(Role::Admin));
    let (id, _) = token(site, mine).await;
    let token = format!("/api/tokens/{id}");
    sign_in(site, "author").await;
    let list = site.send(Method::GET, "/api/sessions", &[("cookie", mine)], "".into()).await;
    let list = list.json(200)["sessions"].as_array().unwrap().clone();
    let other = list.iter().find(|one| one["current"] == false).unwrap();
    let other = format!("/api/sessions/{}", other["id"]);
    let password = json!({"password": PASSWORD, "new_password": "another horse"});
    let commenter = accounts.cookie(Role::Commenter);
    let mut hear = Vec::new();
    for other in accounts.others() {
        hear.push(other.pubsub().subscribe(["sign_ins"]).await.unwrap());
    }
    let all_known = async {
        // Each node is a member too.
        while site.pubsub().get_members("sign_ins").await.unwrap().len() < 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the node knows all members", all_known).await;
    for (who, method, path, body) in [
        (mine, Method::DELETE, other.as_str(), Value::Null),
        (mine, Method::DELETE, &token, Value::Null),
        (mine, Method::PUT, "/api/account/password", password),
        (boss, Method::PATCH, "/api/users/author", json!({"role": "commenter"})),
        (boss, Method::PATCH, "/api/users/author", json!({"disabled": true})),
        (commenter, Method::DELETE, "/api/session", Value::Null),
    ] {
        // Earlier messages have arrived when the sentinel arrives.
        site.pubsub().broadcast("sign_ins", "sentinel", Payload::null()).await.unwrap();
        for hears in &mut hear {
            while within("the sentinel", hears.next()).await.unwrap().topic() != "sentinel" {}
        }
        let status = send(site, ("cookie", who), method.clone(), path, body).await;
        assert!([200, 204].contains(&status), "{method} {path}: {status}");
        for hears in &mut hear {
            let told = within(&format!("{method} {path} is told"), hears.next()).await.unwrap();
            assert_eq!(told.topic(), "ended");
        }
    }
    drop(hear);
    accounts.stop().await;
}
