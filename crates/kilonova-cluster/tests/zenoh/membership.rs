//! Which nodes see each other.

use std::time::Duration;

use kilonova_cluster::NodeId;
use kilonova_cluster::Zenoh;
use kilonova_cluster::zenoh::{Error, Options, Secret};

use super::support::{Node, endpoint, free};

#[tokio::test]
async fn nodes_with_the_same_list_see_each_other() {
    let addresses = [free(), free(), free()];
    let [mut a, mut b, mut c] = [
        Node::start_with("a", addresses[0], &addresses, |_| {}).await,
        Node::start_with("b", addresses[1], &addresses, |_| {}).await,
        Node::start_with("c", addresses[2], &addresses, |_| {}).await,
    ];
    a.sees(&[&b.id, &c.id]).await;
    b.sees(&[&a.id, &c.id]).await;
    c.sees(&[&a.id, &b.id]).await;
}

#[tokio::test]
async fn a_peer_that_comes_later_is_found() {
    let later = free();
    let mut a = Node::start_with("a", free(), &[later], |options| {
        options.connect.push("tcp/no-such-host.invalid:1".parse().unwrap());
    })
    .await;
    a.sees(&[]).await;
    let mut b = Node::start_with("b", later, &[], |_| {}).await;
    a.sees(&[&b.id]).await;
    b.sees(&[&a.id]).await;
}

#[tokio::test]
async fn a_node_that_closes_is_gone_at_once() {
    let mut a = Node::start("a", &[]).await;
    let mut b = Node::start("b", &[a.address]).await;
    a.sees(&[&b.id]).await;
    b.adapter.close().await;
    a.sees_within(Duration::from_secs(1), &[]).await;
    assert!(b.incoming.messages.recv().await.is_none(), "`Incoming` did not end");
    drop(b);
}

#[tokio::test]
async fn a_node_that_is_dropped_is_gone_at_once() {
    let mut a = Node::start("a", &[]).await;
    let b = Node::start("b", &[a.address]).await;
    a.sees(&[&b.id]).await;
    drop(b);
    a.sees_within(Duration::from_secs(1), &[]).await;
}

#[tokio::test]
async fn a_restarted_node_is_another_node() {
    let mut a = Node::start("a", &[]).await;
    let first = Node::start("b", &[a.address]).await;
    a.sees(&[&first.id]).await;
    let second = NodeId::new("b", 2);
    let again = |options: &mut Options| options.node = second.clone();
    let mut b = Node::start_with("b", free(), &[a.address, first.address], again).await;
    a.sees(&[&first.id, &second]).await;
    b.sees(&[&a.id, &first.id]).await;
    first.adapter.close().await;
    a.sees(&[&second]).await;
}

#[tokio::test]
async fn names_may_be_any_text() {
    let mut a = Node::start("ein/Knoten*?#$ \n", &[]).await;
    let mut b = Node::start(&"\u{1f9ee}".repeat(32), &[a.address]).await;
    a.sees(&[&b.id]).await;
    b.sees(&[&a.id]).await;
}

#[tokio::test]
async fn another_site_is_not_seen() {
    let mut a = Node::start("a", &[]).await;
    let elsewhere = |options: &mut Options| options.site = "another site".to_owned();
    let mut other = Node::start_with("other", free(), &[a.address], elsewhere).await;
    let mut another =
        Node::start_with("another", free(), &[a.address, other.address], elsewhere).await;
    // The two see each other, so they are connected: their tokens would have arrived before the
    // following ones.
    another.sees(&[&other.id]).await;
    other.sees(&[&another.id]).await;
    let mut b = Node::start("b", &[a.address, other.address]).await;
    a.sees(&[&b.id]).await;
    b.sees(&[&a.id]).await;
}

#[tokio::test]
async fn invalid_options_are_refused_in_one_line() {
    let a = Node::start("a", &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let good = Options {
        site: String::new(),
        node: NodeId::new("b", 1),
        listen: Vec::new(),
        connect: Vec::new(),
        secret: Secret::new("secret"),
        tls: None,
        folder: folder.path().to_owned(),
    };
    let refused = async |change: &dyn Fn(&mut Options)| {
        let mut options = good.clone();
        change(&mut options);
        let error = Zenoh::open(options).await.unwrap_err();
        let text = error.to_string();
        assert!(text.lines().count() == 1 && !text.contains(".rs"), "{text}");
        (error, text)
    };
    let (error, text) = refused(&|options| options.listen = vec![endpoint(a.address)]).await;
    assert!(
        matches!(error, Error::Listen { .. }) && text.contains(&a.address.to_string()),
        "{text}"
    );
    let (error, _) = refused(&|options| options.secret = Secret::new("")).await;
    assert!(matches!(error, Error::NoSecret));
    let (error, _) = refused(&|options| options.node = NodeId::new("", 1)).await;
    assert!(matches!(error, Error::Name { length: 0 }));
    let (error, _) = refused(&|options| options.folder = "/no/such/folder".into()).await;
    assert!(matches!(error, Error::Folder { .. }));
    let (error, _) =
        refused(&|options| options.connect = vec!["tls/localhost:1".parse().unwrap()]).await;
    assert!(matches!(error, Error::NoCertificate { .. }));
}
