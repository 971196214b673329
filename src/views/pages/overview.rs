//! The state of the nodes: the current numbers of this node, in markup that the page's script then
//! updates with the samples of all nodes.

use askama::Template;
use serde_json::Value;

use super::super::filters;
use super::Frame;
use crate::events::sample::Sample;

/// `GET /admin`: the nodes and their channels.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub struct Overview {
    /// The page's frame.
    pub frame: Frame,
    /// The current sample of this node.
    pub sample: Sample,
}

/// A number of a node: its field in a sample, its name, and its unit, which determines its format.
type Row = (&'static str, &'static str, &'static str);

/// All numbers, in groups.
const GROUPS: [(&str, &[Row]); 5] = [
    (
        "Readers",
        &[
            ("connections", "Connections", "count"),
            ("websockets", "WebSockets", "count"),
            ("event_streams", "Event streams", "count"),
            ("slow_consumers", "Slow readers closed", "count"),
        ],
    ),
    (
        "Since the start",
        &[
            ("uptime_ms", "Uptime", "time"),
            ("events_written", "Events written", "count"),
            ("deliveries", "Deliveries", "count"),
            ("version", "Version", "text"),
        ],
    ),
    (
        "Events behind the log",
        &[
            ("log_position", "Log position", "count"),
            ("relay_lag", "Relay", "count"),
            ("index_lag", "Search index", "count"),
            ("peer_lag", "Slowest other node", "count"),
        ],
    ),
    (
        "Waiting",
        &[
            ("relay_waiting", "Events in the relay", "count"),
            ("sockets_waiting_bytes", "Events for sockets", "bytes"),
            ("registry_waiting", "Requests for groups", "count"),
            ("writer_waiting", "Transactions", "count"),
            ("replays_waiting", "Replays", "count"),
            ("reads_waiting", "Database reads", "count"),
        ],
    ),
    (
        "In use",
        &[
            ("reads", "Database reads", "count"),
            ("reads_max", "Database reads, limit", "count"),
            ("memory_bytes", "Memory", "bytes"),
            ("peers", "Other nodes reached", "count"),
            ("channel_count", "Channels", "count"),
            ("members", "Members", "count"),
        ],
    ),
];

/// A plot: the title, the fields that are summed, the unit, and true to draw their growth per
/// second.
type Plot = (&'static str, &'static str, &'static str, bool);

impl Overview {
    /// The plots of the last two minutes.
    fn plots(&self) -> [Plot; 6] {
        [
            ("Open sockets", "websockets event_streams", "count", false),
            ("Events per second", "events_written", "count", true),
            ("Deliveries per second", "deliveries", "count", true),
            ("Relay behind the log", "relay_lag", "count", false),
            ("Index behind the log", "index_lag", "count", false),
            ("Memory", "memory_bytes", "bytes", false),
        ]
    }

    /// The sample as JSON, as the script gets it.
    fn numbers(&self) -> Value {
        serde_json::to_value(&self.sample).unwrap_or_default()
    }
}

/// A number of a sample, formatted as the script does.
fn shown(numbers: &Value, field: &str, unit: &str) -> String {
    let value = &numbers[field];
    // Positions are signed, and none is below 0.
    let number = value.as_u64().or(value.as_i64().map(|_| 0));
    match (unit, number) {
        ("text", _) => value.as_str().unwrap_or_default().to_owned(),
        (_, None) => "–".to_owned(),
        ("bytes", Some(number)) => bytes(number),
        ("time", Some(number)) => span(number),
        (_, Some(number)) => count(number),
    }
}

/// A number with commas between thousands.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in the largest unit that fits.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 100.0);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A time span in its two largest units.
fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_a_field_of_a_sample() {
        let sample = serde_json::to_value(Sample::default()).unwrap();
        for (field, _, unit) in GROUPS.iter().flat_map(|(_, rows)| rows.iter()) {
            assert!(sample.get(field).is_some(), "{field}");
            let expected = match (*field, *unit) {
                ("memory_bytes", _) => "–",
                (_, "text") => "",
                (_, "bytes") => "0 B",
                (_, "time") => "0 s",
                (_, "count") => "0",
                unknown => panic!("{unknown:?}"),
            };
            assert_eq!(shown(&sample, field, unit), expected, "{field}");
        }
    }

    #[test]
    fn numbers_are_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let shown = [0, 999, 1000, 45_678_901, 123_456_789, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "999 B", "1.0 KB", "45.7 MB", "123 MB", "18446744 TB"]);
        let shown = [999, 59_000, 61_000, 3_600_000, 90_000_000].map(span);
        assert_eq!(shown, ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"]);
    }
}
