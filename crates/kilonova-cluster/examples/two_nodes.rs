//! Two nodes in one program, each with its own process groups and its own Zenoh, as on two
//! machines: run `cargo run --example two_nodes --features zenoh`.
//!
//! A member on the second node receives a broadcast of the first. The first node sees the member
//! join, and leave with its node.

use std::error::Error;
use std::net::TcpListener;
use std::time::Duration;

use kilonova_cluster::zenoh::{Endpoint, Secret};
use kilonova_cluster::{Cluster, Options, start};
use kilonova_pubsub::{Change, Payload};
use serde_json::json;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// An endpoint with a free port on this machine.
fn endpoint() -> Result<Endpoint, Box<dyn Error>> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    Ok(format!("tcp/{address}").parse()?)
}

/// Starts a node. Both nodes have the same list of nodes and the same secret.
async fn node(
    name: &str,
    own: &Endpoint,
    all: &[Endpoint; 2],
) -> Result<Cluster, kilonova_cluster::Error> {
    let options = Options::new(name)
        .listen([own.clone()])
        .connect(all.clone())
        .secret(Secret::new("long, random, and known to the nodes alone"));
    start(options).await
}

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let all = [endpoint()?, endpoint()?];
    let (one, two) = (node("one", &all[0], &all).await?, node("two", &all[1], &all).await?);

    let mut room = one.pubsub().monitor("room").await?;
    let mut ann = two.pubsub().subscribe_as(["room"], json!({ "name": "Ann" }).into()).await?;
    let Some(Change::Joined(member)) = timeout(PATIENCE, room.next()).await? else {
        return Err("nobody came".into());
    };
    let who = member.meta().map_or("nobody", Payload::as_json);
    eprintln!("one: {who} is on node {}", member.node());

    one.pubsub().broadcast("room", "said", json!("hello from one").into()).await?;
    let envelope = timeout(PATIENCE, ann.next()).await?.ok_or("the groups have stopped")?;
    eprintln!("two: {} by node {}", envelope.payload().as_json(), envelope.sender().node);

    two.close().await;
    let Some(Change::Left(member)) = timeout(PATIENCE, room.next()).await? else {
        return Err("nobody left".into());
    };
    eprintln!("one: node {} is gone, and its members with it", member.node());
    one.close().await;
    Ok(())
}
