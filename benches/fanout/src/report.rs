//! Output of the figures: as Markdown, JSON and CSV.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::figures::{Figures, Median, Metric, Results, Row};
use crate::peers::Peer;
use crate::{Failure, Options};

const MEGABYTE: f64 = 1024.0 * 1024.0;

/// The share of a core that other programs may use without a warning.
const BUSY: f64 = 0.1;

const CPU: Metric = |run| Some(run.closed.cpu_per_delivery);
const RESIDENT: Metric = |run| Some(run.idle.resident / 1024.0);
const COMMIT_P99: Metric = |run| Some(run.paced.as_ref()?.commit_to_frame.p99);

/// The lines of a table: label, decimals, figure.
const LINES: [(&str, usize, Metric); 24] = [
    ("server CPU per delivery, µs", 2, CPU),
    ("deliveries a second", 0, |run| Some(run.closed.deliveries_per_second)),
    ("post → frame, p50, ms", 1, |run| Some(run.closed.to_frame.p50)),
    ("post → frame, p99, ms", 1, |run| Some(run.closed.to_frame.p99)),
    ("post → answer, p50, ms", 1, |run| Some(run.closed.to_answer.p50)),
    ("post → answer, p99, ms", 1, |run| Some(run.closed.to_answer.p99)),
    ("cores taken by others", 2, |run| Some(run.closed.others_busy)),
    ("generator busy, %", 0, |run| Some(run.closed.generator_busy * 100.0)),
    ("fixed rate: server CPU per delivery, µs", 2, |run| {
        Some(run.paced.as_ref()?.traffic.cpu_per_delivery)
    }),
    ("fixed rate: commit → frame, p50, ms", 2, |run| {
        Some(run.paced.as_ref()?.commit_to_frame.p50)
    }),
    ("fixed rate: commit → frame, p99, ms", 2, COMMIT_P99),
    ("fixed rate: post → frame, p50, ms", 2, |run| {
        Some(run.paced.as_ref()?.traffic.to_frame.p50)
    }),
    ("fixed rate: post → frame, p99, ms", 2, |run| {
        Some(run.paced.as_ref()?.traffic.to_frame.p99)
    }),
    ("fixed rate: post → answer, p50, ms", 2, |run| {
        Some(run.paced.as_ref()?.traffic.to_answer.p50)
    }),
    ("fixed rate: post → answer, p99, ms", 2, |run| {
        Some(run.paced.as_ref()?.traffic.to_answer.p99)
    }),
    ("fixed rate: cores taken by others", 2, |run| Some(run.paced.as_ref()?.traffic.others_busy)),
    ("fixed rate: generator busy, %", 0, |run| {
        Some(run.paced.as_ref()?.traffic.generator_busy * 100.0)
    }),
    ("idle socket, resident, KB", 1, RESIDENT),
    ("idle socket, private, KB", 1, |run| Some(run.idle.private / 1024.0)),
    ("kernel's TCP buffers per idle socket, KB", 1, |run| Some(run.idle.kernel / 1024.0)),
    ("whole process after the load, resident, MB", 0, |run| Some(run.resident as f64 / MEGABYTE)),
    ("handshakes a second", 0, |run| Some(run.idle.handshakes_per_second)),
    ("generator busy with handshakes, %", 0, |run| Some(run.idle.generator_busy * 100.0)),
    ("bytes of a frame", 0, |run| Some(run.frame_bytes as f64)),
];

/// Prints the result of one run.
pub(crate) fn progress(row: &Row) {
    let Row { peer, sockets, round, figures: Figures { idle, closed, paced, .. } } = row;
    let commit = paced.as_ref().map_or(String::new(), |paced| {
        format!(", fixed rate: commit to frame p99 {:.2} ms", paced.commit_to_frame.p99)
    });
    eprintln!(
        "{sockets:6} sockets, round {round}, {:8}: {:.2} µs of CPU per delivery, {:.0} deliveries/s \
         ({} of {}), {:.1} KB a socket{commit}",
        peer.name(),
        closed.cpu_per_delivery,
        closed.deliveries_per_second,
        closed.received,
        closed.expected,
        idle.resident / 1024.0,
    );
}

/// Prints a table for each number of sockets, then the targets.
pub(crate) fn tables(results: &Results, options: &Options) {
    for &sockets in &options.sockets {
        println!(
            "\n### {sockets} sockets\n\n{} posts in flight, medians of {} rounds; ratios are medians of each round's.\n",
            options.in_flight, options.repeat
        );
        let others = || options.peers.iter().copied().filter(|&peer| peer != Peer::Kilonova);
        let names = options.peers.iter().map(|peer| peer.name().to_owned());
        let ratios = others().map(|other| format!("kilonova / {}", other.name()));
        let heads: Vec<String> = names.chain(ratios).collect();
        println!("| | {} |\n|---|{}", heads.join(" | "), "---:|".repeat(heads.len()));
        for (label, decimals, metric) in LINES {
            let figures = options.peers.iter().map(|&peer| {
                let median = results.median(peer, sockets, metric);
                median.map_or("–".to_owned(), |figure| format!("{:.decimals$}", figure.median))
            });
            let ratios = others().map(|other| {
                let ratio = results.ratio(other, sockets, metric);
                let finite = ratio.filter(|ratio| ratio.median.is_finite());
                finite.map_or("–".to_owned(), |ratio| format!("{:.2}", ratio.median))
            });
            let cells: Vec<String> = figures.chain(ratios).collect();
            if cells.iter().any(|cell| cell != "–") {
                println!("| {label} | {} |", cells.join(" | "));
            }
        }
    }
    let busy = results.0.iter().filter(|row| row.figures.closed.others_busy > BUSY).count();
    if busy > 0 {
        let all = results.0.len();
        println!(
            "\nOthers took more than {BUSY} of a core in {busy} of {all} runs: do not trust them."
        );
    }
    println!("\n### Targets\n\n| sockets | target | measured (least–most) | |\n|---:|---|---|---|");
    for &sockets in &options.sockets {
        for (applies, target, most, measured) in targets(results, sockets) {
            if applies && let Some(Median { median, least, most: top }) = measured {
                let verdict = if median <= most { "met" } else { "**missed**" };
                println!(
                    "| {sockets} | {target} | {median:.2} ({least:.2}–{top:.2}) | {verdict} |"
                );
            }
        }
    }
}

/// Whether the target applies, its text, the largest allowed value, and the measured value.
type Target = (bool, &'static str, f64, Option<Median>);

fn targets(results: &Results, sockets: usize) -> [Target; 7] {
    let loaded = matches!(sockets, 1000 | 10_000);
    let many = sockets >= 1000;
    let memory = results.median(Peer::Kilonova, sockets, RESIDENT);
    [
        (
            true,
            "CPU per delivery ≤ 1.05 × baseline",
            1.05,
            results.ratio(Peer::Baseline, sockets, CPU),
        ),
        (
            many,
            "idle socket ≤ 1.05 × baseline",
            1.05,
            results.ratio(Peer::Baseline, sockets, RESIDENT),
        ),
        (loaded, "CPU per delivery ≤ 1.25 × floor", 1.25, results.ratio(Peer::Floor, sockets, CPU)),
        (loaded, "CPU per delivery ≤ 0.4 × axum", 0.4, results.ratio(Peer::Axum, sockets, CPU)),
        (
            true,
            "commit → frame p99 at the fixed rate ≤ floor + 5 ms",
            5.0,
            results.difference(Peer::Floor, sockets, COMMIT_P99),
        ),
        (many, "idle socket ≤ 16 KB resident", 16.0, memory),
        (many, "idle socket ≤ 4 KB resident", 4.0, memory),
    ]
}

/// Writes all runs, nested as JSON and flat as CSV.
pub(crate) fn write(results: &Results, folder: &Path) -> Result<(), Failure> {
    fs::write(folder.join("results.json"), serde_json::to_vec_pretty(&results.0)?)?;
    let mut rows = Vec::new();
    for row in &results.0 {
        let mut cells = BTreeMap::new();
        flatten("", &serde_json::to_value(row)?, &mut cells);
        rows.push(cells);
    }
    // Not every run has every figure.
    let names: BTreeSet<&String> = rows.iter().flat_map(BTreeMap::keys).collect();
    let mut csv = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",") + "\n";
    for row in &rows {
        let cells = names.iter().map(|name| row.get(*name).map_or("", String::as_str));
        csv += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    Ok(fs::write(folder.join("results.csv"), csv)?)
}

/// Collects a run's figures, each under its path. No value has a comma.
fn flatten(path: &str, value: &Value, cells: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, cells);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            cells.insert(path.to_owned(), text.clone());
        }
        other => {
            cells.insert(path.to_owned(), other.to_string());
        }
    }
}
