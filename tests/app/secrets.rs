//! The binary's secrets at the most verbose log level. All other secrets that tests send or receive
//! are searched for in the whole run by `support/secrets.rs`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::crash::{Server, kilonova, serve};
use crate::databases::Home;
use crate::support::secrets;

#[test]
fn a_node_logs_none_of_its_secrets() {
    let (home, secret) = (Home::sqlite(), "a secret of this cluster");
    secrets::know(secret);
    let mut command = serve(&home, "127.0.0.1:0");
    let port = kilonova_test::free_port();
    let endpoint = format!("tcp/127.0.0.1:{port}");
    command.args(["--cluster-listen", &endpoint, "--cluster-secret", secret]);
    command.env("RUST_LOG", "debug");
    let server = Server::of(command);
    let user = json!({"username": "ada", "password": "a long password"});
    assert_eq!(server.call("POST", "/api/users", Some(&user)).0, 201);
    assert_eq!(server.call("POST", "/api/session", Some(&user)).0, 201);
    let wrong = json!({"username": "ada", "password": "another long one"});
    assert_eq!(server.call("POST", "/api/session", Some(&wrong)).0, 401);
    // The lines are read by a thread of the test.
    let begun = Instant::now();
    while server.log().len() <= 3 {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing was logged at this level");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn help_shows_no_secret_from_the_environment() {
    let secrets =
        ["KILONOVA_CLUSTER_SECRET", "KILONOVA_DATABASE_URL", "KILONOVA_FROM", "KILONOVA_TO"];
    for arguments in [&["--help"][..], &["serve", "--help"], &["copy", "--help"], &["-h"]] {
        let mut command = kilonova(arguments);
        command.envs(secrets.map(|name| (name, "postgres://ada:hunter2hunter2@host/db")));
        let output = command.output().unwrap();
        assert!(output.status.success());
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("Usage:") && !help.contains("hunter2"), "{help}");
    }
}
