//! The kinds of failures, and a tally of those that happened.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use kilonova_test::proxy::Proxy;
use rand::RngExt;

use crate::crash::Server;
use crate::databases::Home;
use crate::guarantees::cluster::DATABASE;
use crate::guarantees::crowd::FOLLOWED;
use crate::guarantees::ledger::Ledger;

/// The proxies between nodes, and from each node to the database, by source and target.
#[derive(Default)]
pub(super) struct Cables(BTreeMap<(usize, usize), Proxy>);

impl Cables {
    /// Starts a proxy to this port, and returns the port on which it listens.
    pub(super) fn lay(&mut self, from: usize, to: usize, port: u16) -> u16 {
        if from == to {
            return port;
        }
        let cable = Proxy::new(([127, 0, 0, 1], port).into());
        let port = cable.address().port();
        self.0.insert((from, to), cable);
        port
    }

    /// Cuts a node off from all others, or reconnects it. Returns the number of new partitions.
    pub(super) fn cut_off(&self, node: usize) -> usize {
        let cuts = rand::rng().random_bool(0.6);
        for ((from, to), cable) in &self.0 {
            if *to != DATABASE && (*from == node || *to == node) {
                if cuts { cable.cut() } else { cable.heal() }
            }
        }
        usize::from(cuts)
    }

    /// Cuts a node off from the database, abruptly or silently, and reconnects the others to it.
    /// Returns the number of new partitions.
    pub(super) fn part_from_database(&self, node: usize) -> usize {
        for ((from, to), cable) in &self.0 {
            match *to == DATABASE {
                true if *from != node => cable.heal(),
                true if rand::rng().random_bool(0.5) => cable.cut(),
                true => cable.freeze(),
                false => {}
            }
        }
        1
    }

    /// Reconnects a node to the database.
    pub(super) fn mend_database(&self, node: usize) {
        if let Some(cable) = self.0.get(&(node, DATABASE)) {
            cable.heal();
        }
    }

    /// Reconnects everything.
    pub(super) fn mend(&self) {
        self.0.values().for_each(Proxy::heal);
    }
}

/// Prevents the server's files from growing.
pub(super) fn fill_disk(server: &Server, home: &Home) {
    let main = std::fs::metadata(home.path().join("kilonova.sqlite3")).unwrap();
    limit_files(server, &main.len().to_string());
}

/// Makes room again.
pub(super) fn empty_disk(server: &Server) {
    limit_files(server, "unlimited");
}

fn limit_files(server: &Server, soft: &str) {
    let mut limit = Command::new("prlimit");
    limit.args([&format!("--fsize={soft}:"), "--pid", &server.id().to_string()]);
    assert!(limit.status().unwrap().success());
}

/// Counts of the failures, and of the data on which the promises were checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) kills: usize,
    pub(super) replaced: usize,
    pub(super) partitions: usize,
    pub(super) freezes: usize,
    pub(super) database_crashes: usize,
    pub(super) full_disks: usize,
    pub(super) hostile: usize,
    events: usize,
    deliveries: usize,
    retried: usize,
}

impl Tally {
    /// Counts a round whose writes and deliveries have been checked against the log.
    pub(super) fn checked(&mut self, ledger: &Ledger, nodes: usize) {
        self.events += ledger.events;
        // Half of the subscribers follow posts and comments, the other half notes.
        self.deliveries += ledger.events * nodes * FOLLOWED.len() / 2;
        self.retried += ledger.retried;
    }

    pub(super) fn add(&mut self, other: Tally) {
        self.kills += other.kills;
        self.replaced += other.replaced;
        self.partitions += other.partitions;
        self.freezes += other.freezes;
        self.database_crashes += other.database_crashes;
        self.full_disks += other.full_disks;
        self.hostile += other.hostile;
        self.events += other.events;
        self.deliveries += other.deliveries;
        self.retried += other.retried;
    }

    #[expect(clippy::print_stdout, reason = "this is a measurement")]
    pub(super) fn report(&self, rounds: usize, elapsed: Duration) {
        println!(
            "{:.1} min, {rounds} rounds: {} kills, {} nodes replaced, {} partitions, {} freezes, \
             {} database crashes, {} full disks, {} hostile clients; {} events, about {} deliveries, \
             {} writes repeated; 0 lost, 0 twice, 0 out of order",
            elapsed.as_secs_f64() / 60.0,
            self.kills,
            self.replaced,
            self.partitions,
            self.freezes,
            self.database_crashes,
            self.full_disks,
            self.hostile,
            self.events,
            self.deliveries,
            self.retried,
        );
    }
}
