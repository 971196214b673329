//! An Erlang node for tests: a real `erl` that evaluates expressions from its standard input.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::{free_port, required};

/// The cookie of all nodes in tests.
pub const COOKIE: &str = "a cookie of tests";

/// Reads one expression per line, and writes its value after `=> `.
const LOOP: &str = r#"
    F = fun F() -> case io:get_line("") of
        eof -> halt();
        Line ->
            {ok, Tokens, _} = erl_scan:string(Line),
            {ok, Exprs} = erl_parse:parse_exprs(Tokens),
            Value = try {value, V, _} = erl_eval:exprs(Exprs, []), V catch C:E -> {C, E} end,
            io:format("=> ~0p~n", [Value]),
            F()
    end end,
    nova_pubsub:start(),
    io:format("=> ready~n"),
    F().
"#;

/// The Erlang modules for tests, compiled once.
fn modules() -> &'static TempDir {
    static MODULES: OnceLock<TempDir> = OnceLock::new();
    MODULES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let sources = [
            ("nova_pubsub", include_str!("erlang/nova_pubsub.erl")),
            ("probe", include_str!("erlang/probe.erl")),
            ("figures", include_str!("erlang/figures.erl")),
        ];
        for (name, source) in sources {
            let path = folder.path().join(format!("{name}.erl"));
            std::fs::write(&path, source).unwrap();
            let compiled =
                Command::new("erlc").arg("-o").arg(folder.path()).arg(&path).status().unwrap();
            assert!(compiled.success(), "{name}.erl");
        }
        folder
    })
}

/// A running Erlang node. Dropping it kills the node.
pub struct Node {
    name: String,
    host: String,
    port: u16,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Returns true if `erl` is installed. If not, prints a message for a test that skips, or panics if
/// `KILONOVA_TEST_REQUIRE` contains `erlang`.
pub fn is_installed() -> bool {
    let is_installed = Command::new("erlc").arg("-version").output().is_ok();
    assert!(is_installed || !required("erlang"), "erl is required and not installed");
    if !is_installed {
        eprintln!("skipped: erl is not installed");
    }
    is_installed
}

impl Node {
    /// Starts a node on 127.0.0.1 with Nova's scope.
    pub fn start(name: &str) -> Node {
        Node::start_at(name, "127.0.0.1", free_port(), &[])
    }

    /// Starts a node on this host and port. Nodes that connect to each other must have the same
    /// port and different hosts.
    pub fn start_at(name: &str, host: &str, port: u16, arguments: &[&str]) -> Node {
        let text = port.to_string();
        let known = ["-erl_epmd_port", text.as_str()];
        Node::start_with(name, host, port, Command::new("erl").args(known).args(arguments))
    }

    /// Starts a node on 127.0.0.1 that chooses its port and registers it with this port mapper.
    pub fn start_known_by(epmd: &Epmd, name: &str) -> Node {
        let mut command = Command::new("erl");
        Node::start_with(name, "127.0.0.1", 0, command.env("ERL_EPMD_PORT", epmd.port.to_string()))
    }

    fn start_with(name: &str, host: &str, port: u16, command: &mut Command) -> Node {
        let interface = format!("{{{}}}", host.replace('.', ","));
        let full = format!("{name}@{host}");
        let mut child = command
            .args(["-noshell", "-name", &full, "-setcookie", COOKIE, "-start_epmd", "false"])
            .args(["-kernel", "inet_dist_use_interface", &interface])
            .arg("-pa")
            .arg(modules().path())
            .args(["-eval", LOOP])
            .env("HOME", modules().path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut node = Node { name: full, host: host.to_owned(), port, child, input, output };
        assert_eq!(node.value(), "ready");
        node
    }

    /// `name@host:port`.
    pub fn peer(&self) -> String {
        format!("{}:{}", self.name, self.port)
    }

    /// `name@host`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address that the node listens on.
    pub fn address(&self) -> SocketAddr {
        format!("{}:{}", self.host, self.port).parse().unwrap()
    }

    /// Evaluates an expression. Returns its value as Erlang writes it.
    pub fn eval(&mut self, expression: &str) -> String {
        self.send(expression);
        self.value()
    }

    /// Evaluates an expression whose value [`Node::value`] reads later.
    pub fn send(&mut self, expression: &str) {
        writeln!(self.input, "{}.", expression.replace('\n', " ")).unwrap();
    }

    /// Waits for the value of the expression that was sent.
    pub fn value(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "{} has ended", self.name);
            if let Some((_, value)) = line.split_once("=> ") {
                return value.trim_end().to_owned();
            }
            eprint!("{}: {line}", self.name);
        }
    }

    /// Evaluates an expression. Panics if its value differs from `value`.
    pub fn is(&mut self, expression: &str, value: &str) {
        assert_eq!(self.eval(expression), value, "{expression}");
    }

    /// Panics if the scope has ended.
    pub fn lives(&mut self) {
        self.is("probe:alive()", "true");
    }

    /// Kills the node, as in a crash.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// An Erlang port mapper on a separate port.
pub struct Epmd {
    port: u16,
    child: Child,
}

impl Epmd {
    /// Starts a port mapper on 127.0.0.1.
    pub fn start() -> Epmd {
        let port = free_port();
        let arguments = ["-port", &port.to_string(), "-address", "127.0.0.1"];
        let child = Command::new("epmd").args(arguments).spawn().unwrap();
        let mut epmd = Epmd { port, child };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(epmd.child.try_wait().unwrap().is_none(), "epmd has ended");
            std::thread::yield_now();
        }
        epmd
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Epmd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
