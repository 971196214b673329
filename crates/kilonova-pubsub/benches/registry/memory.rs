//! Memory per membership: how much the process grows while its members join. Each scenario runs in
//! a separate process, because an allocator seldom releases the memory of an earlier one.

use std::process::Command;

use kilonova_pubsub::Membership;

use crate::size::Size;
use crate::world::World;

/// The scenarios: about a million memberships each.
const SCENARIOS: [(&str, Size); 5] = [
    ("all in one channel", Size { members: 1_000_000, channels: 1, each: 1 }),
    ("ten in a channel", Size { members: 1_000_000, channels: 100_000, each: 1 }),
    ("each in a channel of its own", Size { members: 1_000_000, channels: 1_000_000, each: 1 }),
    ("ten in a channel, each in three", Size { members: 333_333, channels: 100_000, each: 3 }),
    ("in a hundred channels each", Size { members: 10_000, channels: 100_000, each: 100 }),
];

/// Runs every scenario, with the index alone and with actors, and prints a table.
pub(crate) fn table() {
    println!("{:35}{:>10}{:>10}   bytes per membership", "", "index", "groups");
    for (number, (name, size)) in SCENARIOS.iter().enumerate() {
        let memberships = size.members * size.each;
        let [index, groups] = ["index", "groups"].map(|kind| {
            let program = std::env::current_exe().unwrap();
            let output =
                Command::new(program).args(["memory", &format!("{kind}-{number}")]).output();
            let grown = String::from_utf8(output.unwrap().stdout).unwrap();
            grown.trim().parse::<usize>().unwrap() / memberships
        });
        println!("{name:35}{index:>10}{groups:>10}");
    }
}

/// Prints the bytes that one scenario takes.
pub(crate) fn measure(scenario: &str) {
    let (kind, number) = scenario.split_once('-').unwrap();
    let (_, size) = SCENARIOS[number.parse::<usize>().unwrap()];
    if kind == "index" {
        let names = size.names();
        let (before, mut membership) = (resident(), Membership::new());
        for member in 0..size.members {
            for channel in size.channels_of(member) {
                membership.join(names[channel].as_str().into(), member);
            }
        }
        println!("{}", resident() - before);
    } else {
        let world = World::new(size);
        let before = resident();
        let lifelines = world.lifelines(0..size.members);
        world.join(0..size.members);
        println!("{}", resident() - before);
        drop(lifelines);
    }
}

/// The resident memory of this process.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}
