//! The event `logged_in`: heard by members on the nodes, and by nobody else.

use actix::prelude::*;
use kilonova::pubsub::Envelope;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{PASSWORD, register, send_form, sign_in, try_to_sign_in};
use crate::support::{Site, within};

/// A member that tells what it is sent.
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
async fn a_sign_in_is_told_to_nobody_or_a_failed_one_to_somebody() {
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
        let heard = within("the sign-in is told", hears.recv()).await.unwrap();
        assert_eq!(heard, json!(["users", "logged_in", {"username": name}, null]));
    }
    assert!(hears.try_recv().is_err());
    site.stop().await;
}

#[actix_web::test]
async fn a_sign_in_gets_into_the_log_or_to_a_browser() {
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
