//! A stranger inside: messages from a client that some node admitted. In Zenoh, the listening node
//! alone decides whom it admits.

use std::collections::HashSet;
use std::net::TcpListener;
use std::time::Duration;

use ::zenoh::{Session, Wait};
use bytes::Bytes;
use tokio::time::timeout;

use super::key::{Keys, to_bytes};
use super::proof::Proof;
use super::{Adapter, Endpoint, NodeId, Options, Secret, Zenoh, apart, config, credentials};

fn options(
    name: &str,
    listen: &[Endpoint],
    connect: &[Endpoint],
    folder: &tempfile::TempDir,
) -> Options {
    Options {
        site: "a site".to_owned(),
        node: NodeId::new(name, 1),
        listen: listen.to_vec(),
        connect: connect.to_vec(),
        secret: Secret::new("secret"),
        tls: None,
        folder: folder.path().to_owned(),
    }
}

// Connects as a node does, without the rest of the adapter.
async fn connected(options: Options) -> Session {
    let credentials = credentials::write(&options).unwrap();
    let config = config::build(&options, &options.connect, credentials.path()).unwrap();
    apart(move || ::zenoh::open(config).wait()).await.unwrap()
}

// Multi-threaded, because dropping a session in a failing test requires it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tokens_and_messages_without_a_valid_proof_are_ignored() {
    let endpoint = [free()];
    let folder = tempfile::tempdir().unwrap();
    let (a, mut incoming) = Zenoh::open(options("a", &endpoint, &[], &folder)).await.unwrap();
    let stranger = connected(options("stranger", &[], &endpoint, &folder)).await;

    let [a_id, b_id] = ["a", "b"].map(|name| NodeId::new(name, 1));
    let (ours, theirs) = (Keys::new("a site", &a_id), Keys::new("a site", &b_id));
    let [right, wrong, elsewhere] =
        [("secret", "a site"), ("guess", "a site"), ("secret", "another site")]
            .map(|(secret, site)| Proof::new(&Secret::new(secret), site));
    let _tokens = [&wrong, &elsewhere]
        .map(|proof| stranger.liveliness().declare_token(theirs.token(proof)).wait().unwrap());

    let (from, to) = (to_bytes(&b_id), to_bytes(&a_id));
    let attached = |proof: &[u8]| Some([proof, &from[..]].concat());
    let good = right.of_message(&from, Some(&to), b"good");
    let messages = [
        // No proof, a truncated one, or one made with a wrong secret or site.
        (ours.own(), "bad", None),
        (ours.own(), "bad", Some(good[..8].to_vec())),
        (ours.own(), "bad", attached(&wrong.of_message(&from, Some(&to), b"bad"))),
        (ours.own(), "bad", attached(&elsewhere.of_message(&from, Some(&to), b"bad"))),
        // The proof of another message, for another sender, or of a message to one node.
        (ours.own(), "bad", attached(&good)),
        (ours.own(), "good", Some([&good[..], &to_bytes(&NodeId::new("c", 1))].concat())),
        (ours.all(), "good", attached(&good)),
        // A valid message, which shows that the earlier ones were ignored.
        (ours.own(), "good", attached(&good)),
    ];
    // The stranger is connected once its messages arrive.
    let first = loop {
        for (key, message, attachment) in &messages {
            stranger.put(key, *message).attachment(attachment.clone()).wait().unwrap();
        }
        if let Ok(first) = timeout(Duration::from_millis(100), incoming.messages.recv()).await {
            break first.unwrap();
        }
    };
    assert_eq!(first, (b_id.clone(), Bytes::from_static(b"good")));
    assert!(incoming.nodes.borrow().is_empty(), "{:?}", incoming.nodes.borrow());

    // A token with a valid proof is accepted; the earlier ones still are not.
    let _token = stranger.liveliness().declare_token(theirs.token(&right)).wait().unwrap();
    let nodes =
        timeout(Duration::from_secs(30), incoming.nodes.wait_for(|nodes| !nodes.is_empty())).await;
    assert_eq!(*nodes.unwrap().unwrap(), HashSet::from([b_id]));
    a.send_to_all(Bytes::new());
    while let Ok((sender, message)) = incoming.messages.try_recv() {
        assert_eq!((&**sender.name(), &*message), ("b", &b"good"[..]));
    }
    apart(move || stranger.close().wait()).await.unwrap();
    a.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_client_without_the_secret_is_refused() {
    let endpoint = [free()];
    let folder = tempfile::tempdir().unwrap();
    let (a, _incoming) = Zenoh::open(options("a", &endpoint, &[], &folder)).await.unwrap();
    // A single attempt, which reports its result.
    let once = async |secret: &str| {
        let options =
            Options { secret: Secret::new(secret), ..options("b", &[], &endpoint, &folder) };
        let credentials = credentials::write(&options).unwrap();
        let mut config = config::build(&options, &endpoint, credentials.path()).unwrap();
        config.insert_json5("connect/timeout_ms", "0").unwrap();
        config.insert_json5("connect/exit_on_failure", "true").unwrap();
        apart(move || ::zenoh::open(config).wait()?.close().wait()).await
    };
    once("guess").await.unwrap_err();
    once("secret").await.unwrap();
    once("Secret").await.unwrap_err();
    a.close().await;
}

fn free() -> Endpoint {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("tcp/127.0.0.1:{port}").parse().unwrap()
}
