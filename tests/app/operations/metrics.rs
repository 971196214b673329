//! The metrics: their values, and their agreement with documentation, dashboard and alerts.

use std::collections::BTreeMap;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::page::{Family, Page};
use super::{get, metrics, start, until};
use crate::support::Raw;

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The metrics of a site after some activity.
async fn busy() -> Page {
    let site = start().await;
    let socket = site.socket("/notifications").await;
    let note = site.new_note("Counted").await;
    site.get(&format!("/api/notes/{}", note["id"])).await.json(200);
    let page = metrics(&site).await;
    socket.close().await;
    site.stop().await;
    page
}

#[actix_web::test]
async fn the_documentation_lists_every_metric_with_its_type_and_labels() {
    let documented = file("docs/metrics.md");
    let rows = documented.lines().filter_map(|line| line.strip_prefix("| `"));
    let row = |row: &str| {
        let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning] = cells[..] else { return None };
        assert!(!meaning.is_empty(), "{name} has no meaning");
        let labels = labels.split(", ").map(|label| label.trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        let family = Family { kind: kind.to_owned(), help: String::new(), labels };
        Some((name.trim_end_matches('`').to_owned(), family))
    };
    let documented: BTreeMap<_, _> = rows.filter_map(row).collect();
    let mut told = busy().await.families;
    for (name, family) in &mut told {
        let help = std::mem::take(&mut family.help);
        assert!(help.ends_with('.') && help.len() > 10, "{name}: {help:?}");
        assert!(["counter", "gauge", "histogram"].contains(&family.kind.as_str()), "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == "counter", "{name}");
    }
    assert_eq!(documented, told);
}

/// The names of metrics in a query.
fn names(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = |word: &&str| {
        ["kilonova_", "process_"]
            .iter()
            .any(|prefix| word.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()))
    };
    words.filter(ours).map(str::to_owned).collect()
}

#[actix_web::test]
async fn the_dashboard_and_the_alerts_use_existing_metrics() {
    let page = busy().await;
    for path in ["packaging/grafana/kilonova.json", "packaging/prometheus/alerts.yml"] {
        let names = names(&file(path));
        assert!(names.len() > 10, "{path}: {names:?}");
        for name in names {
            let family = ["", "_bucket", "_sum", "_count"].iter().find_map(|suffix| {
                let family = page.families.get(name.strip_suffix(suffix)?)?;
                (suffix.is_empty() == (family.kind != "histogram")).then_some(family)
            });
            assert!(family.is_some(), "{path} uses {name}, which does not exist");
        }
    }
}

#[test]
fn the_dashboard_is_json_whose_panels_have_queries() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&file("packaging/grafana/kilonova.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = Vec::new();
    for panel in panels {
        ids.push(panel["id"].as_i64().unwrap());
        let title = panel["title"].as_str().unwrap();
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            assert!(!names(target["expr"].as_str().unwrap()).is_empty(), "{title}: {target}");
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(count > 10 && ids.len() == count, "{ids:?}");
}

#[test]
fn every_alert_says_what_to_do() {
    let alerts = file("packaging/prometheus/alerts.yml");
    let count =
        |key: &str| alerts.lines().filter(|line| line.trim_start().starts_with(key)).count();
    let rules = count("- alert: ");
    assert!(rules >= 10, "{rules}");
    for key in ["expr: ", "severity: ", "summary: ", "runbook: "] {
        assert_eq!(count(key), rules, "{key}");
    }
}

/// Runs `promtool check`. Without promtool the test is skipped, or fails if
/// `KILONOVA_TEST_REQUIRE` names it.
fn promtool(what: &str, input: Stdio, arguments: &[&Path]) {
    let mut command = Command::new("promtool");
    command.args(["check", what]).args(arguments).stdin(input);
    let Ok(checked) = command.output() else {
        assert!(!kilonova_test::required("promtool"), "promtool is not installed");
        eprintln!("skipped: promtool is not installed");
        return;
    };
    let said = [checked.stdout, checked.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(checked.status.success(), "{said}");
}

#[test]
fn promtool_finds_no_fault_with_the_alerts() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/prometheus/alerts.yml");
    promtool("rules", Stdio::null(), &[&rules]);
}

#[actix_web::test]
async fn promtool_finds_no_fault_with_the_metrics() {
    let site = start().await;
    site.new_post("Counted").await;
    let mut page = tempfile::tempfile().unwrap();
    page.write_all(&get(&site, "/metrics").await.body).unwrap();
    page.rewind().unwrap();
    promtool("metrics", page.into(), &[]);
    site.stop().await;
}

#[actix_web::test]
async fn sockets_frames_and_refusals_are_counted() {
    let site = start().await;
    site.settle().await;
    let websockets = "kilonova_sockets_open{transport=\"websocket\"}";
    let before = until(&site, websockets, 0.0).await;
    let replayed = "kilonova_deliveries_total{kind=\"replay\"}";
    let delivered =
        |page: &Page| page.value("kilonova_deliveries_total{kind=\"live\"}") + page.value(replayed);
    let mut one = site.socket("/notifications").await;
    let mut other = site.socket("/notifications?last_event_id=0").await;
    // The note that `settle` wrote.
    other.next_json().await;
    site.new_note("Delivered").await;
    one.next_json().await;
    while other.next_json().await["event"] != "note_created" {}
    site.refused("/notifications?last_event_id=no").await.error(422);
    let page = metrics(&site).await;
    assert_eq!(delivered(&page), delivered(&before) + 3.0);
    assert!(page.value(replayed) > before.value(replayed));
    assert_eq!(page.value(websockets), 2.0);
    let opened = "kilonova_handshakes_total{transport=\"websocket\"}";
    assert_eq!(page.value(opened), before.value(opened) + 2.0);
    let bad = "kilonova_handshakes_refused_total{reason=\"bad_handshake\"}";
    let mut wrong = Raw::connect(&site).await;
    wrong
        .send(
            b"GET /feed HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n",
        )
        .await;
    assert_eq!(wrong.answer().await.unwrap().status, 400);
    assert_eq!(metrics(&site).await.value(bad), page.value(bad) + 1.0);
    one.close().await;
    let page = until(&site, websockets, 1.0).await;
    let left = "kilonova_sockets_closed_total{reason=\"client\",code=\"none\"}";
    assert_eq!(page.value(left), before.value(left) + 1.0);
    site.sockets().close_all();
    other.close_code().await;
    let page = until(&site, websockets, 0.0).await;
    let away = "kilonova_sockets_closed_total{reason=\"stopping\",code=\"1001\"}";
    assert_eq!(page.value(away), 1.0);
    site.stop().await;
}

#[actix_web::test]
async fn writes_and_their_events_are_counted() {
    let site = start().await;
    site.settle().await;
    let before = metrics(&site).await;
    let position = before.value("kilonova_log_position");
    for n in 0..3 {
        site.new_note(&format!("Note {n}")).await;
    }
    site.settle().await;
    let page = until(&site, "kilonova_index_lag_events", 0.0).await;
    assert_eq!(page.value("kilonova_log_position"), position + 4.0);
    let more = |sample: &str| page.value(sample) - before.value(sample);
    assert_eq!(more("kilonova_events_written_total"), 4.0);
    assert_eq!(more("kilonova_broadcast_seconds_count"), 4.0);
    assert!(more("kilonova_writer_commit_seconds_count") >= 4.0);
    assert!(more("kilonova_writer_commit_seconds_sum") > 0.0);
    assert_eq!(page.value("kilonova_relay_lag_events"), 0.0);
    assert_eq!(page.value("kilonova_relay_lag_seconds"), 0.0);
    assert_eq!(page.value("kilonova_log_readable"), 1.0);
    assert_eq!(page.value("kilonova_writer_failing"), 0.0);
    assert!(page.value("process_resident_memory_bytes") > 1e6);
    assert!(page.value("process_open_fds") > 10.0);
    assert!(page.value("process_start_time_seconds") > 1.7e9);
    site.stop().await;
}

#[actix_web::test]
async fn requests_are_counted_by_route_and_clients_add_no_labels() {
    let site = start().await;
    let post = site.new_post("Counted").await;
    site.get(&format!("/api/posts/{}", post["id"])).await.json(200);
    site.get("/api/posts/999").await.error(404);
    site.delete("/api/posts").await.error(405);
    site.get("/nowhere").await.error(404);
    site.get("/search?q=counted").await;
    assert_eq!(site.get(&format!("/posts/{}", post["id"])).await.status, 200);
    let page = metrics(&site).await;
    let count = |route: &str, status: &str| {
        let sample =
            format!("kilonova_http_requests_total{{route=\"{route}\",status=\"{status}\"}}");
        page.samples.get(&sample).copied()
    };
    assert_eq!(count("/api/posts", "2xx"), Some(1.0));
    assert_eq!(count("/api/posts", "4xx"), Some(1.0));
    assert_eq!(count("/api/posts/{id}", "2xx"), Some(1.0));
    assert_eq!(count("/api/posts/{id}", "4xx"), Some(1.0));
    assert_eq!(count("other", "4xx"), Some(1.0));
    let timed = "kilonova_http_request_seconds_count{route=\"/api/posts/{id}\"}";
    assert_eq!(page.value(timed), 2.0);
    assert_eq!(page.value("kilonova_work_seconds_count{kind=\"search\"}"), 1.0);
    assert!(page.value("kilonova_work_seconds_count{kind=\"rendering\"}") >= 1.0);
    // No other request or write adds a sample.
    for n in 0..20 {
        site.get(&format!("/nowhere/{n}")).await.error(404);
        let post = site.new_post(&format!("Post {n}")).await;
        site.get(&format!("/api/posts/{}", post["id"])).await.json(200);
        site.get(&format!("/api/posts/{}", 1_000 + n)).await.error(404);
    }
    let after = metrics(&site).await;
    assert!(page.samples.keys().eq(after.samples.keys()));
    site.stop().await;
}
