//! All failures at once, for a configurable time: nodes are killed, replaced, frozen and cut off,
//! the database crashes, the disk fills up, and hostile clients misbehave, under writers and
//! subscribers. After every round, the promises of docs/guarantees.md are checked for everything
//! that was written and seen.
//!
//!     KILONOVA_SOAK_MINUTES=60 cargo test --release --test app -- --ignored --nocapture soak

mod hostile;
mod misfortunes;

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::seq::IndexedRandom;

use self::hostile::Strangers;
use self::misfortunes::{Cables, Tally};
use super::cluster::{NODES, Nodes};
use super::crowd::Crowd;
use super::kills::start;
use crate::databases::Home;

/// The number of misfortunes in a round.
const MISFORTUNES: usize = 30;
/// The pause between a writer's writes, long enough that checking a round is faster than the round.
const PAUSE: Duration = Duration::from_millis(30);

/// The minimum duration. By default, one round of each kind runs.
fn length() -> Duration {
    let minutes = std::env::var("KILONOVA_SOAK_MINUTES").unwrap_or_default();
    Duration::from_secs(minutes.parse::<u64>().unwrap_or(0) * 60)
}

#[actix_web::test]
#[ignore = "takes as long as KILONOVA_SOAK_MINUTES says"]
async fn every_promise_holds_while_everything_goes_wrong() {
    let begun = Instant::now();
    let mut total = Tally::default();
    for round in 1.. {
        let own = if round % 2 == 1 { three_nodes().await } else { Some(one_node().await) };
        // Without PostgreSQL, only the single node is tested.
        total.add(own.unwrap_or_default());
        total.report(round, begun.elapsed());
        if round >= 2 && begun.elapsed() >= length() {
            break;
        }
    }
}

/// Three nodes on one PostgreSQL. Each connection between nodes and to the database has its own
/// proxy.
async fn three_nodes() -> Option<Tally> {
    let mut cables = Cables::default();
    let mut nodes = Nodes::start_with(|from, to, link| cables.lay(from, to, link)).await?;
    let crowd = Crowd::paced(&nodes.ports, 2, PAUSE);
    let strangers = Strangers::start(&nodes.ports);
    let mut tally = Tally::default();
    for _ in 0..MISFORTUNES {
        crowd.writes(rand::rng().random_range(5..20)).await;
        let node = rand::rng().random_range(0..NODES);
        let misfortunes = ["kill", "kill", "kill", "kill", "replace", "peers", "cable", "freeze"];
        match *misfortunes.choose(&mut rand::rng()).unwrap() {
            "kill" => {
                cables.mend_database(node);
                nodes.kill(node);
                crowd.writes(rand::rng().random_range(0..10)).await;
                nodes.run(node).await;
                tally.kills += 1;
            }
            "replace" => {
                cables.mend_database(node);
                nodes.replace(node).await;
                tally.replaced += 1;
            }
            // Partitions last through the next misfortunes.
            "peers" => tally.partitions += cables.cut_off(node),
            "cable" => tally.partitions += cables.part_from_database(node),
            _ => {
                let frozen = nodes.server(node);
                frozen.signal("STOP");
                tokio::time::sleep(Duration::from_millis(rand::rng().random_range(50..3000))).await;
                frozen.signal("CONT");
                tally.freezes += 1;
            }
        }
        if rand::rng().random_ratio(1, 15) {
            nodes.crash_database();
            tally.database_crashes += 1;
        }
    }
    cables.mend();
    nodes.converge().await;
    tally.hostile += strangers.stop().await;
    tally.checked(&crowd.finish().await, nodes.ports.len());
    Some(tally)
}

/// One node on SQLite, whose disk is full from time to time.
async fn one_node() -> Tally {
    let home = Home::sqlite();
    let mut server = start(&home, 0, None).await;
    let port = server.port;
    let crowd = Crowd::paced(&[port], 6, PAUSE);
    let strangers = Strangers::start(&[port]);
    let mut tally = Tally::default();
    for _ in 0..MISFORTUNES {
        crowd.writes(rand::rng().random_range(5..40)).await;
        tokio::time::sleep(Duration::from_micros(rand::rng().random_range(0..4000))).await;
        match rand::rng().random_range(0..4) {
            0 => {
                misfortunes::fill_disk(&server, &home);
                tokio::time::sleep(Duration::from_millis(rand::rng().random_range(50..500))).await;
                // In half of the cases, the disk is still full at the next misfortune.
                if rand::rng().random_bool(0.5) {
                    misfortunes::empty_disk(&server);
                }
                tally.full_disks += 1;
            }
            1 => {
                misfortunes::empty_disk(&server);
                server.signal("TERM");
                let ended = tokio::task::spawn_blocking(|| server.ended()).await.unwrap();
                assert_eq!(ended.code(), Some(0));
                server = start(&home, port, None).await;
                tally.replaced += 1;
                continue;
            }
            _ => {}
        }
        server.signal("KILL");
        assert_eq!(server.ended().code(), None);
        server = start(&home, port, None).await;
        tally.kills += 1;
    }
    tally.hostile += strangers.stop().await;
    tally.checked(&crowd.finish().await, 1);
    drop(server);
    tally
}
