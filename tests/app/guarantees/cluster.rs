//! Three real nodes on one PostgreSQL under failures: every session on every node sees every event
//! once, in order, and membership converges again. Each test has its own PostgreSQL; the tests are
//! skipped if it is not installed, unless KILONOVA_TEST_REQUIRE has `postgres`.

mod deaths;
mod links;
mod poisoned;

use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Client;
use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::support::within;
use kilonova_test::postgres::Cluster as Postgres;

pub(super) const NODES: usize = 3;
const SECRET: &str = "three nodes of a test";

/// The index of the database among the peers that a node connects to.
pub(super) const DATABASE: usize = NODES;

/// The port on which others reach a node or the database.
type Link = u16;

/// The nodes and their database.
pub(super) struct Nodes {
    homes: Vec<Home>,
    servers: Vec<Option<Server>>,
    pub(super) ports: Vec<u16>,
    /// The port on which each node listens for the others, and the database's.
    links: Vec<Link>,
    /// The ports that each node uses for the others and for the database. Its own entry is unused.
    ways: Vec<Vec<Link>>,
    /// Dropped last.
    postgres: Postgres,
}

impl Nodes {
    /// Starts three nodes that form a cluster.
    async fn start() -> Option<Nodes> {
        Nodes::start_with(|_, _, link| link).await
    }

    /// The same. `way` chooses the port through which a node reaches another node or the database,
    /// given the target's own port.
    pub(super) async fn start_with(
        mut way: impl FnMut(usize, usize, Link) -> Link,
    ) -> Option<Nodes> {
        let (postgres, home) = super::postgres::start()?;
        let mut homes = vec![home];
        for _ in 1..NODES {
            homes.push(homes[0].another_node());
        }
        let mut links: Vec<_> = (0..NODES).map(|_| kilonova_test::free_port()).collect();
        links.push(postgres.port());
        let mut ways = vec![Vec::new(); NODES];
        for (from, ways) in ways.iter_mut().enumerate() {
            ways.extend((0..=DATABASE).map(|to| way(from, to, links[to])));
        }
        let mut nodes =
            Nodes { homes, servers: Vec::new(), ports: vec![0; NODES], links, ways, postgres };
        for node in 0..NODES {
            nodes.servers.push(None);
            nodes.run(node).await;
            nodes.ports[node] = nodes.server(node).port;
        }
        nodes.converge().await;
        Some(nodes)
    }

    /// Starts a node, or restarts it on the port that its clients know.
    pub(super) async fn run(&mut self, node: usize) {
        let mut command = serve(&self.homes[node], &format!("127.0.0.1:{}", self.ports[node]));
        let others = (0..NODES).filter(|other| *other != node);
        let others: Vec<_> =
            others.map(|other| format!("tcp/127.0.0.1:{}", self.ways[node][other])).collect();
        let port = |link: Link| format!(":{link}/");
        let database = self.homes[node].url().unwrap();
        let database =
            database.replace(&port(self.postgres.port()), &port(self.ways[node][DATABASE]));
        command
            .env("DATABASE_URL", database)
            .env("KILONOVA_NODE", name(node))
            .env("KILONOVA_CLUSTER_LISTEN", format!("tcp/127.0.0.1:{}", self.links[node]))
            .env("KILONOVA_CLUSTER_CONNECT", others.join(","))
            .env("KILONOVA_CLUSTER_SECRET", SECRET);
        let started = tokio::task::spawn_blocking(|| Server::of(command));
        self.servers[node] = Some(started.await.unwrap());
    }

    pub(super) fn server(&self, node: usize) -> &Server {
        self.servers[node].as_ref().unwrap()
    }

    fn client(&self, node: usize) -> Client {
        Client::new(self.ports[node])
    }

    /// Kills a node.
    pub(super) fn kill(&mut self, node: usize) {
        let server = self.servers[node].take().unwrap();
        server.signal("KILL");
        server.ended();
    }

    /// Stops a node gracefully and waits for its end.
    async fn end(&mut self, node: usize) {
        let server = self.servers[node].take().unwrap();
        server.signal("TERM");
        let ended = tokio::task::spawn_blocking(|| server.ended()).await.unwrap();
        assert_eq!(ended.code(), Some(0));
    }

    /// Stops a node gracefully and starts it again, as an update does.
    pub(super) async fn replace(&mut self, node: usize) {
        self.end(node).await;
        self.run(node).await;
    }

    /// Crashes the database, and starts it again.
    pub(super) fn crash_database(&self) {
        self.postgres.down("immediate");
        self.postgres.up();
    }

    /// Waits until each node knows all others and their members.
    pub(super) async fn converge(&self) {
        let all: Vec<_> = (0..NODES).collect();
        for node in 0..NODES {
            self.sees(node, &all).await;
        }
    }

    /// Waits until a node sees exactly these nodes, each with a relay. Returns the time it took.
    async fn sees(&self, node: usize, there: &[usize]) -> Duration {
        let begun = Instant::now();
        let client = self.client(node);
        let names: Vec<_> = there.iter().map(|node| name(*node)).collect();
        let mut groups = Value::Null;
        let seen = async {
            loop {
                groups = client.get("/api/channels").await;
                if groups["nodes"] == Value::from(names.clone())
                    && relays(&groups) == (there.len(), 1)
                {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within(&format!("node {node} sees {there:?}"), seen).await;
        begun.elapsed()
    }
}

/// The channel on which relays announce commits to each other.
fn log_channel(groups: &Value) -> Option<&Value> {
    let channels = groups["channels"].as_array().unwrap();
    channels.iter().find(|found| found["channel"].as_str().unwrap().ends_with(":committed"))
}

/// The number of relays, on all nodes and on the requested one.
fn relays(groups: &Value) -> (usize, usize) {
    log_channel(groups).map_or((0, 0), counts)
}

/// The number of members of a channel, on all nodes and on the requested one.
fn members(groups: &Value, channel: &str) -> (usize, usize) {
    let channels = groups["channels"].as_array().unwrap();
    channels.iter().find(|found| found["channel"] == channel).map_or((0, 0), counts)
}

fn counts(channel: &Value) -> (usize, usize) {
    let count = |name: &str| channel[name].as_u64().unwrap() as usize;
    (count("members"), count("local_members"))
}

fn name(node: usize) -> String {
    format!("node-{node}")
}
