//! `kilonova tail`, run as the real binary, with servers that die, refuse or are replaced.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::tempdir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::accounts::command::user;
use crate::crash::{Server, complaint, kilonova, serve};
use crate::databases::Home;
use crate::support::secrets;

/// A process that follows a feed, killed on drop.
struct Tail {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Tail {
    fn start(mut command: Command) -> Tail {
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Tail { child, out }
    }

    /// The next line. Panics if the process ends first.
    fn line(&mut self) -> String {
        let mut line = String::new();
        if self.out.read_line(&mut line).unwrap() == 0 {
            let mut said = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("tail ended: {said}");
        }
        line.trim_end().to_owned()
    }

    /// Interrupts the process, as with Ctrl-C, and returns its remaining output.
    fn interrupt(mut self) -> Output {
        let kill = format!("kill -INT {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let mut stdout = Vec::new();
        self.out.read_to_end(&mut stdout).unwrap();
        let mut stderr = Vec::new();
        self.child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        Output { status: self.child.wait().unwrap(), stdout, stderr }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        // The process may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn at(port: u16, arguments: &[&str]) -> Command {
    kilonova(&[&["tail", &format!("http://localhost:{port}")], arguments].concat())
}

fn new_post(server: &Server, title: &str) -> Value {
    let post = json!({"title": title, "body": "b"});
    let (status, post) = server.call("POST", "/api/posts", Some(&post));
    assert_eq!(status, 201);
    post
}

#[test]
fn each_event_is_printed_once_across_kills_and_a_restore() {
    let home = Home::new();
    let server = Server::start(&home);
    let port = server.port;
    new_post(&server, "Before anybody followed");
    let mut tail = Tail::start(at(port, &["--after", "0"]));
    let line = tail.line();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[1..], ["1", "posts", "post_created", "Before", "anybody", "followed"]);
    assert!(chrono::DateTime::parse_from_rfc3339(words[0]).is_ok(), "{line}");
    let file = home.path().join("site.backup");
    crate::backup::backed_up(&home, &file);
    let mut server = server;
    for number in 2..5 {
        server.signal("KILL");
        assert_eq!(server.ended().code(), None);
        server = Server::of(serve(&home, &format!("127.0.0.1:{port}")));
        new_post(&server, &format!("Number {number}"));
        assert!(tail.line().contains(&format!(" {number} posts      post_created    Number")));
    }
    server.signal("TERM");
    assert!(server.ended().success());
    let other = Home::new();
    crate::backup::restored(&other, &file);
    let server = Server::of(serve(&other, &format!("127.0.0.1:{port}")));
    assert!(tail.line().contains(" 1 -          resync          events were missed"));
    new_post(&server, "After the restore");
    assert!(tail.line().ends_with(" 2 posts      post_created    After the restore"));
    let ended = tail.interrupt();
    assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(0), &b""[..]));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.lines().count() >= 4, "{said}");
    assert!(said.lines().all(|line| line.contains("; reconnecting in ")), "{said}");
}

#[test]
fn frames_are_printed_as_json_without_control_characters() {
    let home = Home::new();
    let server = Server::start(&home);
    let evil = json!({"body": "\u{1b}]0;owned\u{7} \u{9b}2J \u{202e}x", "title": "Evil"});
    let (status, post) = server.call("POST", "/api/posts", Some(&evil));
    assert_eq!(status, 201);
    let mut tail = Tail::start(at(server.port, &["--json", "--after", "0", "--channel", "posts"]));
    let line = tail.line();
    let is_safe = |line: &str| !line.chars().any(|c| c.is_control() || c == '\u{202e}');
    assert!(is_safe(&line), "{line:?}");
    let frame: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&frame["id"], &frame["data"]), (&json!(1), &post));
    let comment = json!({"body": "\u{1b}[2J\u{202e}seen\nhere"});
    let mut plain = Tail::start(at(server.port, &["--after", "1", "--channel", "comments"]));
    assert_eq!(server.call("POST", "/api/posts/1/comments", Some(&comment)).0, 201);
    let line = plain.line();
    assert!(is_safe(&line) && line.contains("seen here"), "{line:?}");
    assert!(plain.interrupt().status.success() && tail.interrupt().status.success());
}

#[test]
fn without_a_position_it_prints_new_events() {
    let home = Home::new();
    let server = Server::start(&home);
    new_post(&server, "Old");
    let mut tail = Tail::start(at(server.port, &[]));
    // The process prints nothing when it has connected, so posts are written until it prints one.
    let first = std::thread::scope(|scope| {
        let seen = scope.spawn(|| tail.line());
        while !seen.is_finished() {
            new_post(&server, "New");
        }
        seen.join().unwrap()
    });
    assert!(first.ends_with("post_created    New"), "{first}");
    drop(tail);
}

#[test]
fn a_missing_or_refusing_server_ends_it_with_one_line() {
    let free = kilonova_test::free_port();
    let line = complaint(at(free, &[]));
    let address = format!("cannot follow http://localhost:{free}/: cannot connect");
    assert!(line.contains(&address), "{line}");
    // A server that is not a Kilonova site.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = std::thread::spawn(move || {
        for answer in [
            "HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\n\u{1b}[2Joops",
            "HTTP/1.1 301 Moved\r\nLocation: https://example.org/\r\nContent-Length: 0\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            drop(stream.read(&mut [0; 4096]));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    assert!(complaint(at(port, &[])).contains("refused: 404 Not Found"));
    assert!(complaint(at(port, &[])).contains("it redirects to https://example.org/"));
    assert!(complaint(at(port, &[])).contains("gave no valid answer"));
    answering.join().unwrap();

    // A channel that only accounts may read.
    let home = Home::new();
    let mut command = serve(&home, "127.0.0.1:0");
    command.args(["--host", "localhost"]);
    assert!(user(&home, &["add", "ada"], "correct horse").status.success());
    let server = Server::of(command);
    let line = complaint(at(server.port, &["--channel", "notes"]));
    assert!(line.contains("refused: 401 Unauthorized: "), "{line}");
    let line = complaint(at(server.port, &["--channel", "nothing"]));
    assert!(line.contains("refused: 422 Unprocessable Entity: "), "{line}");
    let (cookie, token) = token(&server);
    secrets::know(&token);
    let folder = tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let arguments = ["--channel", "notes", "--after", "0", "--token-file", file.to_str().unwrap()];
    let mut tail = Tail::start(at(server.port, &arguments));
    let note = json!({"title": "For accounts", "body": "b"});
    assert_eq!(post(&server, "/api/notes", &cookie, &note).0, 201);
    assert!(tail.line().ends_with("note_created    For accounts"));
    assert!(tail.interrupt().status.success());
}

/// Ada's cookie and a token.
fn token(server: &Server) -> (String, String) {
    let ada = json!({"username": "ada", "password": "correct horse"});
    let (status, head, _) = post(server, "/api/session", "", &ada);
    assert_eq!(status, 201, "{head}");
    let cookies = head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    let cookies: Vec<&str> = cookies.filter_map(|cookie| cookie.split(';').next()).collect();
    let cookie = cookies.join("; ");
    let (status, _, body) = post(server, "/api/tokens", &cookie, &json!({"name": "tail"}));
    assert_eq!(status, 201);
    (cookie, body["token"].as_str().unwrap().to_owned())
}

/// Sends a POST with a cookie. Returns the status, head and body of the response.
fn post(server: &Server, path: &str, cookie: &str, body: &Value) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookie}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn a_site_is_followed_over_https_if_its_certificate_is_trusted() {
    if !kilonova_test::certificates::can_be_made() {
        return;
    }
    let folder = tempdir().unwrap();
    kilonova_test::certificates::issue("localhost", || {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(folder.path());
        openssl
    });
    let home = Home::new();
    let server = Server::start(&home);
    new_post(&server, "Behind TLS");
    let port = ends_tls(folder.path(), server.port);
    let url = format!("https://localhost:{port}");
    let tail = |trusted: &Path| {
        let mut command = kilonova(&["tail", &url, "--after", "0"]);
        command.env("SSL_CERT_FILE", trusted);
        command
    };
    let mut followed = Tail::start(tail(&folder.path().join("ca.crt")));
    assert!(followed.line().ends_with("post_created    Behind TLS"));
    new_post(&server, "Another");
    assert!(followed.line().ends_with("post_created    Another"));
    let other = tempdir().unwrap();
    kilonova_test::certificates::issue("localhost", || {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(other.path());
        openssl
    });
    let line = complaint(tail(&other.path().join("ca.crt")));
    assert!(line.contains("TLS failed: invalid peer certificate"), "{line}");
}

/// Terminates TLS in front of a port and returns its own port. Each connection has its own thread.
fn ends_tls(folder: &Path, behind: u16) -> u16 {
    let certificate = CertificateDer::from_pem_file(folder.join("server.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for outside in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || -> std::io::Result<()> {
                let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
                let mut outside = StreamOwned::new(connection, outside);
                let mut inside = TcpStream::connect(("127.0.0.1", behind))?;
                let mut bytes = [0; 16 * 1024];
                // The client sends its whole request at once, and then only reads.
                let count = outside.read(&mut bytes)?;
                inside.write_all(&bytes[..count])?;
                loop {
                    let count = inside.read(&mut bytes)?;
                    if count == 0 {
                        return Ok(());
                    }
                    outside.write_all(&bytes[..count])?;
                }
            });
        }
    });
    port
}
