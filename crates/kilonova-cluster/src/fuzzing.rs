//! Fuzz targets for data from other nodes: plain functions that panic if an invariant does not
//! hold. Tests drive them here; cargo-fuzz drives them in `fuzz/`.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use kilonova_pubsub::{META_MAX, Meta, NodeId, Update};

use crate::message::{Item, LARGEST, Writer, decode};
use crate::peers::{Action, Peers};
#[cfg(feature = "zenoh")]
pub use crate::zenoh::fuzzing::{endpoint, node};

/// The maximum number of memberships accepted from a node, each member counted as often as it
/// joined.
const MOST: u64 = 8_000_000;

/// A frame from an Erlang node.
#[cfg(feature = "erlang")]
pub use crate::erlang::fuzzing::frame as erlang;

/// A message: its decoded items, encoded again, decode to the same items.
pub fn message(bytes: &[u8]) {
    let Some(items) = decode(bytes) else { return };
    let mut writer = Writer::default();
    let mut written = Vec::new();
    for item in &items {
        if writer.push(item) {
            written.push(json(item));
        }
    }
    let messages = writer.finish();
    assert!(messages.iter().all(|message| message.len() <= LARGEST), "a message is too large");
    let read = messages.iter().flat_map(|message| decode(message).unwrap_or_default());
    assert_eq!(read.map(|item| json(&item)).collect::<Vec<_>>(), written);
}

fn json(item: &Item) -> String {
    serde_json::to_string(item).unwrap_or_default()
}

/// Events of two nodes, one per line. The first byte of a line is its kind: `0` and `1` for a
/// message of that node, `-` and `+` for the second node leaving and returning, `a` for the end of
/// an answer to the first, and any other byte for half a second passing.
pub fn peers(bytes: &[u8]) {
    let nodes = [NodeId::new("0", 0), NodeId::new("1", 1)];
    let (mut peers, mut now) = (Peers::default(), Instant::now());
    let mut world = World::default();
    world.see(&mut peers, &nodes, now);
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some((what, rest)) = line.split_first() else { continue };
        match what {
            b'0' => world.act(peers.hear(&nodes[0], rest, now)),
            b'1' => world.act(peers.hear(&nodes[1], rest, now)),
            b'-' => world.see(&mut peers, &nodes[..1], now),
            b'+' => world.see(&mut peers, &nodes, now),
            b'a' => peers.answered(&nodes[0], now),
            _ => {
                now += Duration::from_millis(500);
                world.act(peers.tick(now));
            }
        }
    }
}

/// The nodes as the registry would know them.
#[derive(Default)]
struct World {
    there: HashSet<NodeId>,
    known: HashMap<NodeId, u64>,
}

impl World {
    fn see(&mut self, peers: &mut Peers, nodes: &[NodeId], now: Instant) {
        self.there = nodes.iter().cloned().collect();
        let actions = peers.see(&self.there, now);
        for action in &actions {
            match action {
                Action::Ask(node) => assert!(self.there.contains(node)),
                Action::Update(Update::Gone(node)) => assert!(!self.there.contains(node)),
                other => panic!("a change of nodes leads to {other:?}"),
            }
        }
        self.known.retain(|node, _| self.there.contains(node));
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Ask(node) | Action::Answer(node, _) => {
                    assert!(self.there.contains(&node), "{node} is not reachable");
                }
                Action::Deliver(node, envelopes) => {
                    assert!(self.there.contains(&node), "{node} is not reachable");
                    assert!(!envelopes.is_empty());
                }
                Action::Update(Update::Members(node, joins)) => {
                    assert!(self.there.contains(&node), "{node} is not reachable");
                    assert!(joins.iter().all(|join| join.times > 0 && fits(&join.meta)));
                    let members = joins.iter().map(|join| u64::from(join.times)).sum();
                    assert!(members <= MOST, "{members} members are accepted");
                    self.known.insert(node, members);
                }
                Action::Update(Update::Steps(node, steps)) => {
                    assert!(self.known.contains_key(&node), "steps of an unknown node");
                    assert!(!steps.is_empty());
                    for step in steps {
                        assert!(fits(&step.meta));
                        assert!(step.joined || step.meta.is_none(), "a leave has metadata");
                    }
                }
                Action::Update(Update::Gone(node)) => panic!("a message removes {node}"),
            }
        }
    }
}

fn fits(meta: &Option<Meta>) -> bool {
    meta.as_ref().is_none_or(|meta| meta.len() <= META_MAX)
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn a_message_is_written_as_it_was_read() {
        let seeds: &[&[u8]] = &[
            br#"[{"version":7},"ask",{"news":[1,2]}]"#,
            br#"[{"members":{"version":3,"part":0,"last":true,
                "joins":[["a",1,2],["b",2,1]],"meta":[[1,{"x":[1.50,"\ud83d\ude80"]}]]}}]"#,
            br#"[{"steps":{"after":3,"steps":[["a",1,true],["b",2,false]],"meta":[[0,null]]}}]"#,
            br#"[{"broadcast":{"channel":"c","topic":"t","payload":{"a": [1, 2.0e3]}}}]"#,
            br#"18446744073709551615"#,
            br#","ask""#,
            br#"{"$serde_json::private::RawValue":"1"}"#,
        ];
        drive("message", message, seeds);
    }

    #[test]
    fn no_message_makes_a_node_believe_what_cannot_be() {
        let seeds: &[&[u8]] = &[
            br#"0[{"version":7},"ask"]
0[{"members":{"version":7,"part":0,"last":false,"joins":[["a",1,2]],"meta":[[0,1]]}}]
0[{"steps":{"after":7,"steps":[["a",1,false],["b",2,true]]}}]
0[{"members":{"version":7,"part":1,"last":true,"joins":[["b",2,1]]}}]
0[{"steps":{"after":9,"steps":[["a",1,false]]}}]
t
a
0["ask"]"#,
            br#"1[{"broadcast":{"channel":"c","topic":"t","payload":1}}]
-
1["ask"]
+
1[{"members":{"version":18446744073709551615,"part":0,"last":true,"joins":[["a",1,1]]}}]
1[{"steps":{"after":18446744073709551615,"steps":[["a",1,true]]}}]"#,
            br#"0[{"members":{"version":1,"part":0,"last":true,"joins":[["a",1,4294967295]]}}]"#,
            b"\n0",
            b"\n1",
            b"4294967295",
            b"18446744073709551615",
        ];
        drive("peers", peers, seeds);
    }
}
