//! The server under test: the real binary on a new data folder, and the content for it.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use kilonova::connection::Database;
use kilonova::db::{self, Db};
use kilonova::events;
use kilonova::models::note::{self, NewNote};
use kilonova::models::now;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::client::Client;

/// The measured binary. `KILONOVA_BENCH_BINARY` names another build, for a comparison.
fn binary() -> PathBuf {
    let other = std::env::var_os("KILONOVA_BENCH_BINARY").map(PathBuf::from);
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_kilonova").into())
}

pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    pub(super) data: PathBuf,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server on a new folder that `prepare` has filled, and waits until all content is
    /// searchable.
    pub(super) async fn start(prepare: impl FnOnce(&Path)) -> Server {
        Server::start_with(prepare, &[]).await
    }

    /// Does the same, with these variables in the environment.
    pub(super) async fn start_with(
        prepare: impl FnOnce(&Path),
        variables: &[(&str, String)],
    ) -> Server {
        // The system's temporary folder may be in memory, where a sync costs nothing.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let data = folder.path().to_owned();
        prepare(&data);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(binary())
            .args(["--bind", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(&data)
            .env("RUST_LOG", "kilonova=error")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .spawn()
            .unwrap();
        let server = Server { child, port, data, _folder: folder };
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            assert!(Instant::now() < end, "the server is not ready after 60 s");
            if let Ok(mut client) = Client::try_connect(port).await
                && client.get("/health/ready").await.0 == 200
                && client.get("/api/search?q=ready").await.0 == 200
            {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Server {
    /// Sends SIGTERM.
    pub(super) fn terminate(&self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(id, Signal::TERM).unwrap();
    }

    /// The exit status; `None` while the server runs.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// The CPU time of its threads so far, user and system, in seconds.
    pub(super) fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        // The ticks are hundredths of a second.
        let ticks = rest.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
        ticks.sum::<u64>() as f64 / 100.0
    }

    /// Its resident memory without mapped files, in bytes.
    pub(super) fn anonymous_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Its private memory, in bytes.
    pub(super) fn private_memory(&self) -> u64 {
        let rollup =
            std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id())).unwrap();
        let lines = rollup.lines().filter(|line| line.starts_with("Private_"));
        lines
            .map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap())
            .sum::<u64>()
            * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Imports a folder of Markdown.
pub(super) fn import(folder: &Path, data: &Path) {
    let done = Command::new(binary())
        .arg("import")
        .arg(folder)
        .arg("--data-dir")
        .arg(data)
        .stdout(Stdio::null())
        .status();
    assert!(done.unwrap().success());
}

/// Creates an account.
pub(super) fn add_user(data: &Path, name: &str, role: &str, password: &str) {
    let mut adding = Command::new(binary())
        .args(["user", "add", name, "--role", role, "--data-dir"])
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(adding.stdin.take().unwrap(), "{password}").unwrap();
    assert!(adding.wait().unwrap().success());
}

/// Writes `events` notes, each with its event.
pub(super) fn seed(data: &Path, events: usize) {
    const BATCH: usize = 500;
    let write = || {
        let db =
            Db::open(&Database::Sqlite(data.join("kilonova.sqlite3")), Box::new(|_| {})).unwrap();
        for _ in 0..events.div_ceil(BATCH) {
            db.transaction_blocking(|tx| {
                for _ in 0..BATCH {
                    let params =
                        json!({"title": "A note", "body": "x".repeat(200), "author": "bench"});
                    let new = NewNote::changeset(params.as_object().unwrap()).unwrap();
                    let note = note::insert(tx.connection, new, now())?;
                    tx.announce(events::note_created(&note).unwrap());
                }
                Ok::<_, db::Error>(())
            })
            .unwrap();
        }
    };
    // A thread of the runtime must not block.
    std::thread::scope(|scope| scope.spawn(write).join()).unwrap();
}

/// Measures the disk without a database: blocks per second that are appended and synced
/// sequentially.
pub(super) fn fsyncs_per_second(folder: &Path) -> f64 {
    const COUNT: u32 = 200;
    let mut file = File::create(folder.join("synced")).unwrap();
    let begun = Instant::now();
    for _ in 0..COUNT {
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    f64::from(COUNT) / begun.elapsed().as_secs_f64()
}
