//! A node without the secret is kept out.

use bytes::Bytes;
use kilonova_cluster::Adapter;
use kilonova_cluster::zenoh::{Options, Secret};

use super::support::{Node, free};
use kilonova_test::proxy::Proxy;

fn wrong(options: &mut Options) {
    options.secret = Secret::new("another secret");
}

#[tokio::test]
async fn a_node_with_another_secret_does_not_get_in() {
    let mut a = Node::start("a", &[]).await;
    let door = Proxy::new(a.address);
    let stranger = Node::start_with("stranger", free(), &[door.address()], wrong).await;
    is_kept_out(&mut a, stranger, &door).await;
}

#[tokio::test]
async fn a_node_with_another_secret_is_not_accepted() {
    let stranger = Node::start_with("stranger", free(), &[], wrong).await;
    let door = Proxy::new(stranger.address);
    let mut a = Node::start("a", &[door.address()]).await;
    is_kept_out(&mut a, stranger, &door).await;
}

async fn is_kept_out(a: &mut Node, mut stranger: Node, door: &Proxy) {
    // Repeated attempts show that the earlier ones failed.
    super::support::until(|| door.connections() >= 3).await;
    stranger.adapter.send_to_all(Bytes::from_static(b"let me in"));
    a.adapter.send_to_all(Bytes::from_static(b"who is there"));
    let mut b = Node::start("b", &[a.address]).await;
    a.sees(&[&b.id]).await;
    b.adapter.send_to_all(Bytes::from_static(b"me"));
    a.is_sent(&b.id, "me").await;
    b.sees(&[&a.id]).await;
    stranger.sees(&[]).await;
    assert!(stranger.incoming.messages.try_recv().is_err(), "a stranger can listen");
}

#[test]
fn secrets_are_not_shown() {
    let secret = Secret::new("hunter2");
    assert!(!format!("{secret:?}").contains("hunter2"));
}
