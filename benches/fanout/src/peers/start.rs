//! Starts a server, waits until it answers, reads its log, and ends it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::DateTime;

use super::Peer;
use crate::Failure;

/// The longest time until a server is ready.
const READY: Duration = Duration::from_secs(30);

/// The beginning of Kilonova's log line for a commit, with the name of its module.
const COMMITTED: &str = "kilonova::db::writer] committed ";

/// A running server. Dropping this value kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// The folder with its data and its log.
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts an empty server on a free port and in a new folder under `scratch`. With `stamps`, it
    /// logs when each event was committed.
    pub(crate) fn start(
        peer: Peer,
        (binary, flags): (&Path, &[String]),
        scratch: &Path,
        stamps: bool,
    ) -> Result<Server, Failure> {
        let folder = tempfile::tempdir_in(scratch)?;
        // The port was just free. The servers cannot report a port that they choose.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = match peer {
            Peer::Kilonova | Peer::Baseline => {
                let mut command = Command::new(binary);
                command.arg("--bind").arg(address.to_string());
                command.arg("--data-dir").arg(folder.path().join("data")).args(flags);
                command
            }
            Peer::Axum | Peer::Floor => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["serve", peer.name(), &address.to_string()]);
                command
            }
        };
        let log = if stamps { "error,kilonova::db::writer=trace" } else { "error" };
        let child = command
            .env_clear()
            .env("RUST_LOG", log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log"))?)
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", peer.name()))?;
        let mut server = Server { child, address, folder };
        let begun = Instant::now();
        while !ready(address) {
            if let Some(status) = server.child.try_wait()? {
                return Err(
                    format!("{} ended: {status}: {}", peer.name(), server.complaints()?).into()
                );
            }
            if begun.elapsed() > READY {
                return Err(format!("{} is not ready after {READY:?}", peer.name()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its standard error.
    fn log(&self) -> Result<String, Failure> {
        Ok(fs::read_to_string(self.folder.path().join("log"))?)
    }

    /// Its log without the lines about commits.
    pub(crate) fn complaints(&self) -> Result<String, Failure> {
        let log = self.log()?;
        Ok(log.lines().filter(|line| !line.contains(COMMITTED)).collect::<Vec<_>>().join("\n"))
    }

    /// The time of each position's commit since the epoch, from the log.
    pub(crate) fn commits(&self) -> Result<HashMap<u64, Duration>, Failure> {
        let mut commits = HashMap::new();
        for line in self.log()?.lines() {
            let Some((head, positions)) = line.split_once(COMMITTED) else { continue };
            let time = head.trim_start_matches('[').split(' ').next().unwrap_or_default();
            let time = DateTime::parse_from_rfc3339(time)?.timestamp_micros();
            let (first, last) = positions.split_once("..=").ok_or("a log line has no positions")?;
            for position in first.parse::<u64>()?..=last.trim().parse()? {
                commits.insert(position, Duration::from_micros(time.unsigned_abs()));
            }
        }
        Ok(commits)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether `/health/ready` answers 200.
fn ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(
            stream,
            "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

/// Builds Kilonova in release mode, and returns the path of the binary.
pub(crate) fn build(workspace: &Path, target: &Path) -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--release", "--locked", "--package", "kilonova", "--bin", "kilonova"];
    let status = Command::new(cargo)
        .args(build)
        .arg("--target-dir")
        .arg(target)
        .current_dir(workspace)
        .status()?;
    if !status.success() {
        return Err("kilonova does not build".into());
    }
    Ok(target.join("release/kilonova"))
}
