//! A viewer sees the same live, from memory and from the log, over every transport.

use serde_json::{Value, json};

use crate::support::{ALL, Site, Toy, Transport, Viewer, Wish, soon};

/// The audiences of the first events.
const AUDIENCES: [&str; 6] = ["", "reduced", "secret", "", "secret", "reduced"];

fn commit_all(toy: &Toy, site: &Site) {
    for audience in AUDIENCES {
        site.feed().committed([toy.commit_for("a", audience)]);
    }
}

/// The position, topic and payload of each event that a guest sees.
fn seen_by_a_guest() -> Vec<(i64, &'static str, Value)> {
    vec![
        (1, "happened", json!(1)),
        (2, "reduced", json!(null)),
        (4, "happened", json!(4)),
        (6, "reduced", json!(null)),
    ]
}

async fn check(readers: &mut [crate::support::Reader], viewer: Viewer) {
    for reader in readers {
        let expected = match viewer {
            Viewer::Guest => seen_by_a_guest(),
            Viewer::Staff => (1..=6).map(|at| (at, "happened", json!(at))).collect(),
        };
        for (position, topic, data) in expected {
            let said = reader.event().await;
            assert_eq!((said.id, said.topic.as_str(), said.data), (Some(position), topic, data));
        }
    }
}

#[actix::test]
async fn a_viewer_sees_the_same_live_from_memory_and_from_the_log() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    for viewer in [Viewer::Guest, Viewer::Staff] {
        let before = toy.end();
        let mut live = Vec::new();
        for transport in ALL {
            live.push(site.open(transport, &Wish::new(&["a"]).by(viewer)).await);
        }
        if before == 0 {
            commit_all(&toy, &site);
            check(&mut live, viewer).await;
        }
        let wish = Wish::new(&["a"]).by(viewer).after(0);
        let mut memory = Vec::new();
        for transport in ALL {
            memory.push(site.open(transport, &wish).await);
        }
        check(&mut memory, viewer).await;
        // A new feed has nothing in memory.
        let late = Site::start(&toy).await;
        let mut log = Vec::new();
        for transport in ALL {
            log.push(late.open(transport, &wish).await);
        }
        check(&mut log, viewer).await;
        drop((live, memory, log));
        late.stop().await;
    }
    site.stop().await;
}

#[actix::test]
async fn a_reader_resumes_after_hidden_events() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    commit_all(&toy, &site);
    for transport in ALL {
        for after in 0..6 {
            let wish = Wish::new(&["a"]).by(Viewer::Guest).after(after);
            let mut reader = site.open(transport, &wish).await;
            let expected: Vec<i64> = toy.seen(Viewer::Guest, &["a"], after, 6);
            assert_eq!(reader.ids(expected.len()).await, expected, "{transport:?} after {after}");
        }
    }
    site.stop().await;
}

#[actix::test]
async fn a_decision_that_panics_ends_the_sessions_that_needed_it_and_no_others() {
    let toy = Toy::new();
    let site = Site::start(&toy).await;
    let mut others = Vec::new();
    for transport in ALL {
        others.push(site.open(transport, &Wish::new(&["b"])).await);
    }
    for transport in [Transport::WebSocket, Transport::Stream] {
        let mut reader = site.open(transport, &Wish::new(&["a"])).await;
        site.feed().committed([toy.commit_for("a", "panics"), toy.commit("b")]);
        let code = (transport == Transport::WebSocket).then_some(1011);
        assert_eq!(reader.end().await, code);
        for other in &mut others {
            assert_eq!(other.ids(1).await, [toy.end()]);
        }
    }
    drop(others);
    soon(site.feed().sockets().all_closed()).await;
    site.stop().await;
}
