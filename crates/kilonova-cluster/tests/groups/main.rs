//! Process groups across nodes: the guarantees of `pg` between nodes, over an in-memory network
//! that can be cut.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use actix::Arbiter;
use bytes::Bytes;
use kilonova_cluster::{Adapter, Incoming, NodeId};
use kilonova_pubsub::{Change, Local, Monitor, Payload, PubSub};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use kilonova_test::member::{Die, Probe, soon};

type Wire = (watch::Sender<HashSet<NodeId>>, mpsc::Sender<(NodeId, Bytes)>);

/// An in-memory network. Every message arrives unless its nodes are cut off from each other.
#[derive(Clone, Default)]
struct Network {
    wires: Arc<Mutex<HashMap<NodeId, Wire>>>,
    cut: Arc<Mutex<HashSet<(NodeId, NodeId)>>>,
}

struct Plug {
    node: NodeId,
    network: Network,
}

impl Network {
    /// Starts a node with a registry.
    fn start(&self, name: &str) -> Node {
        let (pubsub, link) = PubSub::builder(name).start_linked_in(&Arbiter::current());
        let id = link.node().clone();
        let (node_sender, nodes) = watch::channel(HashSet::new());
        let (message_sender, messages) = mpsc::channel(4096);
        self.wires.lock().unwrap().insert(id.clone(), (node_sender, message_sender));
        let plug = Plug { node: id.clone(), network: self.clone() };
        actix::spawn(kilonova_cluster::run(link, Arc::new(plug), Incoming { nodes, messages }));
        self.look();
        Node { id, pubsub, network: self.clone() }
    }

    fn connected(&self, one: &NodeId, other: &NodeId) -> bool {
        let pair = (one.min(other).clone(), one.max(other).clone());
        one != other && !self.cut.lock().unwrap().contains(&pair)
    }

    /// Tells each node which others are reachable now.
    fn look(&self) {
        let wires = self.wires.lock().unwrap();
        for (one, (nodes, _)) in wires.iter() {
            let there = wires.keys().filter(|other| self.connected(one, other)).cloned().collect();
            nodes.send_replace(there);
        }
    }

    fn cut(&self, one: &Node, other: &Node) {
        let pair = (one.id.clone().min(other.id.clone()), one.id.clone().max(other.id.clone()));
        self.cut.lock().unwrap().insert(pair);
        self.look();
    }

    fn heal(&self) {
        self.cut.lock().unwrap().clear();
        self.look();
    }
}

impl Adapter for Plug {
    fn send_to_all(&self, message: Bytes) {
        let others: Vec<_> = self.network.wires.lock().unwrap().keys().cloned().collect();
        for other in others {
            self.send_to(&other, message.clone());
        }
    }

    fn send_to(&self, node: &NodeId, message: Bytes) {
        if self.network.connected(&self.node, node)
            && let Some((_, messages)) = self.network.wires.lock().unwrap().get(node)
        {
            messages.try_send((self.node.clone(), message)).ok();
        }
    }
}

struct Node {
    id: NodeId,
    pubsub: PubSub,
    network: Network,
}

impl Node {
    /// Removes the node, as if it was killed.
    fn kill(self) {
        self.network.wires.lock().unwrap().remove(&self.id);
        self.network.look();
    }

    /// The nodes of a channel's members, sorted.
    async fn seen(&self, channel: &str) -> Vec<String> {
        let members = self.pubsub.get_members(channel).await.unwrap();
        let mut nodes: Vec<_> = members.iter().map(|member| member.node().to_owned()).collect();
        nodes.sort();
        nodes
    }

    async fn sees(&self, channel: &str, expected: &[&str]) {
        soon(async {
            while self.seen(channel).await != expected {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[actix::test]
async fn members_of_all_nodes_are_listed_on_each_as_often_as_they_joined() {
    let network = Network::default();
    let [a, b] = [network.start("a"), network.start("b")];
    let [on_a, on_b] = [Probe::start(), Probe::start()];
    a.pubsub.join("notes", on_a.recipient()).await.unwrap();
    a.pubsub.join("notes", on_a.recipient()).await.unwrap();
    b.pubsub.join("notes", on_b.recipient()).await.unwrap();
    for node in [&a, &b] {
        node.sees("notes", &["a", "a", "b"]).await;
        let mut nodes = node.pubsub.nodes().await.unwrap();
        nodes.sort();
        assert_eq!(nodes, ["a".into(), "b".into()]);
    }
    assert_eq!(b.pubsub.get_local_members("notes").await.unwrap().len(), 1);
    let remote = b.pubsub.get_members("notes").await.unwrap();
    let remote: Vec<_> = remote.iter().filter(|member| member.node() == "a").collect();
    assert!(remote.iter().all(|member| member.recipient().is_none()));
    assert_eq!(remote[0], remote[1]);

    a.pubsub.leave("notes", on_a.recipient()).await.unwrap();
    b.sees("notes", &["a", "b"]).await;
    a.pubsub.leave("notes", on_a.recipient()).await.unwrap();
    b.pubsub.leave("notes", on_b.recipient()).await.unwrap();
    for node in [&a, &b] {
        node.sees("notes", &[]).await;
        assert!(node.pubsub.which_groups().await.unwrap().is_empty());
    }
}

#[actix::test]
async fn a_broadcast_reaches_all_nodes_in_order_and_a_local_one_only_its_own() {
    let network = Network::default();
    let [a, b] = [network.start("a"), network.start("b")];
    let [mut on_a, mut on_b] = [Probe::with_capacity(1000), Probe::with_capacity(1000)];
    a.pubsub.join("notes", on_a.recipient()).await.unwrap();
    b.pubsub.join("notes", on_b.recipient()).await.unwrap();
    a.sees("notes", &["a", "b"]).await;
    b.sees("notes", &["a", "b"]).await;
    for number in 0..100 {
        a.pubsub.local_broadcast("notes", "local", Payload::null()).await.unwrap();
        a.pubsub.broadcast("notes", number.to_string(), Payload::null()).await.unwrap();
    }
    for number in 0..100 {
        assert_eq!(on_a.topic().await, "local");
        assert_eq!(on_a.topic().await, number.to_string());
        let heard = on_b.next().await;
        assert_eq!(heard.topic(), number.to_string());
        assert_eq!(&*heard.sender().node, "a");
        assert!(heard.sender().member.is_none());
    }
}

/// Joins, leaves and deaths on another node, as a monitor sees them.
#[actix::test]
async fn a_monitor_sees_members_of_other_nodes_come_leave_die_and_vanish_with_their_node() {
    let network = Network::default();
    let [a, b] = [network.start("a"), network.start("b")];
    let mut monitor = a.pubsub.monitor("notes").await.unwrap();
    let [one, two] = [Probe::start(), Probe::start()];
    let changes = async |monitor: &mut Monitor| match soon(monitor.next()).await {
        Some(Change::Joined(member)) => format!("+{}", member.node()),
        Some(Change::Left(member)) => format!("-{}", member.node()),
        other => format!("{other:?}"),
    };
    b.pubsub.join("notes", one.recipient()).await.unwrap();
    assert_eq!(changes(&mut monitor).await, "+b");
    b.pubsub.join("notes", two.recipient()).await.unwrap();
    assert_eq!(changes(&mut monitor).await, "+b");
    b.pubsub.leave("notes", one.recipient()).await.unwrap();
    assert_eq!(changes(&mut monitor).await, "-b");
    two.keep(b.pubsub.lifeline(two.recipient())).await;
    two.addr.do_send(Die::Panic);
    assert_eq!(changes(&mut monitor).await, "-b");
    b.pubsub.join("notes", one.recipient()).await.unwrap();
    b.pubsub.join("notes", one.recipient()).await.unwrap();
    assert_eq!(changes(&mut monitor).await, "+b");
    assert_eq!(changes(&mut monitor).await, "+b");
    b.kill();
    assert_eq!(changes(&mut monitor).await, "-b");
    assert_eq!(changes(&mut monitor).await, "-b");
    assert!(a.pubsub.which_groups().await.unwrap().is_empty());
}

/// The names in the metadata of a channel's members, sorted.
async fn names(pubsub: &PubSub) -> Vec<String> {
    let members = pubsub.get_members("room").await.unwrap();
    let meta = members.iter().map(|member| member.meta().map_or("nobody".into(), name));
    let mut names: Vec<_> = meta.collect();
    names.sort();
    names
}

fn name(meta: &Payload) -> String {
    meta.decode::<HashMap<String, String>>().unwrap().remove("name").unwrap()
}

fn named(name: &str) -> Payload {
    json!({ "name": name }).into()
}

#[actix::test]
async fn metadata_is_seen_on_every_node_by_lists_and_monitors() {
    let network = Network::default();
    let [a, b] = [network.start("a"), network.start("b")];
    let mut monitor = b.pubsub.monitor("room").await.unwrap();
    let change = async |monitor: &mut Monitor| match soon(monitor.next()).await {
        Some(Change::Joined(member)) => format!("+{}", member.meta().map_or("".into(), name)),
        Some(Change::Left(member)) => format!("-{}", member.meta().map_or("".into(), name)),
        other => format!("{other:?}"),
    };
    let [ann, bob] = [Probe::start(), Probe::start()];
    a.pubsub.join_as("room", ann.recipient(), named("Ann")).await.unwrap();
    a.pubsub.join("room", bob.recipient()).await.unwrap();
    // The latest metadata applies, and a join without metadata keeps it.
    a.pubsub.join_as("room", ann.recipient(), named("Anna")).await.unwrap();
    a.pubsub.join("room", ann.recipient()).await.unwrap();
    a.pubsub.leave("room", ann.recipient()).await.unwrap();
    let subscription = a.pubsub.subscribe([""; 0]).await.unwrap();
    subscription.join_as("room", named("Sue")).await.unwrap();
    for expected in ["+Ann", "+", "+Anna", "+Anna", "-Anna", "+Sue"] {
        assert_eq!(change(&mut monitor).await, expected);
    }
    for node in [&a, &b] {
        assert_eq!(names(&node.pubsub).await, ["Anna", "Anna", "Sue", "nobody"]);
    }

    // No change crosses a split: all members are sent again after it.
    network.cut(&a, &b);
    let mut left = Vec::new();
    for _ in 0..4 {
        left.push(change(&mut monitor).await);
    }
    left.sort();
    assert_eq!(left, ["-", "-Anna", "-Anna", "-Sue"]);
    a.pubsub.join_as("room", bob.recipient(), named("Bob")).await.unwrap();
    network.heal();
    soon(async {
        while names(&b.pubsub).await != ["Anna", "Anna", "Bob", "Bob", "Sue"] {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Both sides of a split continue alone, and agree again when it is over.
#[actix::test]
async fn netsplit() {
    let network = Network::default();
    let nodes = [network.start("a"), network.start("b"), network.start("c")];
    let members = [Probe::start(), Probe::start(), Probe::start()];
    for (node, member) in nodes.iter().zip(&members) {
        node.pubsub.join("notes", member.recipient()).await.unwrap();
    }
    for node in &nodes {
        node.sees("notes", &["a", "b", "c"]).await;
    }
    let [a, b, c] = &nodes;
    network.cut(a, c);
    network.cut(b, c);
    a.sees("notes", &["a", "b"]).await;
    b.sees("notes", &["a", "b"]).await;
    c.sees("notes", &["c"]).await;
    // Changes during the split are sent afterwards.
    let late = Probe::start();
    c.pubsub.join("notes", late.recipient()).await.unwrap();
    a.pubsub.leave("notes", members[0].recipient()).await.unwrap();
    network.heal();
    for node in &nodes {
        node.sees("notes", &["b", "c", "c"]).await;
    }
}

/// A member that leaves and dies at the same moment leaves once on every node.
#[actix::test]
async fn leave_exit_race() {
    let network = Network::default();
    let [a, b] = [network.start("a"), network.start("b")];
    let stays = Probe::start();
    b.pubsub.join("notes", stays.recipient()).await.unwrap();
    a.sees("notes", &["b"]).await;
    for round in 0..200 {
        let goes = Probe::start();
        b.pubsub.join("notes", goes.recipient()).await.unwrap();
        goes.keep(b.pubsub.lifeline(goes.recipient())).await;
        let leave = b.pubsub.leave("notes", goes.recipient());
        goes.addr.do_send(if round % 2 == 0 { Die::Stop } else { Die::Panic });
        leave.await.ok();
    }
    a.sees("notes", &["b"]).await;
    b.sees("notes", &["b"]).await;
    b.pubsub.leave("notes", stays.recipient()).await.unwrap();
    a.sees("notes", &[]).await;
}

/// Thousands join at once while others leave; every node ends with the same members.
#[actix::test]
async fn thundering_herd() {
    let network = Network::default();
    let nodes = [network.start("a"), network.start("b"), network.start("c")];
    let members: Vec<_> = (0..300).map(|_| Probe::start()).collect();
    let joins = nodes.iter().flat_map(|node| {
        members.iter().enumerate().flat_map(move |(number, member)| {
            (0..10).map(move |channel| {
                let channel = format!("channel {}", (number + channel) % 40);
                let member = member.recipient();
                async move {
                    node.pubsub.join(channel.clone(), member.clone()).await.unwrap();
                    if number % 3 == 0 {
                        node.pubsub.leave(channel, member).await.unwrap();
                    }
                }
            })
        })
    });
    futures_util::future::join_all(joins).await;
    for channel in 0..40 {
        let channel = format!("channel {channel}");
        let mut expected = Vec::new();
        for node in &nodes {
            let local = node.pubsub.get_local_members(&*channel).await.unwrap();
            expected.extend(local.iter().map(|member| member.node().to_owned()));
        }
        expected.sort();
        assert!(expected.len() > 100);
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        for node in &nodes {
            node.sees(&channel, &expected).await;
        }
    }
}

/// More changes happen than the link has room for, and then no more. Only the version can reveal
/// the loss to other nodes.
#[actix::test]
async fn the_last_lost_change_shows_in_the_version() {
    const MORE_THAN_ROOM: u64 = 70_000;
    let (pubsub, mut link) = PubSub::builder("a").start_linked_in(&Arbiter::current());
    let member = Probe::start();
    for _ in 0..MORE_THAN_ROOM {
        pubsub.join("notes", member.recipient()).await.unwrap();
    }
    assert_eq!(link.lost(), 0, "waiting changes count as lost");
    let mut last = 0;
    while link.lost() == 0 {
        for local in soon(link.next(1024)).await {
            if let Local::Changed(version, _) = local {
                assert_eq!(version, last + 1);
                last = version;
            }
        }
    }
    assert!(last < MORE_THAN_ROOM);
    assert_eq!(link.lost(), MORE_THAN_ROOM);
    assert_eq!(link.snapshot().await.unwrap().version, MORE_THAN_ROOM);
}
