//! Operations: health, metrics, logs and the overview, and how a node drains and stops.

mod admin;
mod drain;
mod health;
mod log;
mod metrics;
mod overview;
mod page;
mod peers;

use std::net::{Ipv4Addr, SocketAddr};

use kilonova::config::Config;

use self::page::Page;
use crate::support::{Answer, Raw, Site, within};

/// A free local port.
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Starts a site with the second listener.
async fn start() -> Site {
    start_with(|_| ()).await
}

/// The same with a configuration that `change` has modified.
async fn start_with(change: impl FnOnce(&mut Config)) -> Site {
    Site::start_with(|config| {
        config.admin_bind = Some(ADMIN);
        change(config);
    })
    .await
}

/// The address of the second listener.
fn admin(site: &Site) -> SocketAddr {
    SocketAddr::new(ADMIN.ip(), site.admin_port.expect("no second listener"))
}

/// Sends a request to the second listener.
async fn ask(site: &Site, method: &str, path: &str, host: &str) -> Answer {
    let request = Raw::connect_to(admin(site)).await;
    request.request(method, path, &[("Host", host)], b"").await
}

async fn get(site: &Site, path: &str) -> Answer {
    ask(site, "GET", path, "localhost").await
}

/// The current metrics.
async fn metrics(site: &Site) -> Page {
    let answer = get(site, "/metrics").await;
    assert_eq!(answer.status, 200);
    Page::parse(std::str::from_utf8(&answer.body).expect("text"))
}

/// Waits until a metric has this value.
async fn until(site: &Site, sample: &str, value: f64) -> Page {
    let reached = async {
        loop {
            let page = metrics(site).await;
            if page.samples.get(sample) == Some(&value) {
                return page;
            }
        }
    };
    within(sample, reached).await
}
