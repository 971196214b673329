//! How the nodes do: the current numbers of one node, in the markup that the page's script fills with
//! those of all nodes as they come.

use askama::Template;

use super::super::filters;
use super::Frame;
use crate::events::sample::Sample;

/// `GET /admin`: the nodes and their channels.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub struct Overview {
    /// The page's frame.
    pub frame: Frame,
    /// This node as it is now.
    pub sample: Sample,
}

/// A number of a node: its field in a sample, its name, its unit for the script, and itself.
type Row = (&'static str, &'static str, &'static str, String);

/// What is drawn: the title, the fields that are added up, the unit, and whether it is their growth
/// in a second.
type Plot = (&'static str, &'static str, &'static str, bool);

impl Overview {
    /// What is drawn over the last two minutes.
    fn plots(&self) -> [Plot; 6] {
        [
            ("Open sockets", "websockets event_streams", "count", false),
            ("Events written a second", "events_written", "count", true),
            ("Deliveries a second", "deliveries", "count", true),
            ("Relay behind the log", "relay_lag", "count", false),
            ("Index behind the log", "index_lag", "count", false),
            ("Memory", "memory_bytes", "bytes", false),
        ]
    }

    /// All numbers, in groups.
    fn groups(&self) -> [(&'static str, Vec<Row>); 5] {
        let it = &self.sample;
        let number = |field, name, value: usize| (field, name, "count", count(value as u64));
        let position = |field, name, value: i64| {
            (field, name, "count", count(u64::try_from(value).unwrap_or_default()))
        };
        let sum = |field, name, value: u64| (field, name, "count", count(value));
        let memory = it.memory_bytes.map_or_else(|| "–".to_owned(), bytes);
        [
            (
                "Readers",
                vec![
                    number("connections", "Connections", it.connections),
                    number("websockets", "WebSockets", it.websockets),
                    number("event_streams", "Event streams", it.event_streams),
                    sum("slow_consumers", "Closed slow readers", it.slow_consumers),
                ],
            ),
            (
                "Since the start",
                vec![
                    ("uptime_ms", "Up for", "time", span(it.uptime_ms)),
                    sum("events_written", "Events written", it.events_written),
                    sum("deliveries", "Deliveries", it.deliveries),
                    ("version", "Version", "text", it.version.to_owned()),
                ],
            ),
            (
                "Events behind the log",
                vec![
                    position("log_position", "Known log", it.log_position),
                    position("relay_lag", "Relay", it.relay_lag),
                    position("index_lag", "Search index", it.index_lag),
                    position("peer_lag", "Slowest other node", it.peer_lag),
                ],
            ),
            (
                "Waiting",
                vec![
                    number("relay_waiting", "Events in the relay", it.relay_waiting),
                    (
                        "sockets_waiting_bytes",
                        "Events for sockets",
                        "bytes",
                        bytes(it.sockets_waiting_bytes as u64),
                    ),
                    number("registry_waiting", "Requests for groups", it.registry_waiting),
                    number("writer_waiting", "Transactions", it.writer_waiting),
                    number("replays_waiting", "Replays", it.replays_waiting),
                    number("reads_waiting", "Database reads", it.reads_waiting),
                ],
            ),
            (
                "In use",
                vec![
                    number("reads", "Database reads", it.reads),
                    number("reads_max", "Most reads at once", it.reads_max),
                    ("memory_bytes", "Memory", "bytes", memory),
                    number("peers", "Other nodes reached", it.peers),
                    number("channel_count", "Channels", it.channel_count),
                    number("members", "Members", it.members),
                ],
            ),
        ]
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

/// Bytes in the largest unit that fits.
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
    fn numbers_are_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let shown = [0, 999, 1000, 45_678_901, 123_456_789, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "999 B", "1.0 KB", "45.7 MB", "123 MB", "18446744 TB"]);
        let shown = [999, 59_000, 61_000, 3_600_000, 90_000_000].map(span);
        assert_eq!(shown, ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"]);
    }
}
