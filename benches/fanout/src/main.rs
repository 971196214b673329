//! The cost of one event to many WebSockets, measured on Kilonova's real binary, on a typical axum
//! server, and on a floor server that does nothing else.
//!
//!     cargo run --release -p fanout
//!
//! One process generates the load (`load`); each server (`peers`) is a separate process. Every
//! delivery is checked; a run with a lost, duplicate or misordered delivery fails, and so does this
//! program.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints")]

mod figures;
mod load;
mod measure;
mod peers;
mod plot;
mod report;
mod run;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};

use self::figures::{Results, Row};
use self::peers::Peer;
use self::run::Plan;

type Failure = Box<dyn std::error::Error>;

/// File descriptors besides the sockets: connections for posts, files, libraries.
const OTHER_FILES: usize = 200;

/// Measures what one event to many WebSockets costs
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// Runs one of the measured servers
    #[command(hide = true)]
    Serve { peer: Peer, address: SocketAddr },
}

#[derive(Args)]
struct Options {
    /// Numbers of sockets
    #[arg(long, value_delimiter = ',', default_value = "100,1000,5000,10000,15000")]
    sockets: Vec<usize>,
    /// Servers, in the order in which each round runs them
    #[arg(long, value_enum, value_delimiter = ',', default_value = "kilonova,axum,floor")]
    peers: Vec<Peer>,
    /// Rounds for each number of sockets
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// Posts in flight in the closed loop
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=load::CONNECTIONS as i64))]
    in_flight: u16,
    /// Seconds of the closed loop
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Posts a second at the fixed rate
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Numbers of sockets with an additional run at the fixed rate; 0: none
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    paced: Vec<usize>,
    /// Seconds of the run at the fixed rate
    #[arg(long, default_value_t = 6.0)]
    paced_seconds: f64,
    /// Kilonova's binary [default: builds it]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Another build of Kilonova, the peer `baseline`
    #[arg(long, value_name = "PATH")]
    baseline: Option<PathBuf>,
    /// A flag for Kilonova instead of the default, such as --kilonova=--workers=1; may be repeated
    #[arg(
        long,
        value_name = "FLAG",
        default_value = "--max-sockets=0",
        allow_hyphen_values = true
    )]
    kilonova: Vec<String>,
    /// The file for the plot [default: target/fanout/fanout.svg]
    #[arg(long, value_name = "PATH")]
    plot: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Cli { command, options } = Cli::parse();
    let done = match command {
        Some(Command::Serve { peer: Peer::Axum, address }) => {
            peers::axum::serve(address).map(|()| true)
        }
        Some(Command::Serve { peer: Peer::Floor, address }) => {
            peers::floor::serve(address).map(|()| true)
        }
        Some(Command::Serve { peer: Peer::Kilonova | Peer::Baseline, .. }) => {
            Err("kilonova is a separate binary".into())
        }
        None => bench(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fanout: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all rounds, each of which runs every server once. Returns false if a run failed.
fn bench(options: &Options) -> Result<bool, Failure> {
    let most = options.sockets.iter().copied().max().unwrap_or_default();
    measure::raise_open_files(most + OTHER_FILES)?;
    // This program is target/release/fanout.
    let exe = std::env::current_exe()?;
    let target = exe.ancestors().nth(2).ok_or("this binary is not in a target folder")?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None if options.peers.contains(&Peer::Kilonova) => peers::build(&workspace, target)?,
        None => PathBuf::new(),
    };
    let out = target.join("fanout");
    std::fs::create_dir_all(&out)?;
    if options.peers.contains(&Peer::Baseline) && options.baseline.is_none() {
        return Err("the peer `baseline` needs --baseline PATH".into());
    }
    let plan = Plan {
        binary,
        baseline: options.baseline.clone().unwrap_or_default(),
        flags: options.kilonova.clone(),
        // The system's temporary folder may be in memory, where a sync costs nothing.
        scratch: out.clone(),
        in_flight: options.in_flight.into(),
        closed: Duration::from_secs_f64(options.seconds),
        rate: options.rate,
        paced: Duration::from_secs_f64(options.paced_seconds),
    };
    let begun = Instant::now();
    let mut results = Results(Vec::new());
    let mut failed = Vec::new();
    for &sockets in &options.sockets {
        for round in 1..=options.repeat.into() {
            for &peer in &options.peers {
                let run = || {
                    let mut figures = plan.run(peer, sockets)?;
                    if options.paced.contains(&sockets) {
                        figures.paced = Some(plan.paced(peer, sockets)?);
                    }
                    Ok::<_, Failure>(Row { peer, sockets, round, figures })
                };
                match run() {
                    Ok(row) => {
                        report::progress(&row);
                        results.0.push(row);
                    }
                    Err(error) => {
                        let failure =
                            format!("{sockets} sockets, round {round}, {}: {error}", peer.name());
                        eprintln!("FAILED: {failure}");
                        failed.push(failure);
                    }
                }
            }
        }
    }
    report::write(&results, &out)?;
    let plot = options.plot.clone().unwrap_or_else(|| out.join("fanout.svg"));
    std::fs::write(&plot, plot::svg(&results, &options.sockets))?;
    report::tables(&results, options);
    println!(
        "\n{:.0} s; every run in {}, plot in {}",
        begun.elapsed().as_secs_f64(),
        out.display(),
        plot.display()
    );
    for failure in &failed {
        println!("FAILED: {failure}");
    }
    Ok(failed.is_empty())
}
