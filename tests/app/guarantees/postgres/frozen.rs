//! A node that freezes during its write transaction while it holds the lock that every writer
//! needs. The test needs failpoints, which a release build does not have.

use std::time::{Duration, Instant};

use actix_web::http::Method;
use serde_json::json;

use crate::guarantees::client::{Client, positions};
use crate::guarantees::failpoints::built_in;
use crate::guarantees::kills::start;
use crate::support::within;

#[actix_web::test]
async fn a_node_frozen_before_its_commit_delays_others_only_for_seconds() {
    if !built_in() {
        return;
    }
    let Some((_cluster, home)) = super::start() else { return };
    let second = home.another_node();
    let freezing = start(&home, 0, Some("before-commit:3:stop".to_owned())).await;
    let going_on = start(&second, 0, None).await;
    let (frozen, client) = (Client::new(freezing.port), Client::new(going_on.port));
    let note = |title: &str| json!({"title": title, "body": "b", "author": "A"});
    for title in ["one", "two"] {
        let answer = frozen.once(&Method::POST, "/api/notes", None, Some(&note(title))).await;
        assert_eq!(answer.unwrap().status, 201);
    }
    // The third write has its position, and freezes with the log's row locked.
    let third = actix_web::rt::spawn(async move {
        let note = json!({"title": "three", "body": "b", "author": "A"});
        frozen.once(&Method::POST, "/api/notes", Some("three"), Some(&note)).await
    });
    let state = format!("/proc/{}/stat", freezing.id());
    let stopped = async {
        while !std::fs::read_to_string(&state).unwrap().contains(") T ") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("it freezes", stopped).await;
    let begun = Instant::now();
    let (answer, _) =
        client.insist(Method::POST, "/api/notes", Some("four"), Some(&note("four"))).await;
    assert_eq!(answer.status, 201);
    assert!(begun.elapsed() < Duration::from_secs(12), "the others waited {:?}", begun.elapsed());

    freezing.signal("CONT");
    // The frozen write was rolled back and is answered 503; then the node works again.
    assert_eq!(within("a response", third).await.unwrap().unwrap().status, 503);
    let frozen = Client::new(freezing.port);
    let (again, _) =
        frozen.insist(Method::POST, "/api/notes", Some("three"), Some(&note("three"))).await;
    assert_eq!((again.status, again.replayed), (201, false));
    for node in [&client, &frozen] {
        let log = node.log(0, None).await;
        assert_eq!(positions(&log), [1, 2, 3, 4]);
        let titles: Vec<_> =
            log.iter().map(|event| event["data"]["title"].as_str().unwrap()).collect();
        assert_eq!(titles, ["one", "two", "four", "three"]);
    }
}
