//! Cut links between nodes, and a database that fails under all of them.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{DATABASE, Nodes, relays};
use crate::guarantees::client::Client;
use crate::guarantees::crowd::Crowd;
use crate::guarantees::kills::until;
use crate::support::{Socket, within};
use kilonova_test::proxy::Proxy;

/// The third node is cut off from the others while all still reach the database. Every node
/// continues and every reader sees every event, because each node also reads the log.
#[actix_web::test]
async fn netsplit() {
    let proxies = RefCell::new(Vec::new());
    // All links from and to the third node go through proxies.
    let nodes = Nodes::start_with(|from, to, link| {
        if from == to || to == DATABASE || (from != 2 && to != 2) {
            return link;
        }
        let proxy = Proxy::new(([127, 0, 0, 1], link).into());
        let port = proxy.address().port();
        proxies.borrow_mut().push(proxy);
        port
    });
    let Some(nodes) = nodes.await else { return };
    let crowd = Crowd::start(&nodes.ports, 2);
    crowd.writes(30).await;
    for _ in 0..2 {
        for proxy in proxies.borrow().iter() {
            proxy.cut();
        }
        nodes.sees(0, &[0, 1]).await;
        nodes.sees(1, &[0, 1]).await;
        nodes.sees(2, &[2]).await;
        within("all nodes take writes", crowd.writes(40)).await;
        for proxy in proxies.borrow().iter() {
            proxy.heal();
        }
        nodes.converge().await;
        crowd.writes(20).await;
    }
    // Both sides agree on the members.
    let here = nodes.client(0).get("/api/channels").await;
    let there = nodes.client(2).get("/api/channels").await;
    assert_eq!(relays(&here).0, relays(&there).0);
    crowd.finish().await;
}

#[actix_web::test]
async fn postgres_restart_under_three_nodes() {
    let Some(nodes) = Nodes::start().await else { return };
    let crowd = Crowd::start(&nodes.ports, 2);
    crowd.writes(40).await;
    nodes.postgres.down("immediate");
    nodes.postgres.up();
    within("all nodes take writes", crowd.writes(60)).await;
    nodes.converge().await;
    crowd.finish().await;
}

/// One node alone loses the database. Only its readers are told that they are behind, and they get
/// the missed events once it reconnects.
#[actix_web::test]
async fn a_node_that_loses_the_database_alone_tells_its_own_readers() {
    let cable = RefCell::new(None);
    let nodes = Nodes::start_with(|from, to, link| {
        if (from, to) != (2, DATABASE) {
            return link;
        }
        let proxy = Proxy::new(([127, 0, 0, 1], link).into());
        let port = proxy.address().port();
        cable.replace(Some(proxy));
        port
    });
    let Some(nodes) = nodes.await else { return };
    let cable = cable.take().unwrap();
    let (elsewhere, cut_off) = (listen(&nodes.client(0)).await, listen(&nodes.client(2)).await);
    let about = |reachable| json!({"reachable": reachable, "node": "node-2"});
    let of_database = |seen: &Seen| -> Vec<Value> {
        let told = seen.borrow();
        let told = told.iter().filter(|frame| frame["event"] == "database");
        told.map(|frame| frame["data"].clone()).collect()
    };
    let notes =
        |seen: &Seen| seen.borrow().iter().filter(|frame| frame["event"] == "note_created").count();

    cable.cut();
    until("the outage is announced", || of_database(&cut_off) == [about(false)]).await;
    let note = json!({"title": "Meanwhile", "body": "b", "author": "A"});
    let written = nodes.client(0).once(&Method::POST, "/api/notes", None, Some(&note)).await;
    assert_eq!(written.unwrap().status, 201);
    until("the other reader gets the note", || notes(&elsewhere) == 1).await;
    // A reader that joins during the outage is told too.
    let late = listen(&nodes.client(2)).await;
    until("a late reader is told", || of_database(&late).contains(&about(false))).await;
    assert_eq!(notes(&cut_off), 0);

    cable.heal();
    for seen in [&cut_off, &late] {
        until("the recovery was announced", || of_database(seen).last() == Some(&about(true)))
            .await;
        until("the missed note arrives", || notes(seen) == 1).await;
    }
    assert_eq!(of_database(&elsewhere), [Value::Null; 0]);
    let seen = cut_off.borrow();
    assert!(seen.iter().all(|frame| frame["event"] != "database" || frame.get("id").is_none()));
}

/// The frames that a socket has received.
type Seen = Rc<RefCell<Vec<Value>>>;

/// Follows the channels `notes` and `system` on a node.
async fn listen(node: &Client) -> Seen {
    let address = node.url("/feed?channels=notes,system").replace("http", "ws");
    let (_, frames) = node.http().ws(address).connect().await.unwrap();
    let mut socket = Socket::new(frames);
    let seen = Seen::default();
    let frames = Rc::clone(&seen);
    actix_web::rt::spawn(async move {
        loop {
            let frame = socket.next_json().await;
            frames.borrow_mut().push(frame);
        }
    });
    seen
}
