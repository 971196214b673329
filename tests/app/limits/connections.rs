//! The limit on open connections per address.

use super::{HOST, own_address};
use crate::support::{Raw, Site, within};

#[actix_web::test]
async fn one_address_cannot_use_up_the_connections() {
    let Some(own) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let site = Site::start_with(|config| {
        config.bind = ([0, 0, 0, 0], 0).into();
        config.max_connections_per_address = 2;
    })
    .await;
    let connect = async || {
        let mut raw = Raw::connect_to((own, site.port).into()).await;
        let answer = raw.ask("GET", "/api/posts", &[HOST], b"").await;
        (raw, answer)
    };
    let (one, answer) = connect().await;
    answer.json(200);
    let (mut two, answer) = connect().await;
    answer.json(200);
    let (mut refused, answer) = connect().await;
    assert!(answer.header("retry-after").is_some());
    assert!(answer.error(429).contains("from this address"));
    refused.hung_up().await;
    // Open connections keep working, and loopback is exempt.
    two.ask("GET", "/api/posts", &[HOST], b"").await.json(200);
    let others = [Raw::connect(&site).await, Raw::connect(&site).await, Raw::connect(&site).await];
    for mut other in others {
        other.ask("GET", "/api/posts", &[HOST], b"").await.json(200);
    }
    drop(one);
    let again = async { while connect().await.1.status != 200 {} };
    within("its slot is free again", again).await;
    site.stop().await;
}
