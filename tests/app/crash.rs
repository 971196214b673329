//! The binary: how it starts, how it reports that it cannot, and what survives when it dies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::databases::Home;
use crate::support::secrets;

/// A timeout longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary, in an environment without its variables.
pub(crate) fn kilonova(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kilonova"));
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("KILONOVA_")) {
        command.env_remove(name);
    }
    command.env_remove("DATABASE_URL").env_remove("RUST_LOG").args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The command that serves the site in `home` on this address.
pub(crate) fn serve(home: &Home, address: &str) -> Command {
    let mut command = kilonova(&["--bind", address, "--data-dir", home.path().to_str().unwrap()]);
    command.envs(home.url().map(|url| ("DATABASE_URL", url)));
    command
}

/// The same command, run by a shell after the line `limit`.
pub(crate) fn under(limit: &str, command: &Command) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("{limit} && exec \"$0\" \"$@\"")]);
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    limited
}

/// Reads a log up to the line with the port.
fn port(log: &mut impl BufRead) -> u16 {
    let (mut line, mut before) = (String::new(), String::new());
    loop {
        before.push_str(&line);
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "ended before it listened:\n{before}");
        let at = line
            .split("http://127.0.0.1:")
            .nth(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        if let Some(port @ 1..) = at.and_then(|port| port.parse().ok()) {
            return port;
        }
    }
}

/// A running server, killed on drop.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts the binary on a free port and waits until it is ready.
    pub(crate) fn start(home: &Home) -> Server {
        Server::of(serve(home, "127.0.0.1:0"))
    }

    /// Runs a command that starts the binary, and waits until it is ready.
    pub(crate) fn of(command: Command) -> Server {
        let (server, log) = Server::unread(command);
        // The rest of the log is read, so that it never blocks on a full pipe.
        let read = Arc::clone(&server.lines);
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                secrets::line(&line);
                read.lock().unwrap().push(line);
            }
        });
        assert_eq!(server.call("GET", "/health/ready", None).0, 200);
        server
    }

    /// The same, but the log is read only up to the line with the port.
    fn unread(mut command: Command) -> (Server, BufReader<ChildStderr>) {
        let child = command.spawn().unwrap();
        let mut server = Server { child, port: 0, lines: Arc::default() };
        let mut log = BufReader::new(server.child.stderr.take().unwrap());
        server.port = port(&mut log);
        (server, log)
    }

    /// Sends a request and returns the status and body of the response.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = body.map(Value::to_string).unwrap_or_default();
        secrets::sent(&[], body.as_bytes());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// The lines of its log since it began to listen.
    pub(crate) fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    pub(crate) fn ended(mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits for the process to end, and panics after a timeout.
fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > PATIENCE {
            drop(child.kill());
            panic!("the process does not end");
        }
        std::thread::yield_now();
    }
}

/// The only line that the binary prints when it cannot start.
#[track_caller]
pub(crate) fn complaint(mut command: Command) -> String {
    let mut child = command.spawn().unwrap();
    let status = wait(&mut child);
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(!status.success() && status.code().is_some(), "{status}: {text}");
    assert_eq!(text.lines().count(), 1, "not one line: {text}");
    assert!(text.ends_with('\n') && !text.contains("panicked"), "{text}");
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
    text
}

#[track_caller]
pub(crate) fn assert_names(complaint: &str, names: &[&str]) {
    for name in names {
        assert!(complaint.contains(name), "{name:?} is not named: {complaint}");
    }
}

#[test]
fn a_signal_stops_the_server_cleanly() {
    for signal in ["TERM", "INT"] {
        let home = Home::new();
        let server = Server::start(&home);
        server.signal(signal);
        assert_eq!(server.ended().code(), Some(0), "SIG{signal}");
    }
}

#[test]
fn an_unread_log_pipe_does_not_block_the_server() {
    let home = Home::new();
    let mut command = serve(&home, "127.0.0.1:0");
    // Several lines for each request soon fill the pipe, which holds 64 KiB.
    command.env("RUST_LOG", "trace");
    let (server, mut log) = Server::unread(command);
    for n in 0..300 {
        let note = json!({"title": format!("Note {n}"), "body": "b", "author": "A"});
        assert_eq!(server.call("POST", "/api/notes", Some(&note)).0, 201);
    }
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let mut unread = String::new();
    log.read_to_string(&mut unread).unwrap();
    unread.lines().for_each(secrets::line);
    // The pipe was full long before the end.
    assert!(unread.len() > 32 * 1024 && !unread.contains("SIGTERM"), "{}", unread.len());
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let home = Home::new();
    let server = Server::start(&home);
    // A first signal would wait for this request.
    let mut unfinished = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let head = "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\n\r\n{";
    unfinished.write_all(head.as_bytes()).unwrap();
    assert_eq!(server.call("GET", "/health/ready", None).0, 200);
    server.signal("TERM");
    let stopping = Instant::now();
    while !server.log().iter().any(|line| line.contains("SIGTERM")) {
        assert!(stopping.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    let begun = Instant::now();
    server.signal("INT");
    assert_eq!(server.ended().code(), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn a_kill_loses_nothing_acknowledged() {
    const WRITES: usize = 40;
    let home = Home::new();
    let server = Server::start(&home);
    let (status, post) =
        server.call("POST", "/api/posts", Some(&json!({"title": "Kept", "body": "b"})));
    assert_eq!(status, 201);
    // Four at a time, so that the kill hits shared commits.
    let mut acknowledged: Vec<Value> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let server = &server;
                scope.spawn(move || {
                    let write = |n| {
                        let note =
                            json!({"title": format!("{writer} {n}"), "body": "b", "author": "A"});
                        let (status, note) = server.call("POST", "/api/notes", Some(&note));
                        assert_eq!(status, 201);
                        note
                    };
                    (0..WRITES / 4).map(write).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    server.signal("KILL");
    assert_eq!(server.ended().code(), None);

    let server = Server::start(&home);
    assert_eq!(server.call("GET", &format!("/api/posts/{}", post["id"]), None), (200, post));
    let (_, list) = server.call("GET", "/api/notes?limit=100", None);
    acknowledged.sort_by_key(|note| std::cmp::Reverse(note["id"].as_i64()));
    let mut kept = list["notes"].as_array().unwrap().clone();
    kept.sort_by_key(|note| std::cmp::Reverse(note["id"].as_i64()));
    assert_eq!(kept, acknowledged);
    // The restarted server accepts writes.
    let note = json!({"title": "After", "body": "b", "author": "A"});
    assert_eq!(server.call("POST", "/api/notes", Some(&note)).0, 201);
}

#[test]
fn no_id_is_reused_after_a_restart() {
    let home = Home::new();
    let post = json!({"title": "Deleted", "body": "b"});
    let server = Server::start(&home);
    let (_, first) = server.call("POST", "/api/posts", Some(&post));
    assert_eq!(server.call("DELETE", &format!("/api/posts/{}", first["id"]), None).0, 204);
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    let server = Server::start(&home);
    let (_, second) = server.call("POST", "/api/posts", Some(&post));
    assert!(second["id"].as_i64() > first["id"].as_i64());
}

#[test]
fn a_bad_flag_is_named_on_one_line() {
    for (arguments, names) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--data-dir", "here", "import", "there"], "--data-dir"),
        (&["--bind", "nowhere"], "--bind"),
        (&["--bind", "127.0.0.1:99999"], "--bind"),
        (&["--workers", "0"], "--workers"),
        (&["--workers", "513"], "--workers"),
        (&["--max-handshakes", "many"], "--max-handshakes"),
        (&["--max-sockets-per-address=-1"], "--max-sockets-per-address"),
        (&["--grace", "soon"], "--grace"),
        (&["--drain", "3601"], "--drain"),
        (&["--admin-bind", "localhost"], "--admin-bind"),
        (&["--max-body=-1"], "--max-body"),
        (&["--access", "everyone"], "--access"),
        (
            &["--cluster-listen", "tcp/192.0.2.1:7447", "--cluster-secret", "fifteen bytes.."],
            "--cluster-secret",
        ),
        (
            &["--cluster-connect", "tls/localhost.example:7447", "--cluster-secret", "short"],
            "--cluster-secret",
        ),
        (
            &["--cluster-listen=tcp/127.0.0.1:7447,tcp/0.0.0.0:7448", "--cluster-secret", "short"],
            "--cluster-secret",
        ),
        (&["no-such-command"], "no-such-command"),
    ] {
        assert_names(&complaint(kilonova(arguments)), &[names]);
    }
}

#[test]
fn a_taken_port_is_named_on_one_line() {
    let folder = tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = folder.path().to_str().unwrap();
    let line = complaint(kilonova(&["--bind", &address, "--data-dir", folder]));
    assert_names(&line, &[&address]);
}

#[test]
fn an_unusable_folder_is_named_on_one_line() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "not a folder").unwrap();
    for path in [file.clone(), file.join("below")] {
        let path = path.to_str().unwrap();
        let line = complaint(kilonova(&["--bind", "127.0.0.1:0", "--data-dir", path]));
        assert_names(&line, &[path]);
    }
}

#[test]
fn a_second_server_on_the_same_folder_does_not_start() {
    let home = Home::new();
    let server = Server::start(&home);
    let line = complaint(serve(&home, "127.0.0.1:0"));
    assert_names(&line, &[home.path().to_str().unwrap(), "another server"]);
    let post = json!({"title": "Undisturbed", "body": "b"});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
}

#[test]
fn a_damaged_database_is_neither_used_nor_overwritten() {
    let home = Home::sqlite();
    drop(Server::start(&home));
    let file = home.path().join("kilonova.sqlite3");
    assert!(file.exists());
    for entry in std::fs::read_dir(home.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path != file {
            std::fs::remove_file(path).unwrap();
        }
    }
    let garbage: Vec<u8> =
        (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(&file, &garbage).unwrap();
    let path = home.path().to_str().unwrap();
    let line = complaint(kilonova(&["--bind", "127.0.0.1:0", "--data-dir", path]));
    assert_names(&line, &[file.to_str().unwrap()]);
    assert!(std::fs::read(&file).unwrap() == garbage, "the damaged file was changed");
}

#[test]
fn a_database_url_is_never_shown_with_its_password() {
    let folder = tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for url in [
        "postgres://ada:hunter2@127.0.0.1:1/blog",
        "postgresql://ada:hunter2@127.0.0.1:1/blog?sslmode=require",
        "mysql://ada:hunter2@x/y",
    ] {
        let flags = ["--bind", "127.0.0.1:0", "--data-dir", path, "--database-url", url];
        let of_flag = complaint(kilonova(&flags));
        let mut by_environment = kilonova(&flags[..4]);
        by_environment.env("DATABASE_URL", url);
        for line in [of_flag, complaint(by_environment)] {
            // PostgreSQL is refused by address, since nothing listens there; an unknown database
            // kind is refused before any connection.
            let named = if url.starts_with("postgres") { "127.0.0.1:1" } else { "--database-url" };
            assert_names(&line, &[named]);
            assert!(!line.contains("hunter2"), "{line}");
        }
    }
}

#[test]
fn contradictory_network_flags_are_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let complain = |flags: &[&str], named: &str| {
        let line = complaint(kilonova(&[&["--data-dir", path], flags].concat()));
        assert_names(&line, &[named]);
    };
    let url = ["--public-url", "https://blog.example.org"];
    complain(&["--bind", "0.0.0.0:0"], "--public-url");
    complain(&["--bind", "0.0.0.0:0", "--trusted-proxy", "10.0.0.0/8"], "--public-url");
    complain(&["--bind", "0.0.0.0:0", "--access", "accounts"], "--public-url");
    for flags in [&url, &["--host", "a.example"], &["--trusted-proxy", "127.0.0.1"]] {
        complain(&[&["--access", "open"], &flags[..]].concat(), "--access open");
    }
    complain(&["--public-url", "blog.example.org"], "--public-url");
    complain(&["--public-url", "https://blog.example.org/?a=b"], "--public-url");
    complain(&["--public-url", "https://example.org/posts"], "--public-url");
    complain(&["--public-url", "https://example.org/api/blog"], "--public-url");
    complain(&["--database-url", "sqlite::memory:"], "sqlite:");
    complain(&["--host", "https://a.example"], "--host");
    complain(&["--host", "a.example:80"], "--host");
    complain(&[&url[..], &["--trusted-proxy", "everyone"]].concat(), "--trusted-proxy");
    complain(&["--allow-origin", "https://a.example/"], "--allow-origin");
    complain(&["--allow-origin", "*"], "--allow-origin");
}

#[test]
fn the_log_asks_for_an_admin_until_there_is_one() {
    let home = Home::new();
    let served = || {
        let mut command = serve(&home, "127.0.0.1:0");
        command.args(["--public-url", "https://blog.example.org/blog"]);
        Server::of(command)
    };
    let said = |server: Server| {
        server.signal("TERM");
        let begun = Instant::now();
        while !server.log().iter().any(|line| line.contains("SIGTERM")) {
            assert!(begun.elapsed() < PATIENCE, "{:?}", server.log());
            std::thread::yield_now();
        }
        server.log().join("\n")
    };
    let log = said(served());
    assert!(log.contains("kilonova user add NAME --admin") && !log.contains("open"), "{log}");
    let added =
        crate::accounts::command::user(&home, &["add", "ada", "--admin"], "correct horse\n");
    assert!(added.status.success(), "{added:?}");
    assert!(!said(served()).contains("kilonova user add"));
}

#[test]
fn a_journal_grown_by_a_foreign_reader_shrinks_again() {
    const BOUND: u64 = 16 * 1024 * 1024;
    let home = Home::sqlite();
    let server = Server::start(&home);
    let journal = || {
        let file = home.path().join("kilonova.sqlite3-wal");
        std::fs::metadata(file).map_or(0, |file| file.len())
    };
    let write = |count| {
        let post = json!({"title": "Large", "body": "b".repeat(1_000_000)});
        for _ in 0..count {
            assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
        }
    };
    write(1);
    let mut foreign =
        SqliteConnection::establish(home.path().join("kilonova.sqlite3").to_str().unwrap())
            .unwrap();
    foreign.batch_execute("BEGIN; SELECT count(*) FROM posts").unwrap();
    write(12);
    assert!(journal() > BOUND, "{}", journal());
    foreign.batch_execute("COMMIT").unwrap();
    write(3);
    assert!(journal() <= BOUND, "{}", journal());
    // The server stops while another process has the file open; no write is lost.
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    foreign.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(foreign);
    assert_eq!(journal(), 0);
    let server = Server::start(&home);
    let (_, list) = server.call("GET", "/api/posts?limit=100", None);
    assert!(!list["posts"].as_array().unwrap().is_empty());
}

#[test]
fn created_files_are_accessible_only_to_their_user() {
    let folder = tempdir().unwrap();
    let data = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (served, added, imported) = (data("served"), data("added"), data("imported"));
    let command = kilonova(&["--bind", "127.0.0.1:0", "--data-dir", &served]);
    let server = Server::of(under("umask 0022", &command));
    assert_eq!(
        server.call("POST", "/api/posts", Some(&json!({"title": "Mine", "body": "b"}))).0,
        201
    );
    // The server runs, so there is a journal.
    assert!(assert_private(Path::new(&served)) > 3);
    let add = kilonova(&["user", "add", "ada", "--data-dir", &added]);
    let mut add = under("umask 0022", &add);
    let mut add = add.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(add.stdin.take().unwrap(), "a long enough password").unwrap();
    assert!(wait(&mut add).success());
    assert!(assert_private(Path::new(&added)) > 0);
    let texts = tempdir().unwrap();
    std::fs::write(texts.path().join("post.md"), "+++\ntitle = \"Imported\"\n+++\nText").unwrap();
    let import = kilonova(&["import", texts.path().to_str().unwrap(), "--data-dir", &imported]);
    assert!(wait(&mut under("umask 0022", &import).spawn().unwrap()).success());
    assert!(assert_private(Path::new(&imported)) > 0);
}

/// Checks the mode of everything in a folder, and counts the files.
fn assert_private(folder: &Path) -> usize {
    use std::os::unix::fs::PermissionsExt;
    let mut folders = vec![folder.to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700, "{folder:?}");
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{path:?}");
                files += 1;
            }
        }
    }
    files
}

#[test]
fn an_interrupted_import_leaves_the_main_file_whole_and_can_continue() {
    let home = Home::sqlite();
    let texts = tempdir().unwrap();
    for number in 0..2_000 {
        let text = format!("+++\ntitle = \"Imported {number}\"\n+++\n{}", "text ".repeat(100));
        std::fs::write(texts.path().join(format!("{number}.md")), text).unwrap();
    }
    let journal = home.path().join("kilonova.sqlite3-wal");
    let (data, texts) = (home.path().to_str().unwrap(), texts.path().to_str().unwrap());
    let mut import = kilonova(&["import", texts, "--data-dir", data]).spawn().unwrap();
    while !journal.exists() {
        assert!(import.try_wait().unwrap().is_none(), "the import ended too early");
        std::thread::yield_now();
    }
    let kill = format!("kill -TERM {}", import.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let stopped = import.wait_with_output().unwrap();
    assert_eq!(stopped.status.code(), Some(1), "{stopped:?}");
    let told = String::from_utf8(stopped.stderr).unwrap();
    assert!(told.contains("run the same command to continue"), "{told}");
    assert!(!journal.exists());
    let again = kilonova(&["import", texts, "--data-dir", data]).output().unwrap();
    assert!(again.status.success(), "{again:?}");
    let server = Server::start(&home);
    let (_, search) = server.call("GET", "/api/posts?limit=1", None);
    assert_eq!(search["posts"][0]["title"].as_str().map(|title| &title[..8]), Some("Imported"));
}

#[test]
fn after_a_stop_without_grace_the_main_file_is_the_whole_site() {
    let home = Home::sqlite();
    let server = Server::of({
        let mut command = serve(&home, "127.0.0.1:0");
        command.args(["--grace", "0"]);
        command
    });
    let post = json!({"title": "Kept", "body": "b"});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    // An open stream.
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let request = "GET /feed HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    Read::read_exact(&mut stream, &mut [0; 12]).unwrap();
    server.signal("TERM");
    assert!(server.ended().success());
    assert!(!home.path().join("kilonova.sqlite3-wal").exists());
}

#[test]
fn deleted_text_is_erased_from_the_file() {
    let home = Home::sqlite();
    let server = Server::start(&home);
    let secret = "quaggaword";
    for (number, length) in [1, 400, 5_000].into_iter().enumerate() {
        let post = json!({"title": format!("{secret} {number}"), "body": secret.repeat(length)});
        let key = json!({"body": format!("{secret} said")});
        let (status, post) = server.call("POST", "/api/posts", Some(&post));
        assert_eq!(status, 201);
        let path = format!("/api/posts/{}", post["id"]);
        assert_eq!(server.call("POST", &format!("{path}/comments"), Some(&key)).0, 201);
        let change = json!({"body": format!("{secret} changed")});
        assert_eq!(server.call("PATCH", &path, Some(&change)).0, 200);
        assert_eq!(server.call("DELETE", &path, None).0, 204);
    }
    server.signal("TERM");
    assert!(server.ended().success());
    let file = std::fs::read(home.path().join("kilonova.sqlite3")).unwrap();
    let left = file.windows(secret.len()).filter(|part| *part == secret.as_bytes()).count();
    assert_eq!(left, 0, "the deleted text occurs {left} times");
}

#[test]
fn after_a_clean_stop_the_main_file_is_the_whole_site() {
    let home = Home::sqlite();
    let journal = home.path().join("kilonova.sqlite3-wal");
    let server = Server::start(&home);
    let post = json!({"title": "Kept", "body": "b".repeat(500_000)});
    assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    assert!(journal.exists(), "there is no journal to fold in");
    server.signal("TERM");
    assert!(server.ended().success());
    assert!(!journal.exists());

    let data = home.path().to_str().unwrap();
    let mut add = kilonova(&["user", "add", "ada", "--data-dir", data]);
    let mut add = add.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(add.stdin.take().unwrap(), "a long enough password").unwrap();
    assert!(wait(&mut add).success());
    assert!(!journal.exists());

    let texts = tempdir().unwrap();
    std::fs::write(texts.path().join("post.md"), "+++\ntitle = \"Imported\"\n+++\nText").unwrap();
    let mut import = kilonova(&["import", texts.path().to_str().unwrap(), "--data-dir", data]);
    assert!(wait(&mut import.spawn().unwrap()).success());
    assert!(!journal.exists());

    let mut reindex = kilonova(&["reindex", "--data-dir", data]);
    assert!(wait(&mut reindex.spawn().unwrap()).success());
    assert!(!journal.exists());

    // A command that fails leaves no journal either.
    let mut again = kilonova(&["user", "add", "ADA", "--data-dir", data]);
    let mut again = again.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(again.stdin.take().unwrap(), "a long enough password").unwrap();
    assert!(!wait(&mut again).success());
    assert!(!journal.exists());

    let moved = Home::sqlite();
    let url = |home: &Home| format!("sqlite:{}/kilonova.sqlite3", home.path().display());
    let mut copy = kilonova(&["copy", "--from", &url(&home), "--to", &url(&moved)]);
    assert!(wait(&mut copy.spawn().unwrap()).success());
    assert!(!journal.exists() && !moved.path().join("kilonova.sqlite3-wal").exists());

    // A copy of the main file alone is a whole site.
    let copy = Home::sqlite();
    let file = "kilonova.sqlite3";
    std::fs::copy(home.path().join(file), copy.path().join(file)).unwrap();
    let server = Server::start(&copy);
    let posts = server.call("GET", "/api/posts", None).1;
    assert_eq!(posts["posts"].as_array().unwrap().len(), 2);
}
