//! A node's view of the others. The test starts its own PostgreSQL server, and is skipped if
//! PostgreSQL is not installed, unless KILONOVA_TEST_REQUIRE has `postgres`.

use kilonova_test::postgres::Cluster;

use super::{ADMIN, metrics, until};
use crate::databases::Home;
use crate::support::{Site, converge, links};

#[actix_web::test]
async fn nodes_know_the_number_and_the_positions_of_others() {
    let Some(postgres) = Cluster::start(&[]) else { return };
    let home = Home::on(&postgres.url());
    let homes = [home.another_node(), home];
    let mut sites = Vec::new();
    for (number, (home, link)) in homes.into_iter().zip(links(2)).enumerate() {
        let start = Site::start_in(home, |config| {
            config.node = format!("node-{number}");
            config.cluster = Some(link);
            config.admin_bind = Some(ADMIN);
        });
        sites.push(start.await);
    }
    converge(&sites).await;
    let [other, site] = &sites[..] else { panic!("not two sites") };
    until(site, "kilonova_cluster_peers", 1.0).await;
    other.settle().await;
    site.settle().await;
    let page = until(site, "kilonova_peer_lag_events", 0.0).await;
    assert!(page.value("kilonova_cluster_members{node=\"remote\"}") > 0.0);
    let position = page.value("kilonova_log_position");
    assert_eq!(position, 2.0);
    // The feed is told of a log that is longer than what the other node can send.
    site.state().feed.committed_through(1_000);
    until(site, "kilonova_peer_lag_events", 1_000.0 - position).await;
    assert_eq!(metrics(site).await.value("kilonova_relay_lag_events"), 1_000.0 - position);
    for site in sites {
        site.stop().await;
    }
}
