//! The responses of `/health/ready` and `/health/live`.

use super::{get, start, start_with};
use crate::support::within;

#[actix_web::test]
async fn a_node_that_sends_events_too_late_is_not_ready() {
    let site = start_with(|config| config.max_lag = std::time::Duration::ZERO).await;
    site.settle().await;
    let ready = async { while site.get("/health/ready").await.status != 200 {} };
    within("all events are sent", ready).await;
    // The relay waits for an event that does not arrive.
    site.state().feed.committed_through(1_000_000);
    let late = async { while site.get("/health/ready").await.status != 503 {} };
    within("the relay lags", late).await;
    for answer in [site.get("/health/ready").await, get(&site, "/health/ready").await] {
        assert_eq!(answer.error(503), "events are delayed: use another node");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    get(&site, "/health/live").await.json(200);
    site.stop().await;
}

#[actix_web::test]
async fn a_stopping_node_is_alive_and_not_ready() {
    let site = start().await;
    site.sockets().close_all();
    assert_eq!(get(&site, "/health/ready").await.error(503), "stopping: try again later");
    get(&site, "/health/live").await.json(200);
    site.stop().await;
}
