//! `kilonova reindex`, run as the real binary.

use std::process::Output;

use crate::crash::{Server, kilonova};
use crate::databases::Home;

fn reindex(home: &Home) -> Output {
    let mut command = kilonova(&["reindex", "--data-dir", home.path().to_str().unwrap()]);
    command.envs(home.url().map(|url| ("DATABASE_URL", url))).output().unwrap()
}

/// Each node has its own index, which can be rebuilt while other nodes serve.
#[test]
fn a_reindex_finds_every_row_while_other_nodes_write() {
    let Some((_cluster, home)) = super::start() else { return };
    let other = home.another_node();
    let first = Server::start(&home);
    let post = |title: &str| serde_json::json!({"title": title, "body": "Words to be found"});
    for number in 0..120 {
        assert_eq!(first.call("POST", "/api/posts", Some(&post(&format!("Post {number}")))).0, 201);
    }
    let held = reindex(&home);
    assert!(!held.status.success());
    let said = String::from_utf8_lossy(&held.stderr);
    assert!(said.contains("server") && said.lines().count() == 1, "{said}");

    let built = reindex(&other);
    let told = String::from_utf8_lossy(&built.stdout);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    assert!(told.contains("indexed 120 posts, 0 notes and 0 comments"), "{told}");
    // The first node keeps serving, and the second uses the rebuilt index at once.
    assert_eq!(first.call("POST", "/api/posts", Some(&post("Afterwards"))).0, 201);
    let second = Server::start(&other);
    let begun = std::time::Instant::now();
    loop {
        let (status, found) = second.call("GET", "/api/search?q=words&limit=100", None);
        let (_, last) = second.call("GET", "/api/search?q=afterwards", None);
        let count = |found: &serde_json::Value| found["hits"].as_array().map_or(0, Vec::len);
        if status == 200 && (count(&found), count(&last)) == (100, 1) {
            break;
        }
        assert!(begun.elapsed() < crate::support::PATIENCE, "{found} {last}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
