//! What a node tells admins of itself, once a second while one looks: the numbers of one moment.
//! Owns the form and its bounds; `overview` takes the sample.

use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::Serialize;

use crate::models::{Time, rfc3339};

/// The most channels that a sample names.
pub const CHANNELS: usize = 20;

/// The most characters of a channel's name.
pub const NAME: usize = 100;

/// The numbers of a node at one moment. Those that only grow begin at 0 with the node.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Sample {
    /// The node's name.
    pub node: String,
    /// Its version.
    pub version: &'static str,
    /// When it started, which tells its runs apart.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub started_at: NaiveDateTime,
    /// The milliseconds since then.
    pub uptime_ms: u64,
    /// The number of this sample: 1, 2, 3 … since the node started.
    pub number: u64,
    /// The node is about to stop.
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
    /// Events of the log that have not gone out to the node's subscribers.
    pub relay_lag: i64,
    /// Events that its search index does not have.
    pub index_lag: i64,
    /// Events that the slowest of the other nodes has not sent.
    pub peer_lag: i64,
    /// Events that wait in the relay.
    pub relay_waiting: usize,
    /// Bytes of events that wait for threads of sockets.
    pub sockets_waiting_bytes: usize,
    /// Requests that wait for the process groups.
    pub registry_waiting: usize,
    /// Transactions that wait for the writer.
    pub writer_waiting: usize,
    /// Replays that wait for their turn or for memory.
    pub replays_waiting: usize,
    /// Reads of the database that have a connection.
    pub reads: usize,
    /// Reads that wait for one.
    pub reads_waiting: usize,
    /// The most reads at once.
    pub reads_max: usize,
    /// Sockets that were closed because their clients read too slowly.
    pub slow_consumers: u64,
    /// Bytes of memory in use, where the system tells.
    pub memory_bytes: Option<u64>,
    /// Seconds of processor time of all threads.
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
    /// The last lines of the indexer, at most 20.
    pub indexer: Vec<IndexerLine>,
}

/// A channel with its members.
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
    /// The first of its channels.
    pub channels: Vec<String>,
    /// For how many milliseconds it had taken nothing.
    pub stalled_ms: u64,
}

/// A line of the indexer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IndexerLine {
    /// When it was written.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub at: NaiveDateTime,
    /// What it says.
    pub text: String,
}
