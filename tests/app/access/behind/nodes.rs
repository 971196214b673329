//! Real nodes of one site, with their own PostgreSQL.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitStatus;

use kilonova_test::postgres::Cluster;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::HOST;
use crate::accounts::command::user;
use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::support::{Answer, Raw};

/// The nodes and their database.
pub(super) struct Nodes {
    servers: Vec<Option<Server>>,
    ports: Vec<u16>,
    /// The addresses on which the nodes listen for each other.
    links: Vec<String>,
    flags: &'static [&'static str],
    homes: Vec<Home>,
    /// Dropped last.
    _postgres: Cluster,
}

impl Nodes {
    /// Starts `count` nodes as one cluster, with these additional flags.
    pub(super) async fn start(count: usize, flags: &'static [&'static str]) -> Option<Nodes> {
        let postgres = Cluster::start(&[])?;
        let mut homes = vec![Home::on(&postgres.url())];
        for _ in 1..count {
            homes.push(homes[0].another_node());
        }
        let servers = homes.iter().map(|_| None).collect();
        let links = homes.iter().map(|_| format!("tcp/127.0.0.1:{}", free())).collect();
        let ports = vec![0; count];
        let mut nodes = Nodes { servers, ports, links, flags, homes, _postgres: postgres };
        for node in 0..count {
            nodes.run(node).await;
        }
        Some(nodes)
    }

    /// Starts a node, or restarts it on the port that the proxy knows.
    pub(super) async fn run(&mut self, node: usize) {
        let mut command = serve(&self.homes[node], &format!("127.0.0.1:{}", self.ports[node]));
        command.args(self.flags).args(["--cluster-listen", &self.links[node]]);
        command.args(["--cluster-connect", &self.links.join(",")]);
        command.env("KILONOVA_CLUSTER_SECRET", "the nodes of a test");
        let server = tokio::task::spawn_blocking(|| Server::of(command)).await.unwrap();
        self.ports[node] = server.port;
        self.servers[node] = Some(server);
    }

    /// Adds an account with the command, as the site's owner would.
    pub(super) fn add(&self, name: &str, role: &str, password: &str) {
        let added = user(&self.homes[0], &["add", name, "--role", role], password);
        assert!(added.status.success(), "{added:?}");
    }

    /// The indexes of the running nodes.
    pub(super) fn there(&self) -> Vec<usize> {
        (0..self.servers.len()).filter(|node| self.servers[*node].is_some()).collect()
    }

    pub(super) fn port(&self, node: usize) -> u16 {
        self.ports[node]
    }

    /// Sends a request to a node without the proxy.
    pub(super) async fn ask(
        &self,
        node: usize,
        method: &str,
        path: &str,
        cookie: &str,
        body: &Value,
    ) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let json = ("Content-Type", "application/json");
        let headers = [("Host", HOST), ("Cookie", cookie), json];
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port(node)));
        Raw::connect_to(address).await.request(method, path, &headers, body.as_bytes()).await
    }

    pub(super) fn kill(&mut self, node: usize) {
        let server = self.servers[node].take().unwrap();
        server.signal("KILL");
        server.ended();
    }

    /// Asks a node to stop. The returned task finishes once the node has exited.
    pub(super) fn stop(&mut self, node: usize) -> JoinHandle<ExitStatus> {
        let server = self.servers[node].take().unwrap();
        server.signal("TERM");
        tokio::task::spawn_blocking(|| server.ended())
    }
}

pub(super) use kilonova_test::free_port as free;
