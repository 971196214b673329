//! The numbers of a node at one moment, sent to admins once a second while one is watching. Owns
//! the format and its bounds; `overview` takes the sample.

use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::Serialize;

use crate::models::{Time, rfc3339};

/// The most channels that a sample names.
pub const CHANNELS: usize = 20;

/// The most characters of a channel's name.
pub const NAME: usize = 100;

/// The numbers of a node at one moment. Counters start at 0 when the node starts.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Sample {
    /// The node's name.
    pub node: String,
    /// Its version.
    pub version: &'static str,
    /// When it started. Each run of the node has another time.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub started_at: NaiveDateTime,
    /// The milliseconds since then.
    pub uptime_ms: u64,
    /// The number of this sample: 1, 2, 3 … since the node started.
    pub number: u64,
    /// Whether the node is about to stop.
    pub draining: bool,
    /// Open connections, sockets included.
    pub connections: usize,
    /// Open WebSockets.
    pub websockets: usize,
    /// Open event streams.
    pub event_streams: usize,
    /// Events that the node has written to the log.
    pub events_written: u64,
    /// Frames of events that were queued for sockets, live and in replays.
    pub deliveries: u64,
    /// The last position of the log that the node knows.
    pub log_position: i64,
    /// Events of the log that have not been sent to the node's subscribers yet.
    pub relay_lag: i64,
    /// Events that are not in its search index yet.
    pub index_lag: i64,
    /// Events that the slowest of the other nodes has not sent yet.
    pub peer_lag: i64,
    /// Events that wait in the relay.
    pub relay_waiting: usize,
    /// Bytes of events that wait for the socket threads.
    pub sockets_waiting_bytes: usize,
    /// Requests that wait for the process groups.
    pub registry_waiting: usize,
    /// Transactions that wait for the writer.
    pub writer_waiting: usize,
    /// Replays that wait for a slot or for memory.
    pub replays_waiting: usize,
    /// Database reads that have a connection.
    pub reads: usize,
    /// Database reads that wait for a connection.
    pub reads_waiting: usize,
    /// The limit of concurrent database reads.
    pub reads_max: usize,
    /// Sockets that were closed because their clients read too slowly.
    pub slow_consumers: u64,
    /// Bytes of memory in use, if the operating system reports it.
    pub memory_bytes: Option<u64>,
    /// Seconds of CPU time of all threads.
    pub cpu_seconds: f64,
    /// Other nodes that the node reaches.
    pub peers: usize,
    /// Members of process groups on the node.
    pub members: usize,
    /// Channels with a member on the node.
    pub channel_count: usize,
    /// The channels with the most members, at most 20.
    pub channels: Vec<ChannelSize>,
    /// The last sockets that were closed because their clients read too slowly, at most 20.
    pub slow_readers: Vec<SlowReader>,
    /// The indexer's last lines, at most 20.
    pub indexer: Vec<IndexerLine>,
}

/// A channel and the number of its members.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChannelSize {
    /// Its name.
    pub channel: String,
    /// Its members on all nodes.
    pub members: usize,
    /// Its members on this node.
    pub local_members: usize,
}

/// A socket that was closed because its client read too slowly.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SlowReader {
    /// The time of the close.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub at: NaiveDateTime,
    /// `websocket` or `event_stream`.
    pub transport: &'static str,
    /// The first few of its channels.
    pub channels: Vec<String>,
    /// The milliseconds for which it had read nothing.
    pub stalled_ms: u64,
}

/// A line of the indexer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IndexerLine {
    /// When it was written.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub at: NaiveDateTime,
    /// Its text.
    pub text: String,
}
