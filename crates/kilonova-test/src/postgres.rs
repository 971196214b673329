//! A PostgreSQL server for one test, created with `initdb` in a temporary folder, on a free port.
//! It needs only Debian's packages, and does not touch the system's own cluster.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A server for one test. It is stopped and removed when it is dropped, and when the test's process
/// dies.
pub struct Cluster {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    options: String,
    /// Waits for the end of its standard input, which this process holds, and then cleans up.
    keeper: Child,
}

impl Cluster {
    /// Starts a server with these settings in addition to the defaults. If PostgreSQL is not
    /// installed, prints a message and returns `None`, or panics if `KILONOVA_TEST_REQUIRE`
    /// contains `postgres`.
    pub fn start(settings: &[&str]) -> Option<Cluster> {
        let Some(bin) = installed() else {
            assert!(!crate::required("postgres"), "PostgreSQL is not installed");
            drop(writeln!(std::io::stderr(), "skipped: PostgreSQL is not installed"));
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        // PostgreSQL refuses to run as root.
        give_away(folder.path());
        let made =
            as_owner(bin.join("initdb").to_str().unwrap(), &["-A", "trust", "-U", "postgres"])
                .args(["-E", "UTF8", "--locale=C", "--no-sync", "-D"])
                .arg(&data)
                .current_dir(folder.path())
                .stdout(Stdio::null())
                .status()
                .unwrap();
        assert!(made.success(), "initdb failed");
        let port = crate::free_port();
        let mut options = format!(
            // No fsync: tests kill only processes, and the system keeps what they have written.
            "-p {port} -k {} -c listen_addresses=127.0.0.1 -c max_connections=300 -c fsync=off",
            folder.path().display()
        );
        for setting in settings {
            options.push_str(&format!(" -c {setting}"));
        }
        let clean_up = format!(
            "cat >/dev/null; {} -D {} -m immediate stop; rm -rf {}",
            bin.join("pg_ctl").display(),
            data.display(),
            folder.path().display()
        );
        let keeper = as_owner("sh", &["-c", &clean_up])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .spawn()
            .unwrap();
        let cluster = Cluster { folder, bin, port, options, keeper };
        cluster.up();
        Some(cluster)
    }

    /// The URL of the server's database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of PostgreSQL's programs, including `pg_dump`.
    pub fn programs(&self) -> &Path {
        &self.bin
    }

    /// The server's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the server after `down`, and waits until it accepts connections.
    pub fn up(&self) {
        let log = self.folder.path().join("log");
        let started = self
            .pg_ctl(&["-w", "-t", "60", "-l", log.to_str().unwrap(), "-o", &self.options, "start"])
            .status()
            .unwrap();
        if !started.success() {
            let mut said = String::new();
            drop(File::open(log).and_then(|mut log| log.read_to_string(&mut said)));
            panic!("PostgreSQL did not start: {said}");
        }
    }

    /// Stops the server. The mode `fast` rolls back and closes; `immediate` is a crash.
    pub fn down(&self, mode: &str) {
        assert!(self.pg_ctl(&["-m", mode, "-w", "stop"]).status().unwrap().success());
    }

    /// Freezes all processes of the server, so that it does not answer.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Continues after [`Cluster::freeze`].
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let main = file.lines().next().unwrap().to_owned();
        let of_main = |id: &String| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // The state and the parent follow the name, which may contain any text.
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
            parent == Some(main.as_str())
        };
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let all = all.filter_map(|entry| entry.file_name().into_string().ok());
        let parts: Vec<String> = all
            .filter(|id| id.bytes().all(|digit| digit.is_ascii_digit()))
            .filter(of_main)
            .collect();
        // The main process first, so that it starts no others.
        let kill = format!("kill -{name} {main} {}", parts.join(" "));
        assert!(as_owner("sh", &["-c", &kill]).current_dir("/").status().unwrap().success());
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Command {
        let mut command = as_owner(self.bin.join("pg_ctl").to_str().unwrap(), &["-s", "-D"]);
        command.arg(self.data()).args(arguments).current_dir("/").stdout(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

/// The folder with the newest version's programs.
fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("initdb").exists().then_some((number, bin))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// A command that runs as the server's owner: the package's user if this process runs as root.
pub fn as_owner(program: &str, arguments: &[&str]) -> Command {
    let mut command = match is_root() {
        true => {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", program]);
            command
        }
        false => Command::new(program),
    };
    command.args(arguments);
    command
}

fn give_away(folder: &Path) {
    if is_root() {
        assert!(Command::new("chown").arg("postgres").arg(folder).status().unwrap().success());
    }
}
