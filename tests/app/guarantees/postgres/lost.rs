//! A connection that breaks at COMMIT: the response matches the outcome of the commit.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Answer, Mishap, Mishaps, Site};
use kilonova_test::postgres::Cluster;

/// A site that reaches its database through a proxy.
async fn start() -> Option<(Site, Mishaps, Cluster)> {
    let (cluster, home) = super::start()?;
    let proxy = Mishaps::start(cluster.port());
    let url = home.url().unwrap().replace(&cluster.port().to_string(), &proxy.port.to_string());
    let database = super::at(&url);
    let site = Site::start_in(home, |config| config.storage.database = database).await;
    Some((site, proxy, cluster))
}

/// Writes a note under a mishap. Returns the response and the note's events in the log.
async fn write(site: &Site, proxy: &Mishaps, mishap: Mishap) -> (Answer, Vec<Value>) {
    const TITLE: &str = "In doubt";
    proxy.arm(mishap, TITLE);
    let note = json!({"title": TITLE, "body": "b", "author": "A"});
    let answer = site.post("/api/notes", &note).await;
    assert!(proxy.has_struck(), "the mishap did not happen");
    let log = site.get("/api/events?after=0").await.json(200);
    let of_it = |event: &&Value| event["data"]["title"] == TITLE;
    (answer, log["events"].as_array().unwrap().iter().filter(of_it).cloned().collect())
}

#[actix_web::test]
async fn a_commit_whose_answer_is_lost_is_acknowledged() {
    let Some((site, proxy, _cluster)) = start().await else { return };
    let mut socket = site.socket("/notifications").await;
    let (answer, log) = write(&site, &proxy, Mishap::AnswerLost).await;
    let note = answer.json(201);
    assert_eq!((log.len(), &log[0]["data"]), (1, &note));
    assert_eq!(answer.header("last-event-id"), Some(log[0]["id"].to_string().as_str()));
    // The event is sent once, and the next one follows.
    let next = site.new_note("Next").await;
    let told = [socket.next_json().await, socket.next_json().await];
    assert_eq!([&told[0]["data"], &told[1]["data"]], [&note, &next]);
    socket.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_commit_that_never_arrives_is_refused() {
    let Some((site, proxy, _cluster)) = start().await else { return };
    let begun = Instant::now();
    let (answer, log) = write(&site, &proxy, Mishap::NeverArrives).await;
    assert_eq!((answer.status, log.len()), (503, 0));
    // The outcome is known as soon as the server has rolled back.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_commit_that_arrives_late_is_acknowledged() {
    let Some((site, proxy, _cluster)) = start().await else { return };
    let late = Mishap::ArrivesLate(Duration::from_secs(4));
    let (answer, log) = write(&site, &proxy, late).await;
    assert_eq!(log.len(), 1, "the commit did not arrive");
    assert_eq!(answer.json(201), log[0]["data"]);
    site.stop().await;
}
