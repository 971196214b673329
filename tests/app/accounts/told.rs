//! The event `logged_in`, which only members on the nodes receive.

use std::time::Duration;

use actix::prelude::*;
use kilonova::pubsub::{Envelope, Payload};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{PASSWORD, register, send_form, sign_in, try_to_sign_in};
use crate::databases::Home;
use crate::support::{Site, links, within};

/// A member that passes on the messages it receives.
struct Probe(mpsc::UnboundedSender<Value>);

impl Actor for Probe {
    type Context = Context<Probe>;
}

impl Handler<Envelope> for Probe {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, _: &mut Context<Probe>) {
        let payload: Value = envelope.payload().decode().unwrap();
        drop(self.0.send(json!([
            envelope.channel().as_str(),
            envelope.topic(),
            payload,
            envelope.position()
        ])));
    }
}

#[actix_web::test]
async fn successful_sign_ins_are_announced_and_failed_ones_are_not() {
    let site = Site::start().await;
    let (told, mut hears) = mpsc::unbounded_channel();
    site.pubsub().join("users", Probe(told).start().recipient()).await.unwrap();
    register(&site, "ada").await;
    try_to_sign_in(&site, "ada", "wrong password").await.error(401);
    try_to_sign_in(&site, "nobody", PASSWORD).await.error(401);
    sign_in(&site, "ada").await;
    let form = "username=eve&password=correct+horse";
    assert_eq!(send_form(&site, "", "/register", form).await.status, 303);
    assert_eq!(send_form(&site, "", "/login", form).await.status, 303);
    for name in ["ada", "eve", "eve"] {
        let heard = within("the sign-in is announced", hears.recv()).await.unwrap();
        assert_eq!(heard, json!(["users", "logged_in", {"username": name}, null]));
    }
    assert!(hears.try_recv().is_err());
    site.stop().await;
}

#[actix_web::test]
async fn a_sign_in_is_announced_once_on_every_node() {
    let mut sites: Vec<Site> = Vec::new();
    for (node, cluster) in links(3).into_iter().enumerate() {
        let home = match sites.first() {
            Some(first) => first.home().another_node(),
            None => Home::new(),
        };
        let started = Site::start_in(home, |config| {
            config.node = format!("node-{node}");
            config.cluster = Some(cluster);
        });
        sites.push(started.await);
    }
    let mut members = Vec::new();
    for site in &sites {
        let (told, hears) = mpsc::unbounded_channel();
        site.pubsub().join("users", Probe(told).start().recipient()).await.unwrap();
        members.push(hears);
    }
    let all_known = async {
        while sites[1].pubsub().get_members("users").await.unwrap().len() < sites.len() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the nodes know each other", all_known).await;
    register(&sites[1], "ada").await;
    sign_in(&sites[1], "ada").await;
    sites[1].pubsub().broadcast("users", "sentinel", Payload::null()).await.unwrap();
    for hears in &mut members {
        let heard = within("the sign-in is announced", hears.recv()).await.unwrap();
        assert_eq!(heard, json!(["users", "logged_in", {"username": "ada"}, null]));
        let next = within("the sentinel arrives", hears.recv()).await.unwrap();
        assert_eq!(next, json!(["users", "sentinel", null, null]));
    }
    for site in sites.into_iter().rev() {
        site.stop().await;
    }
}

#[actix_web::test]
async fn a_sign_in_is_neither_logged_nor_sent_to_browsers() {
    let site = Site::start().await;
    register(&site, "ada").await;
    for path in ["/feed?channels=users", "/feed?channels=posts,users"] {
        assert_eq!(site.refused(path).await.error(422), "channels is invalid");
        let stream = [("accept", "text/event-stream")];
        let method = actix_web::http::Method::GET;
        let answer = site.send(method, path, &stream, actix_web::web::Bytes::new()).await;
        assert_eq!(answer.error(422), "channels is invalid");
    }
    let all = "/feed?channels=posts,comments,notes,system&last_event_id=0";
    let mut socket = site.socket(all).await;
    sign_in(&site, "ada").await;
    let post = site.new_post("After the sign-in").await;
    loop {
        let frame = socket.next_json().await;
        assert_ne!(frame["event"], "logged_in");
        if frame["data"] == post {
            break;
        }
    }
    socket.close().await;
    let log = site.get("/api/events?after=0").await.json(200);
    let channels: Vec<_> =
        log["events"].as_array().unwrap().iter().map(|event| &event["channel"]).collect();
    assert_eq!(channels, ["posts"]);
    site.stop().await;
}
