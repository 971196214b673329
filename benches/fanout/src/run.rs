//! One run of one server with a number of sockets. Owns its steps, their order, and what is
//! measured.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::figures::{Figures, Idle, Paced, Spread, Traffic};
use crate::load::{Load, Phase};
use crate::measure::{Memory, cpu, machine};
use crate::peers::{Peer, Server};

/// The settings of all runs.
pub(crate) struct Plan {
    /// Kilonova's binary. `flags` are its flags besides address and folder.
    pub(crate) binary: PathBuf,
    /// Another build of Kilonova.
    pub(crate) baseline: PathBuf,
    pub(crate) flags: Vec<String>,
    /// The folder for the servers' data, on a disk.
    pub(crate) scratch: PathBuf,
    pub(crate) in_flight: usize,
    pub(crate) closed: Duration,
    pub(crate) rate: u32,
    pub(crate) paced: Duration,
}

/// The length of a note's body, which makes a frame of about 300 bytes.
const BODY: usize = 110;

/// The time before anything is measured, in which the server runs all of its code paths.
const WARM_UP: Duration = Duration::from_millis(500);

/// A server is idle when it used less than `QUIET` of CPU time in `LOOK`, twice in a row.
const LOOK: Duration = Duration::from_millis(100);
const QUIET: Duration = Duration::from_millis(2);
/// The longest wait for an idle server.
const SETTLE: Duration = Duration::from_secs(5);

/// A server and the load on it.
struct Bench {
    server: Server,
    load: Load,
}

impl Plan {
    /// Measures memory, handshakes, and posts in a closed loop.
    pub(crate) fn run(&self, peer: Peer, sockets: usize) -> Result<Figures, Failure> {
        self.with(peer, false, |bench| self.loaded(bench, sockets))
    }

    /// Measures posts at a fixed rate, on a server that reports its commits.
    pub(crate) fn paced(&self, peer: Peer, sockets: usize) -> Result<Paced, Failure> {
        self.with(peer, true, |bench| self.timed(bench, sockets))
    }

    fn loaded(&self, bench: &mut Bench, sockets: usize) -> Result<Figures, Failure> {
        // The first sockets pay the one-time costs, so the difference is the cost of a socket.
        // There are no posts yet: sockets would reuse the memory that a post frees.
        let first = (sockets / 10).min(100);
        bench.load.open(first)?;
        bench.settle()?;
        let before = Memory::of(bench.process())?;
        let (began, generator) = (Instant::now(), cpu(std::process::id())?);
        bench.load.open(sockets)?;
        let opening = began.elapsed().as_secs_f64();
        let generator = cpu(std::process::id())? - generator;
        bench.settle()?;
        let idle = Memory::of(bench.process())?;
        bench.load.closed(self.in_flight, WARM_UP)?;
        bench.settle()?;
        let closed = bench.measured(|load| load.closed(self.in_flight, self.closed))?;
        let used = Memory::of(bench.process())?.resident;
        let opened = (sockets - first) as f64;
        let each = |now: i64, then: i64| (now - then) as f64 / opened;
        let idle = Idle {
            resident: each(idle.resident, before.resident),
            private: each(idle.private, before.private),
            kernel: each(idle.kernel, before.kernel),
            handshakes_per_second: opened / opening,
            generator_busy: generator.as_secs_f64() / opening,
        };
        let frame_bytes = bench.load.ledger.frame_bytes();
        Ok(Figures { frame_bytes, idle, closed, resident: used, paced: None })
    }

    fn timed(&self, bench: &mut Bench, sockets: usize) -> Result<Paced, Failure> {
        bench.load.open(sockets)?;
        bench.load.closed(self.in_flight, WARM_UP)?;
        bench.settle()?;
        let first = bench.load.ledger.len();
        let traffic = bench.measured(|load| load.paced(self.rate, self.paced))?;
        let commits = bench.server.commits()?;
        let times = bench
            .load
            .ledger
            .commit_to_frame(first..bench.load.ledger.len(), |id| commits.get(&id).copied());
        let to_frame = times.ok_or("the server does not say when it committed")?;
        Ok(Paced { traffic, commit_to_frame: Spread::of(to_frame) })
    }

    /// Runs `work` with a new server, and ends the server. An error contains the server's log.
    fn with<T>(
        &self,
        peer: Peer,
        stamps: bool,
        work: impl FnOnce(&mut Bench) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let binary = if peer == Peer::Baseline { &self.baseline } else { &self.binary };
        let server = Server::start(peer, (binary, &self.flags), &self.scratch, stamps)?;
        let load = Load::connect(server.address, "x".repeat(BODY))?;
        let mut bench = Bench { server, load };
        match work(&mut bench) {
            Ok(value) => {
                bench.load.close()?;
                Ok(value)
            }
            Err(error) => Err(format!("{error}\n{}", bench.server.complaints()?).into()),
        }
    }
}

impl Bench {
    fn process(&self) -> u32 {
        self.server.process()
    }

    /// Waits until the server has finished its background work, such as indexing the posts.
    fn settle(&mut self) -> Result<(), Failure> {
        let end = Instant::now() + SETTLE;
        let mut quiet = 0;
        let mut then = cpu(self.process())?;
        while quiet < 2 && Instant::now() < end {
            self.load.idle(LOOK)?;
            let now = cpu(self.process())?;
            quiet = if now - then < QUIET { quiet + 1 } else { 0 };
            then = now;
        }
        Ok(())
    }

    /// Runs a phase and measures its cost to the server, including the background work that it
    /// causes.
    fn measured(
        &mut self,
        phase: impl FnOnce(&mut Load) -> Result<Phase, crate::load::Fault>,
    ) -> Result<Traffic, Failure> {
        let sockets = self.load.sockets();
        let process = self.process();
        let clocks = || -> Result<[Duration; 3], Failure> {
            Ok([cpu(process)?, cpu(std::process::id())?, machine()?])
        };
        let before = clocks()?;
        let Phase { posts, took } = phase(&mut self.load)?;
        let during = clocks()?;
        self.settle()?;
        let server = cpu(process)? - before[0];
        let [on_server, generator, machine] =
            std::array::from_fn(|clock| (during[clock] - before[clock]).as_secs_f64());
        let ledger = &self.load.ledger;
        let (expected, received) = (posts.len() * sockets, ledger.received(posts.clone()));
        // The phase ends only when all frames have arrived, so a difference is a bug in the
        // generator.
        if expected != received {
            return Err(format!("{received} of {expected} deliveries").into());
        }
        Ok(Traffic {
            expected,
            received,
            posts: posts.len(),
            deliveries_per_second: received as f64 / took.as_secs_f64(),
            cpu_per_delivery: server.as_secs_f64() * 1e6 / received as f64,
            generator_busy: generator / took.as_secs_f64(),
            others_busy: (machine - on_server - generator).max(0.0) / took.as_secs_f64(),
            to_answer: Spread::of(ledger.to_answer(posts.clone())),
            to_frame: Spread::of(ledger.to_frame(posts)),
        })
    }
}
