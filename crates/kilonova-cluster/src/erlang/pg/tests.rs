//! The scope against a model of OTP's scope: whatever is lost, dies or returns, the other scope
//! survives, and both sides end with the same members. The model panics where OTP's scope would
//! end.

use std::collections::{BTreeMap, HashMap, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const GROUPS: [&str; 3] = ["posts", "comments", "notes"];
const NODE: &str = "nova@h";
const CREATION: u32 = 7;

/// The receiver of a message to the other node.
#[derive(Clone, Debug)]
enum To {
    /// The process with the scope's name.
    Name,
    Process(Number),
    Monitor(Number, u32),
    Demonitor(u32),
}

/// A message or event from OTP's scope.
#[derive(Clone, Debug)]
enum Back {
    Message(Term<'static>),
    Ended(Number, u32),
}

/// A message from this side, as OTP's scope reads it.
#[derive(Clone, Debug)]
enum Told {
    Discover(u32),
    Sync(u32, Vec<Group>),
    Join(u32, Group),
    Leave(u32, Group),
}

/// OTP's scope, of version 0 (up to OTP 28) or 1 (OTP 29), and its processes.
struct Otp {
    version: u32,
    scope: Number,
    next: u32,
    local: Vec<(Number, Group)>,
    /// The groups with a member, for each scope that it knows.
    remote: HashMap<u32, Vec<Group>>,
    monitors: BTreeMap<u32, Number>,
}

fn number(id: u32) -> Number {
    Number { id, serial: 0 }
}

fn pid(number: Number) -> Term<'static> {
    Term::Pid(Pid { node: NODE.into(), number, creation: CREATION })
}

fn tuple(tag: &'static str, rest: Vec<Term<'static>>) -> Term<'static> {
    Term::Tuple(std::iter::once(Term::atom(tag)).chain(rest).collect())
}

impl Otp {
    fn new(version: u32) -> Otp {
        let (local, remote, monitors) = Default::default();
        Otp { version, scope: number(1), next: 2, local, remote, monitors }
    }

    fn discover(&self) -> Back {
        let version = (self.version > 0).then(|| Term::Int(self.version.into()));
        Back::Message(tuple("discover", [pid(self.scope)].into_iter().chain(version).collect()))
    }

    fn sync(&self) -> Back {
        let members = |group| {
            let of = self.local.iter().filter(move |(_, other)| *other == group);
            of.map(|(member, _)| pid(*member)).collect::<Vec<_>>()
        };
        let groups = (0..GROUPS.len()).filter(|group| !members(*group).is_empty());
        let entry =
            |group| Term::Tuple(vec![Term::atom(GROUPS[group]), Term::List(members(group))]);
        // A group that is not shared must have no effect.
        let other = Term::Tuple(vec![Term::Int(1), Term::List(vec![pid(number(99))])]);
        let groups = groups.map(entry).chain([other]).collect();
        let sync = tuple("sync", vec![pid(self.scope), Term::List(groups)]);
        Back::Message(tuple("$gen_cast", vec![sync]))
    }

    /// Handles a message. Panics where OTP's scope would end.
    fn take(&mut self, told: Told) -> Vec<Back> {
        match told {
            Told::Discover(from) => {
                let mut back = vec![self.sync()];
                let is_met = self.remote.contains_key(&from);
                self.remote.entry(from).or_default();
                if !is_met {
                    back.push(self.discover());
                }
                back
            }
            Told::Sync(from, groups) => {
                let mut once = groups.clone();
                once.dedup();
                assert_eq!(once, groups, "a group is sent twice");
                self.remote.insert(from, groups);
                Vec::new()
            }
            Told::Join(from, group) => {
                if let Some(groups) = self.remote.get_mut(&from) {
                    groups.push(group);
                }
                Vec::new()
            }
            Told::Leave(from, group) => {
                if let Some(groups) = self.remote.get_mut(&from) {
                    let at = groups.iter().position(|known| *known == group);
                    groups.remove(at.expect("a leave of an unknown group ends the scope"));
                }
                Vec::new()
            }
        }
    }

    /// The messages that the scope sends when processes join or leave.
    fn change(&self, group: Group, members: &[Number], joined: bool) -> Vec<Back> {
        if self.remote.is_empty() {
            return Vec::new();
        }
        let pids: Vec<_> = members.iter().copied().map(pid).collect();
        let pids = match pids.as_slice() {
            [one] if self.version == 0 => one.clone(),
            _ => Term::List(pids),
        };
        let (from, group) = (pid(self.scope), Term::atom(GROUPS[group]));
        let message = match joined {
            true => tuple("join", vec![from, group, pids]),
            false => tuple("leave", vec![from, pids, Term::List(vec![group])]),
        };
        let mut back = vec![Back::Message(message)];
        if self.version > 0 {
            // OTP 29 also sends a join without pids for a group that a process left.
            let none = Term::List(Vec::new());
            let group = Term::atom(GROUPS[0]);
            back.push(Back::Message(tuple("join", vec![pid(self.scope), group, none])));
        }
        back
    }
}

#[derive(Clone, Debug)]
enum Act {
    /// This side's member joins or leaves.
    Own(Group, bool),
    /// Processes of the other node join, or one of them leaves.
    Join(Group, usize),
    Leave(prop::sample::Index),
    /// A process of the other node dies, in all of its groups.
    Die(prop::sample::Index),
    /// The other scope ends and a new one starts.
    Restart,
    /// The connection is lost and re-established.
    Cut,
    /// The other node restarts.
    Reboot,
    Tick,
    /// One message arrives at the other node (`Forth`) or here (`Back`).
    Forth,
    Back,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..GROUPS.len(), any::<bool>()).prop_map(|(group, joined)| Act::Own(group, joined)),
        3 => (0..GROUPS.len(), 1..4_usize).prop_map(|(group, count)| Act::Join(group, count)),
        2 => any::<prop::sample::Index>().prop_map(Act::Leave),
        1 => any::<prop::sample::Index>().prop_map(Act::Die),
        1 => Just(Act::Restart),
        1 => Just(Act::Cut),
        1 => Just(Act::Reboot),
        2 => Just(Act::Tick),
        6 => Just(Act::Forth),
        6 => Just(Act::Back),
    ];
    vec(act, 0..120)
}

/// Both sides, and the messages in transit between them.
struct World {
    otp: Otp,
    scope: Scope,
    /// This side's scope has a different pid on each connection.
    connection: u32,
    forth: VecDeque<(To, Option<Told>)>,
    back: VecDeque<Back>,
    /// The members as the registry knows them.
    registry: BTreeMap<(Group, Number), u32>,
}

impl World {
    fn new(version: u32) -> World {
        let mut world = World {
            otp: Otp::new(version),
            scope: scope(),
            connection: 0,
            forth: VecDeque::new(),
            back: VecDeque::new(),
            registry: BTreeMap::new(),
        };
        world.connect();
        world
    }

    fn connect(&mut self) {
        let joined = self.scope.joined.clone();
        self.connection += 1;
        (self.forth, self.back, self.scope, self.registry) = Default::default();
        for group in joined {
            assert_eq!(self.scope.join(group), None, "the new scope already knows a peer");
        }
        let ask = self.scope.ask();
        self.send(ask);
    }

    fn send(&mut self, outputs: impl IntoIterator<Item = Output>) {
        let from = self.connection;
        for output in outputs {
            let (to, told) = match output {
                Output::Discover => (To::Name, Some(Told::Discover(from))),
                Output::DiscoverTo(to) => (To::Process(to), Some(Told::Discover(from))),
                Output::Sync(to, groups) => (To::Process(to), Some(Told::Sync(from, groups))),
                Output::Join(to, group) => (To::Process(to), Some(Told::Join(from, group))),
                Output::Leave(to, group) => (To::Process(to), Some(Told::Leave(from, group))),
                Output::Monitor(of, monitor) => (To::Monitor(of, monitor), None),
                Output::Demonitor(_, monitor) => (To::Demonitor(monitor), None),
                Output::Changed(steps) => {
                    for Step { group, member, joined } in steps {
                        let times = self.registry.entry((group, member)).or_default();
                        *times = if joined { *times + 1 } else { *times - 1 };
                    }
                    self.registry.retain(|_, times| *times > 0);
                    continue;
                }
                Output::Replaced => {
                    let members = self.scope.members().iter();
                    self.registry = members.map(|(of, member, n)| ((of, member), n)).collect();
                    continue;
                }
            };
            self.forth.push_back((to, told));
        }
    }

    fn forth(&mut self) {
        let Some((to, told)) = self.forth.pop_front() else { return };
        let is_there = match to {
            To::Name => true,
            To::Process(number) => number == self.otp.scope,
            To::Monitor(number, monitor) if number == self.otp.scope => {
                self.otp.monitors.insert(monitor, number);
                return;
            }
            To::Monitor(number, monitor) => {
                return self.back.push_back(Back::Ended(number, monitor));
            }
            To::Demonitor(monitor) => {
                self.otp.monitors.remove(&monitor);
                return;
            }
        };
        if let Some(told) = told.filter(|_| is_there) {
            let back = self.otp.take(told);
            self.back.extend(back);
        }
    }

    fn back(&mut self) {
        let outputs = match self.back.pop_front() {
            None => return,
            Some(Back::Ended(number, monitor)) => self.scope.ended(number, monitor),
            // The message may be from a scope that has ended in the meantime.
            Some(Back::Message(message)) => self.scope.hear(&message).unwrap_or_else(|ignored| {
                assert_eq!(ignored, Ignored::Unknown, "{message:?}");
                Vec::new()
            }),
        };
        self.send(outputs);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Own(group, true) => {
                let output = self.scope.join(group);
                self.send(output);
            }
            Act::Own(group, false) => {
                let output = self.scope.leave(group);
                self.send(output);
            }
            Act::Join(group, count) => {
                let first = self.otp.next;
                self.otp.next += 1 + count as u32 / 2;
                // Of three, two are the same process.
                let members: Vec<_> = (0..count as u32).map(|n| number(first + n.min(1))).collect();
                self.otp.local.extend(members.iter().map(|member| (*member, group)));
                self.back.extend(self.otp.change(group, &members, true));
            }
            Act::Leave(index) if !self.otp.local.is_empty() => {
                let at = index.index(self.otp.local.len());
                let (member, group) = self.otp.local.remove(at);
                self.back.extend(self.otp.change(group, &[member], false));
            }
            Act::Die(index) if !self.otp.local.is_empty() => {
                let (member, _) = self.otp.local[index.index(self.otp.local.len())];
                let groups: Vec<_> =
                    self.otp.local.extract_if(.., |(other, _)| *other == member).collect();
                for (_, group) in groups {
                    self.back.extend(self.otp.change(group, &[member], false));
                }
            }
            Act::Leave(_) | Act::Die(_) => {}
            Act::Restart => {
                for (monitor, number) in std::mem::take(&mut self.otp.monitors) {
                    self.back.push_back(Back::Ended(number, monitor));
                }
                self.otp.scope = number(1000 + self.otp.next);
                self.otp.next += 1;
                (self.otp.local, self.otp.remote) = Default::default();
            }
            Act::Cut => {
                (self.otp.remote, self.otp.monitors) = Default::default();
                self.connect();
            }
            Act::Reboot => {
                self.otp = Otp::new(1 - self.otp.version);
                self.connect();
            }
            Act::Tick => {
                let ask = self.scope.ask();
                self.send(ask);
            }
            Act::Forth => self.forth(),
            Act::Back => self.back(),
        }
    }

    /// Delivers all messages, including those sent in response.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.act(Act::Tick);
            while !self.forth.is_empty() || !self.back.is_empty() {
                self.forth();
                self.back();
            }
        }
    }
}

fn scope() -> Scope {
    Scope::new(&GROUPS.map(Arc::from), &NODE.into(), CREATION)
}

impl Default for Scope {
    fn default() -> Scope {
        scope()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn both_sides_agree_and_the_other_scope_lives(version in 0..2_u32, acts in acts()) {
        let mut world = World::new(version);
        for act in acts {
            world.act(act);
        }
        world.settle();
        let mut local = BTreeMap::new();
        for (member, group) in &world.otp.local {
            *local.entry((*group, *member)).or_insert(0_u32) += 1;
        }
        let kept: BTreeMap<_, _> =
            world.scope.members.iter().map(|(group, member, n)| ((group, member), n)).collect();
        prop_assert_eq!(&kept, &local);
        prop_assert_eq!(&world.registry, &local);
        prop_assert_eq!(world.scope.members.len(), world.otp.local.len());
        let mut known = world.otp.remote.remove(&world.connection).expect("it knows this side");
        known.sort_unstable();
        prop_assert_eq!(known, world.scope.joined.iter().copied().collect::<Vec<_>>());
    }
}

#[test]
fn a_leave_before_the_first_sync_is_not_sent() {
    let mut scope = scope();
    assert_eq!(scope.join(0), None);
    assert_eq!(scope.leave(0), None);
    let outputs = scope.hear(&tuple("discover", vec![pid(number(1))])).unwrap();
    assert!(outputs.contains(&Output::Sync(number(1), vec![])));
    assert_eq!(scope.leave(0), None);
    assert_eq!(scope.join(1), Some(Output::Join(number(1), 1)));
    assert_eq!(scope.join(1), None);
    assert_eq!(scope.leave(1), Some(Output::Leave(number(1), 1)));
    assert_eq!(scope.leave(1), None);
}

#[test]
fn a_pid_of_an_earlier_run_or_of_another_node_is_ignored() {
    let mut scope = scope();
    let of = |node: &'static str, creation| {
        Term::Pid(Pid { node: node.into(), number: number(1), creation })
    };
    for pid in [of(NODE, CREATION - 1), of("other@h", CREATION)] {
        assert_eq!(scope.hear(&tuple("discover", vec![pid.clone()])), Err(Ignored::Pid));
        let join = tuple("join", vec![pid, Term::atom("posts"), Term::List(vec![])]);
        assert_eq!(scope.hear(&join), Err(Ignored::Pid));
    }
    assert!(!scope.is_synced());
}

#[test]
fn strangers_messages_are_ignored() {
    let mut scope = scope();
    let me = || pid(number(1));
    for message in [
        Term::atom("hello"),
        tuple("discover", vec![Term::Int(1)]),
        tuple("$gen_cast", vec![tuple("sync", vec![me(), Term::atom("all")])]),
        tuple("$gen_cast", vec![tuple("sync", vec![me(), Term::List(vec![Term::Int(1)])])]),
        tuple("$gen_call", vec![me(), Term::Int(1)]),
    ] {
        assert_eq!(scope.hear(&message), Err(Ignored::Shape), "{message:?}");
    }
    let join = tuple("join", vec![me(), Term::atom("posts"), me()]);
    assert_eq!(scope.hear(&join), Err(Ignored::Unknown));
    assert_eq!(scope.members().len(), 0);
}

#[test]
fn a_node_with_too_many_members_is_ignored() {
    let mut scope = scope();
    let many = (0..=members::MOST as u32).map(|id| pid(number(id))).collect();
    let group = Term::Tuple(vec![Term::atom("posts"), Term::List(many)]);
    let sync = tuple("sync", vec![pid(number(1)), Term::List(vec![group])]);
    assert_eq!(scope.hear(&tuple("$gen_cast", vec![sync])), Err(Ignored::Many));
    assert_eq!(scope.members().len(), 0);
}

/// The bytes of OTP 29's messages, derived from its source: a `discover` with a version, and joins
/// and leaves with lists, some of them empty.
#[test]
fn the_messages_of_otp_29_are_understood() {
    const PID: &[u8] = b"\x58\x77\x06nova@h\0\0\0\x01\0\0\0\0\0\0\0\x07";
    const MEMBER: &[u8] = b"\x58\x77\x06nova@h\0\0\0\x05\0\0\0\0\0\0\0\x07";
    let mut scope = scope();
    let mut hear = |parts: &[&[u8]]| {
        let bytes = parts.concat();
        scope.hear(&super::super::term::decode(&bytes).unwrap()).unwrap()
    };
    let asked = hear(&[b"\x83\x68\x03\x77\x08discover", PID, b"\x61\x01"]);
    let one = number(1);
    assert_eq!(
        asked,
        [Output::Monitor(one, 1), Output::DiscoverTo(one), Output::Sync(one, vec![])]
    );
    let sync = b"\x83\x68\x02\x77\x09$gen_cast\x68\x03\x77\x04sync";
    assert_eq!(hear(&[sync, PID, b"\x6a"]), [Output::Replaced]);
    let member = number(5);
    let step = |joined| Output::Changed(vec![Step { group: 0, member, joined }]);
    let join = b"\x83\x68\x04\x77\x04join";
    let list = b"\x6c\0\0\0\x01";
    assert_eq!(hear(&[join, PID, b"\x77\x05posts", list, MEMBER, b"\x6a"]), [step(true)]);
    let leave = b"\x83\x68\x04\x77\x05leave";
    let posts = [&list[..], b"\x77\x05posts\x6a"].concat();
    // A leave without pids, a leave with one, and a join without pids.
    assert_eq!(hear(&[leave, PID, b"\x6a", &posts]), []);
    assert_eq!(hear(&[leave, PID, list, MEMBER, b"\x6a", &posts]), [step(false)]);
    assert_eq!(hear(&[join, PID, b"\x77\x05posts", b"\x6a"]), []);
}
