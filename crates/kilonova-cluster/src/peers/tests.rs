//! A model: nodes whose messages are delivered, lost and delayed, and that lose contact, die and
//! restart. When the network is whole again, each node must know the members of all other nodes,
//! and of no others.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::message::{Metas, single, tell, tell_all};
use kilonova_pubsub::{Local, Meta, Payload};

const NODES: usize = 3;

/// How often each member is in each channel, and its metadata there.
type Members = BTreeMap<(String, u64), (u32, Option<String>)>;

fn meta(json: String) -> Meta {
    Meta::new(Payload::from_json(json).unwrap()).unwrap()
}

fn text(meta: Meta) -> String {
    meta.payload().as_json().to_owned()
}

/// One node, with the work of the registry and the driver around the protocol.
struct Node {
    id: NodeId,
    members: Members,
    /// The version of the last change, and the last version that was sent.
    version: u64,
    told: u64,
    happened: Vec<Local>,
    peers: Peers,
    /// The other nodes' members as the registry would know them.
    known: BTreeMap<NodeId, Members>,
    /// Answers in progress, sent in parts; at most one to each node.
    answers: BTreeMap<NodeId, VecDeque<Bytes>>,
    /// The number of answers started, and of those that were cancelled.
    begun: usize,
    broken_off: usize,
}

impl Node {
    fn new(number: usize, incarnation: u64) -> Node {
        Node {
            id: NodeId::new(number.to_string(), incarnation),
            members: Members::new(),
            version: 0,
            told: 0,
            happened: Vec::new(),
            peers: Peers::default(),
            known: BTreeMap::new(),
            answers: BTreeMap::new(),
            begun: 0,
            broken_off: 0,
        }
    }

    fn change(&mut self, channel: u8, member: u64, joined: bool, says: Option<u8>) {
        let key = (channel.to_string(), member);
        let says = says.map(|number| format!("{{\"says\":{number}}}"));
        let (times, before) = self.members.get(&key).cloned().unwrap_or_default();
        // The registry reports the metadata in effect after a join, which is the last one given.
        let says = says.filter(|_| joined).or(before);
        match (joined, times) {
            (true, _) => self.members.insert(key, (times + 1, says.clone())),
            (false, 0) => return,
            (false, 1) => self.members.remove(&key),
            (false, _) => self.members.insert(key, (times - 1, says.clone())),
        };
        self.version += 1;
        let meta = says.filter(|_| joined).map(meta);
        let step = Step { channel: channel.to_string().into(), member, joined, meta };
        self.happened.push(Local::Changed(self.version, step));
    }

    fn update(&mut self, update: Update) {
        match update {
            Update::Members(node, joins) => {
                let joins = joins.into_iter();
                let members = joins.map(|j| {
                    ((j.channel.as_str().to_owned(), j.member), (j.times, j.meta.map(text)))
                });
                self.known.insert(node, members.collect());
            }
            Update::Steps(node, steps) => {
                let Some(known) = self.known.get_mut(&node) else { return };
                for Step { channel, member, joined, meta } in steps {
                    let key = (channel.as_str().to_owned(), member);
                    let (times, says) = known.entry(key.clone()).or_default();
                    *times = if joined { *times + 1 } else { times.saturating_sub(1) };
                    *says = meta.map(text).or(says.take());
                    if *times == 0 {
                        known.remove(&key);
                    }
                }
            }
            Update::Gone(node) => {
                self.known.remove(&node);
            }
        }
    }
}

/// The nodes, and the messages in transit between them.
struct World {
    nodes: Vec<Node>,
    /// Sender, receiver, sender's identity and message; in order for each pair.
    wires: Vec<(usize, usize, NodeId, Bytes)>,
    cut: HashSet<(usize, usize)>,
    now: Instant,
    starts: u64,
}

impl World {
    fn new() -> World {
        let nodes = (0..NODES).map(|number| Node::new(number, number as u64)).collect();
        let mut world = World {
            nodes,
            wires: Vec::new(),
            cut: HashSet::new(),
            now: Instant::now(),
            starts: NODES as u64,
        };
        world.look();
        world
    }

    fn connected(&self, one: usize, other: usize) -> bool {
        one != other && !self.cut.contains(&(one.min(other), one.max(other)))
    }

    /// Tells each node which others are reachable now.
    fn look(&mut self) {
        for one in 0..NODES {
            let there = (0..NODES).filter(|other| self.connected(one, *other));
            let there: HashSet<_> = there.map(|other| self.nodes[other].id.clone()).collect();
            self.nodes[one].answers.retain(|node, _| there.contains(node));
            let actions = self.nodes[one].peers.see(&there, self.now);
            self.act(one, actions);
        }
    }

    fn act(&mut self, node: usize, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Ask(to) => self.send(node, &to, single(&Item::Ask)),
                Action::Answer(to, _) => {
                    let Node { version, members, answers, begun, broken_off, .. } =
                        &mut self.nodes[node];
                    let joins = members.iter().map(|((channel, member), (times, says))| Joins {
                        channel: channel.as_str().into(),
                        member: *member,
                        times: *times,
                        meta: says.clone().map(meta),
                    });
                    let parts = parts(*version, joins.collect()).into();
                    *begun += 1;
                    *broken_off += usize::from(answers.insert(to, parts).is_some());
                }
                Action::Update(update) => self.nodes[node].update(update),
                Action::Deliver(..) => {}
            }
        }
    }

    fn send(&mut self, from: usize, to: &NodeId, message: Bytes) {
        if let Some(to) = self.nodes.iter().position(|node| node.id == *to)
            && self.connected(from, to)
        {
            self.wires.push((from, to, self.nodes[from].id.clone(), message));
        }
    }

    fn send_to_all(&mut self, from: usize, message: &Bytes) {
        for to in 0..NODES {
            let to = self.nodes[to].id.clone();
            self.send(from, &to, message.clone());
        }
    }

    /// Sends a node's events to the others.
    fn tell(&mut self, node: usize) {
        let Node { happened, told, .. } = &mut self.nodes[node];
        let messages = tell(std::mem::take(happened), told);
        for message in messages {
            self.send_to_all(node, &message);
        }
    }

    /// Sends the next part of an answer.
    fn answer(&mut self, node: usize) {
        let Node { answers, peers, .. } = &mut self.nodes[node];
        let Some(mut entry) = answers.first_entry() else { return };
        let (to, message) = (entry.key().clone(), entry.get_mut().pop_front());
        if entry.get().is_empty() {
            entry.remove();
            peers.answered(&to, self.now);
        }
        if let Some(message) = message {
            self.send(node, &to, message);
        }
    }

    /// Delivers the oldest message between some pair of nodes, or loses it.
    fn deliver(&mut self, which: usize, arrives: bool) {
        let Some((from, to, ..)) = self.wires.get(which) else { return };
        let first = self.wires.iter().position(|(f, t, ..)| (f, t) == (from, to));
        let (_, to, sender, message) = self.wires.remove(first.unwrap_or(which));
        if arrives {
            let actions = self.nodes[to].peers.hear(&sender, &message, self.now);
            self.act(to, actions);
        }
    }

    fn pass(&mut self) {
        self.now += PATIENCE;
        for node in 0..NODES {
            let actions = self.nodes[node].peers.tick(self.now);
            self.act(node, actions);
            let version = single(&Item::Version(self.nodes[node].told));
            self.send_to_all(node, &version);
        }
    }

    fn restart(&mut self, node: usize) {
        self.starts += 1;
        self.nodes[node] = Node::new(node, self.starts);
        self.wires.retain(|(from, ..)| *from != node);
        self.look();
    }
}

/// Splits the members into many small parts, so that events can happen between them.
fn parts(version: u64, joins: Vec<Joins>) -> Vec<Bytes> {
    let whole = tell_all(version, joins);
    let items = whole.flat_map(|message| message::decode(&message).unwrap_or_default());
    let mut parts = Vec::new();
    for item in items {
        let Item::Members(part) = item else { continue };
        let joins: Vec<_> = part.meta.beside(part.joins).collect();
        let chunks: Vec<_> = joins.chunks(2).map(<[_]>::to_vec).collect();
        let chunks = if chunks.is_empty() { vec![Vec::new()] } else { chunks };
        let count = chunks.len();
        for (number, joins) in chunks.into_iter().enumerate() {
            let last = number + 1 == count;
            let mut meta = Metas::default();
            for (index, (_, says)) in joins.iter().enumerate() {
                meta.push(index, says.as_ref());
            }
            let joins = joins.into_iter().map(|(join, _)| join).collect();
            let part = Part { version, part: number as u32, last, joins, meta };
            parts.push(single(&Item::Members(part)));
        }
    }
    parts
}

#[derive(Clone, Debug)]
enum Happens {
    Change(usize, u8, u64, bool, Option<u8>),
    Tell(usize),
    Answer(usize),
    Deliver(usize, bool),
    Cut(usize, usize),
    Heal(usize, usize),
    Look,
    Pass,
    Restart(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    let node = 0..NODES;
    prop_oneof![
        8 => (node.clone(), 0..3_u8, 0..3_u64, any::<bool>(), prop::option::of(0..3_u8))
            .prop_map(|(node, channel, member, joined, says)| Happens::Change(node, channel, member, joined, says)),
        6 => node.clone().prop_map(Happens::Tell),
        6 => node.clone().prop_map(Happens::Answer),
        12 => (0..20_usize, prop::bool::weighted(0.8)).prop_map(|(which, arrives)| Happens::Deliver(which, arrives)),
        1 => (node.clone(), node.clone()).prop_map(|(one, other)| Happens::Cut(one, other)),
        1 => (node.clone(), node.clone()).prop_map(|(one, other)| Happens::Heal(one, other)),
        2 => Just(Happens::Look),
        2 => Just(Happens::Pass),
        1 => node.prop_map(Happens::Restart),
    ]
}

proptest! {
    #[test]
    fn whatever_is_lost_every_node_comes_to_know_the_others_members(
        history in prop::collection::vec(happens(), 1..200)
    ) {
        let mut world = World::new();
        for event in history {
            match event {
                Happens::Change(node, channel, member, joined, says) => {
                    world.nodes[node].change(channel, member, joined, says);
                }
                Happens::Tell(node) => world.tell(node),
                Happens::Answer(node) => world.answer(node),
                Happens::Deliver(which, arrives) => world.deliver(which, arrives),
                Happens::Cut(one, other) => {
                    world.cut.insert((one.min(other), one.max(other)));
                }
                Happens::Heal(one, other) => {
                    world.cut.remove(&(one.min(other), one.max(other)));
                }
                Happens::Look => world.look(),
                Happens::Pass => world.pass(),
                Happens::Restart(node) => world.restart(node),
            }
        }
        world.cut.clear();
        world.look();
        for _ in 0..4 {
            world.pass();
            for node in 0..NODES {
                world.tell(node);
                while !world.nodes[node].answers.is_empty() {
                    world.answer(node);
                }
            }
            while !world.wires.is_empty() {
                world.deliver(0, true);
                for node in 0..NODES {
                    world.answer(node);
                }
            }
        }
        let truth: BTreeMap<_, _> =
            world.nodes.iter().map(|node| (node.id.clone(), node.members.clone())).collect();
        for node in &world.nodes {
            let mut others = truth.clone();
            others.remove(&node.id);
            prop_assert_eq!(&node.known, &others, "what {} knows", node.id);
        }
    }

    /// Whatever bytes a node sends, the others do not change.
    #[test]
    fn poisoned_peer(message in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,200}") {
        let mut world = World::new();
        let from = world.nodes[1].id.clone();
        for message in [&message[..], text.as_bytes()] {
            let actions = world.nodes[0].peers.hear(&from, message, world.now);
            prop_assert!(!actions.iter().any(|action| matches!(action, Action::Update(_))));
        }
    }
}

#[test]
fn a_stranger_is_ignored() {
    let mut world = World::new();
    let stranger = NodeId::new("1", 99);
    let joins = vec![Joins { channel: "a".into(), member: 1, times: 1, meta: None }];
    for message in tell_all(1, joins) {
        let actions = world.nodes[0].peers.hear(&stranger, &message, world.now);
        assert!(actions.is_empty(), "{actions:?}");
    }
}

#[test]
fn an_item_of_a_newer_version_is_skipped_and_the_others_count() {
    let mut world = World::new();
    let from = world.nodes[1].id.clone();
    let message = br#"[{"gossip":{"a":1}},"ask",{"version":"many"},{"broadcast":{"channel":"c","topic":"t","payload":{"n":1}}}]"#;
    world.now += PATIENCE * 2;
    let actions = world.nodes[0].peers.hear(&from, message, world.now);
    assert!(
        matches!(&actions[..], [Action::Answer(..), Action::Deliver(_, envelopes)]
        if envelopes[0].payload().as_json() == r#"{"n":1}"#),
        "{actions:?}"
    );
}

#[test]
fn an_incomplete_list_of_members_is_not_applied() {
    let mut world = World::new();
    let from = world.nodes[1].id.clone();
    let joins = (0..5).map(|member| Joins { channel: "a".into(), member, times: 1, meta: None });
    let parts = parts(5, joins.collect());
    let [first, _, last] = &parts[..] else { panic!("{} parts", parts.len()) };
    for part in [first, last] {
        let actions = world.nodes[0].peers.hear(&from, part, world.now);
        assert!(actions.is_empty(), "{actions:?}");
    }
    world.now += PATIENCE;
    let version = single(&Item::Version(5));
    let actions = world.nodes[0].peers.hear(&from, &version, world.now);
    assert!(matches!(&actions[..], [Action::Ask(_)]), "{actions:?}");
}

#[test]
fn a_node_that_asks_too_often_is_answered_twice_a_second() {
    let mut world = World::new();
    let from = world.nodes[1].id.clone();
    let ask = single(&Item::Ask);
    let mut answers = 0;
    for _ in 0..1000 {
        world.now += Duration::from_millis(1);
        let peers = &mut world.nodes[0].peers;
        let mut actions = peers.hear(&from, &ask, world.now);
        actions.extend(peers.tick(world.now));
        for _ in actions.iter().filter(|action| matches!(action, Action::Answer(..))) {
            peers.answered(&from, world.now);
            answers += 1;
        }
    }
    assert!((1..=3).contains(&answers), "{answers}");
}

/// An answer takes longer than the pause before a repeated request, and one of its parts is lost.
/// The answer to the repeated request must not interfere.
#[test]
fn a_long_answer_that_lost_a_part_is_followed_by_a_complete_one() {
    const MEMBERS: u64 = 100;
    let mut world = World::new();
    for member in 0..MEMBERS {
        world.nodes[1].change(0, member, true, None);
    }
    world.nodes[1].told = world.nodes[1].version;
    // Messages from the setup.
    world.wires.clear();
    for step in 0..1000 {
        world.now += Duration::from_millis(50);
        // The node sends its version twice a second.
        if step % 10 == 0 {
            let version = single(&Item::Version(world.nodes[1].told));
            world.send_to_all(1, &version);
        }
        let actions = world.nodes[1].peers.tick(world.now);
        world.act(1, actions);
        world.answer(1);
        let lost = (20..22).contains(&step);
        while !world.wires.is_empty() {
            world.deliver(0, !lost);
        }
    }
    let truth = &world.nodes[1].members;
    for node in [0, 2] {
        assert_eq!(world.nodes[node].known.get(&world.nodes[1].id), Some(truth), "{node}");
    }
    // For each of the two nodes: the first answer, and one for the lost part.
    assert_eq!((world.nodes[1].begun, world.nodes[1].broken_off), (4, 0));
}

/// A node's members, and the peers that know them.
fn known(version: u64) -> (Peers, NodeId, Instant) {
    let (node, now) = (NodeId::new("other", 1), Instant::now());
    let mut peers = Peers::default();
    peers.see(&HashSet::from([node.clone()]), now);
    for part in tell_all(version, Vec::new()) {
        peers.hear(&node, &part, now);
    }
    (peers, node, now + PATIENCE)
}

/// `count` consecutive changes after a version. The member of each is the number of its version.
fn steps(after: u64, count: u64) -> Bytes {
    let steps = (after + 1..=after + count).map(|version| ("a".to_owned(), version, true));
    single(&Item::Steps(Steps { after, steps: steps.collect(), meta: Metas::default() }))
}

/// The members of the steps that the registry receives.
fn told(actions: &[Action]) -> Vec<u64> {
    let steps = actions.iter().filter_map(|action| match action {
        Action::Update(Update::Steps(_, steps)) => Some(steps),
        _ => None,
    });
    steps.flatten().map(|step| step.member).collect()
}

#[test]
fn changes_are_applied_once_and_a_gap_causes_a_request() {
    let (mut peers, node, now) = known(5);
    assert_eq!(told(&peers.hear(&node, &steps(5, 2), now)), [6, 7]);
    // The same steps again, and together with newer ones.
    assert!(peers.hear(&node, &steps(5, 2), now).is_empty());
    assert_eq!(told(&peers.hear(&node, &steps(5, 4), now)), [8, 9]);
    let actions = peers.hear(&node, &steps(10, 1), now);
    assert!(matches!(&actions[..], [Action::Ask(_)]), "{actions:?}");
    assert_eq!(told(&peers.hear(&node, &steps(9, 1), now)), [10]);
    // The announced version is already known.
    let now = now + PATIENCE;
    for version in [0, 9, 10] {
        assert!(peers.hear(&node, &single(&Item::Version(version)), now).is_empty(), "{version}");
    }
    let actions = peers.hear(&node, &single(&Item::Version(11)), now);
    assert!(matches!(&actions[..], [Action::Ask(_)]), "{actions:?}");
}

#[test]
fn changes_between_the_parts_of_all_members_follow_them() {
    let joins = |times| Joins { channel: "a".into(), member: 1, times, meta: None };
    let parts = parts(20, vec![joins(1), joins(0), joins(2)]);
    let (mut peers, node, now) = known(5);
    assert!(peers.hear(&node, &parts[0], now).is_empty());
    for message in [steps(20, 1), steps(21, 2)] {
        assert!(peers.hear(&node, &message, now).is_empty());
    }
    let actions = peers.hear(&node, &parts[1], now);
    let Action::Update(Update::Members(_, members)) = &actions[0] else { panic!("{actions:?}") };
    assert_eq!(members, &[joins(1), joins(2)], "a member with 0 joins is not skipped");
    assert_eq!(told(&actions[1..]), [21, 22, 23]);
    // Changes kept during an older answer do not apply to a newer one.
    assert!(peers.hear(&node, &parts[0], now).is_empty());
    assert!(peers.hear(&node, &steps(30, 1), now).is_empty());
    peers.hear(&node, &parts[0], now);
    assert_eq!(told(&peers.hear(&node, &parts[1], now)), [0; 0]);
}

#[test]
fn a_node_with_too_many_memberships_is_ignored() {
    let joins = |times| Joins { channel: "a".into(), member: 1, times, meta: None };
    let half = u32::try_from(MOST / 2).unwrap();
    for (more, is_believed) in [(half, true), (half + 1, false), (u32::MAX, false)] {
        let (mut peers, node, now) = known(5);
        let actions: Vec<_> = parts(20, vec![joins(half), joins(more)])
            .iter()
            .flat_map(|part| peers.hear(&node, part, now))
            .collect();
        assert_eq!(!actions.is_empty(), is_believed, "{more}: {actions:?}");
    }
}

#[test]
fn too_many_changes_between_the_parts_cause_a_request() {
    let joins = |member| Joins { channel: "a".into(), member, times: 1, meta: None };
    let parts = parts(20, (0..3).map(joins).collect());
    let (mut peers, node, now) = known(5);
    peers.hear(&node, &parts[0], now);
    for n in 0..BETWEEN as u64 {
        assert!(peers.hear(&node, &steps(20 + n, 1), now).is_empty(), "{n}");
    }
    let now = now + PATIENCE;
    let actions = peers.hear(&node, &steps(20 + BETWEEN as u64, 1), now);
    assert!(matches!(&actions[..], [Action::Ask(_)]), "{actions:?}");
}

#[test]
fn a_node_that_asks_soon_after_an_answer_is_answered_more_slowly_each_time() {
    let (mut peers, node, mut now) = known(0);
    let mut slowness = |after: Duration| {
        now += after;
        let actions = peers.hear(&node, &single(&Item::Ask), now);
        let [Action::Answer(_, slowness)] = actions[..] else { panic!("{actions:?}") };
        peers.answered(&node, now);
        slowness
    };
    let soon = SOON - Duration::from_millis(1);
    let slower: Vec<_> = (0..8).map(|_| slowness(soon)).collect();
    assert_eq!(slower, [0, 1, 2, 3, 4, 5, SLOWEST, SLOWEST]);
    assert_eq!(slowness(SOON), 0);
    assert_eq!(slowness(PATIENCE), 1);
}
