//! A shell that runs the commands of one page sequentially, as a reader would type them.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::output::fits;
use crate::databases::Home;
use crate::support::PATIENCE;

/// The character that the shell prints before the status of a finished command.
const END: char = '\u{1e}';

/// A running program whose lines are read as they are printed.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(command: &mut Command) -> Program {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let read = |source: Box<dyn Read + Send>, sender: Sender<String>| {
            std::thread::spawn(move || {
                for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                    // The receiver may have been dropped.
                    drop(sender.send(String::from_utf8_lossy(&line).into_owned()));
                }
            });
        };
        read(Box::new(child.stdout.take().unwrap()), sender.clone());
        read(Box::new(child.stderr.take().unwrap()), sender);
        Program { child, lines }
    }

    /// The next line. Panics if none arrives in time.
    #[track_caller]
    fn line(&self, until: Instant, of: &str) -> String {
        let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
        line.unwrap_or_else(|error| panic!("{of}\nprints no further line: {error}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A running shell.
pub(super) struct Shell<'a> {
    home: &'a Home,
    folder: &'a Path,
    program: Program,
    input: ChildStdin,
}

impl<'a> Shell<'a> {
    /// Starts a shell in this folder, whose `kilonova` is the binary under test with this data.
    pub(super) fn start(home: &'a Home, folder: &'a Path) -> Shell<'a> {
        // Makes curl fail on error responses.
        let settings = "fail-with-body\nsilent\n";
        std::fs::write(folder.join(".curlrc"), settings).unwrap();
        let mut command = bash(home, folder);
        let mut program = Program::start(command.arg("-s").stdin(Stdio::piped()));
        let input = program.child.stdin.take().unwrap();
        Shell { home, folder, program, input }
    }

    /// Runs a command to its end. Returns its status and the lines it printed.
    pub(super) fn run(&mut self, command: &str) -> (i32, Vec<String>) {
        // Not in a subshell, so that exported variables last for the next command.
        let end = u32::from(END);
        write!(self.input, "{{ {command}\n}} 2>&1 </dev/null; printf '\\n\\{end:03o}%s\\n' $?\n")
            .unwrap();
        self.input.flush().unwrap();
        let (mut lines, until) = (Vec::new(), Instant::now() + PATIENCE);
        loop {
            let line = self.program.line(until, command);
            if let Some(status) = line.strip_prefix(END) {
                return (status.parse().unwrap(), lines);
            }
            lines.push(line);
        }
    }

    /// Starts a command that follows a stream, and waits until it has connected.
    pub(super) fn follow(&self, command: &str) -> Follower {
        let mut shell = bash(self.home, self.folder);
        let program = Program::start(shell.args(["-c", &format!("exec {command}")]));
        let first = program.line(Instant::now() + PATIENCE, command);
        Follower { command: command.to_owned(), program, lines: vec![first] }
    }
}

/// A running command that follows a stream.
pub(super) struct Follower {
    pub(super) command: String,
    program: Program,
    lines: Vec<String>,
}

impl Follower {
    /// Waits until the output fits the lines on the page.
    #[track_caller]
    pub(super) fn assert_prints(mut self, shown: &[String]) {
        // One timeout for all lines, because a quiet stream keeps printing comments and positions.
        let until = Instant::now() + PATIENCE;
        while !fits(shown, &self.lines) {
            let seen = format!("{}\nhas printed\n{}", self.command, self.lines.join("\n"));
            self.lines.push(self.program.line(until, &seen));
        }
    }
}

fn bash(home: &Home, folder: &Path) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_kilonova")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("KILONOVA_")) {
        command.env_remove(name);
    }
    command
        .env_remove("DATABASE_URL")
        .env_remove("RUST_LOG")
        .env("PATH", format!("{}:{path}", binary.display()))
        .env("HOME", folder)
        .env("CURL_HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .env("KILONOVA_DATA_DIR", home.path())
        .envs(home.url().map(|url| ("DATABASE_URL", url)))
        .current_dir(folder);
    command
}
