//! Work that takes a processor a while: how much of it runs at once, and what the others are told.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use futures_util::future::{join, join_all};
use serde_json::json;

use crate::support::{Answer, Raw, Site};

fn assert_busy(answer: &Answer) {
    answer.error(503);
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
}

#[actix_web::test]
async fn pages_wait_for_their_turn_and_are_refused_when_it_does_not_come() {
    let site = Site::start_with(|config| config.max_renderings = 1).await;
    site.new_post("A page").await;
    let page = async || {
        Raw::connect(&site)
            .await
            .ask("GET", "/posts/1-a-page", &[("Accept", "application/json")], b"")
            .await
    };
    let state = site.state();
    let turn = Arc::clone(state.renderings.turns()).acquire_owned().await.unwrap();
    let waits = async {
        let answer = page().await;
        assert_eq!(answer.status, 200);
    };
    let frees = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(turn);
    };
    join(waits, frees).await;
    let _turn = Arc::clone(state.renderings.turns()).acquire_owned().await.unwrap();
    assert_busy(&page().await);
    // The API lays nothing out.
    site.get("/api/posts/1").await.json(200);
    site.stop().await;
}

#[actix_web::test]
async fn a_crowd_with_wrong_passwords_keeps_nobody_from_signing_in() {
    let site = Site::start().await;
    let sign_in = |name: String, password: &str| {
        let fields = json!({"username": name, "password": password}).to_string();
        let json = ("content-type", "application/json");
        let site = &site;
        async move {
            let body = actix_web::web::Bytes::from(fields);
            site.send(Method::POST, "/api/session", &[json], body).await.status
        }
    };
    for n in 0..8 {
        let user = json!({"username": format!("user{n}"), "password": "correct horse"});
        site.post("/api/users", &user).await.json(201);
    }
    let crowd = (0..90).map(|n| sign_in(format!("nobody{n}"), "wrong password"));
    let rightful = (0..8).map(|n| sign_in(format!("user{n}"), "correct horse"));
    let (crowd, rightful) = join(join_all(crowd), join_all(rightful)).await;
    assert!(crowd.iter().all(|&status| status == 401), "{crowd:?}");
    assert!(rightful.iter().all(|&status| status == 201), "{rightful:?}");
    site.stop().await;
}

#[actix_web::test]
async fn passwords_beyond_the_line_are_refused() {
    let site = Site::start_with(|config| config.accounts.passwords_waiting = 2).await;
    let guess = |n: usize| {
        let site = &site;
        async move {
            let fields = json!({"username": format!("nobody{n}"), "password": "wrong"});
            site.post("/api/session", &fields).await
        }
    };
    let answers = join_all((0..40).map(guess)).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 401).collect();
    assert!(!refused.is_empty() && refused.len() < answers.len(), "{}", refused.len());
    refused.into_iter().for_each(assert_busy);
    site.stop().await;
}
