//! Messages between nodes.

use bytes::Bytes;
use kilonova_cluster::zenoh::MAX_MESSAGE;
use kilonova_cluster::{Adapter, NodeId};

use super::support::Node;

#[tokio::test]
async fn a_message_to_all_reaches_the_others() {
    let mut a = Node::start("a", &[]).await;
    let mut b = Node::start("b", &[a.address]).await;
    let mut c = Node::start("c", &[a.address, b.address]).await;
    c.sees(&[&a.id, &b.id]).await;
    a.sees(&[&b.id, &c.id]).await;
    c.adapter.send_to_all(Bytes::from_static(b"hello"));
    a.is_sent(&c.id, "hello").await;
    b.is_sent(&c.id, "hello").await;
    // The message did not reach its own sender, or it would arrive first.
    a.adapter.send_to_all(Bytes::from_static(b"hello too"));
    c.is_sent(&a.id, "hello too").await;
    b.is_sent(&a.id, "hello too").await;
}

#[tokio::test]
async fn a_message_to_one_reaches_no_other() {
    let mut a = Node::start("a", &[]).await;
    let mut b = Node::start("b", &[a.address]).await;
    let mut c = Node::start("c", &[a.address, b.address]).await;
    c.sees(&[&a.id, &b.id]).await;
    c.adapter.send_to(&a.id, Bytes::from_static(b"for a"));
    c.adapter.send_to(&NodeId::new("nobody", 1), Bytes::from_static(b"for nobody"));
    c.adapter.send_to(&c.id, Bytes::from_static(b"for itself"));
    c.adapter.send_to(&b.id, Bytes::new());
    a.is_sent(&c.id, "for a").await;
    b.is_sent(&c.id, "").await;
    a.sees(&[&b.id, &c.id]).await;
    a.adapter.send_to(&c.id, Bytes::from_static(b"for c"));
    c.is_sent(&a.id, "for c").await;
}

#[tokio::test]
async fn a_node_that_is_seen_can_be_reached() {
    let mut a = Node::start("a", &[]).await;
    for incarnation in 0..10 {
        let node = NodeId::new("b", incarnation);
        let mut b = Node::start_with("b", super::support::free(), &[a.address], |options| {
            options.node = node.clone()
        })
        .await;
        a.sees(&[&node]).await;
        a.adapter.send_to(&node, Bytes::from_static(b"to you"));
        a.adapter.send_to_all(Bytes::from_static(b"to all"));
        b.is_sent(&a.id, "to you").await;
        b.is_sent(&a.id, "to all").await;
        b.adapter.close().await;
        a.sees(&[]).await;
    }
}

#[tokio::test]
async fn messages_of_one_sender_keep_their_order() {
    let mut a = Node::start("a", &[]).await;
    let mut b = Node::start("b", &[a.address]).await;
    b.sees(&[&a.id]).await;
    // A thousand at a time, so that no full queue loses one. Every second message goes to one node.
    for thousand in 0..10_u32 {
        let numbers = thousand * 1_000..(thousand + 1) * 1_000;
        for number in numbers.clone() {
            let message = Bytes::copy_from_slice(&number.to_be_bytes());
            match number % 2 {
                0 => b.adapter.send_to_all(message),
                _ => b.adapter.send_to(&a.id, message),
            }
        }
        for number in numbers {
            assert_eq!(*a.next().await.1, number.to_be_bytes());
        }
    }
}

#[tokio::test]
async fn large_messages_arrive_whole_and_too_large_ones_not_at_all() {
    let mut a = Node::start("a", &[]).await;
    let mut b = Node::start("b", &[a.address]).await;
    b.sees(&[&a.id]).await;
    b.adapter.send_to_all(Bytes::from(vec![1; MAX_MESSAGE + 1]));
    let message = (0..=u8::MAX).cycle().take(256 * 1024).collect::<Bytes>();
    b.adapter.send_to_all(message.clone());
    assert!(a.next().await.1 == message);
    b.adapter.send_to(&a.id, message.clone());
    assert!(a.next().await.1 == message);
}

#[tokio::test]
async fn messages_sent_before_closing_arrive() {
    let mut a = Node::start("a", &[]).await;
    let mut b = Node::start("b", &[a.address]).await;
    b.sees(&[&a.id]).await;
    for number in 0..500_u32 {
        b.adapter.send_to_all(Bytes::from(number.to_be_bytes().repeat(250)));
    }
    b.adapter.close().await;
    for number in 0..500_u32 {
        assert_eq!(a.next().await.1[..4], number.to_be_bytes());
    }
}
