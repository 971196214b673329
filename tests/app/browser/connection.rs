//! Connections that are lost, refused and reestablished.

use std::time::Duration;

use kilonova::config::Config;
use serde_json::json;

use super::{Browser, Scripts};
use crate::databases::Home;
use crate::support::Site;
use kilonova_test::postgres::Cluster;

const SHOWN: &str = "return [...document.querySelectorAll('#posts > [id]')].map((item) => item.id)";

/// Shortens the grace, because a graceful stop waits for idle connections that browsers keep open.
pub(super) fn ends_soon(config: &mut Config) {
    config.grace = Duration::from_secs(1);
}

#[actix_web::test]
async fn writes_during_an_outage_arrive_once() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start_with(ends_soon).await;
    let port = site.port;
    site.new_post("Before").await;
    site.new_post("Goes meanwhile").await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    browser.run("window.mark = true").await;

    let home = site.stop_keeping_data().await;
    browser.until("document.querySelector('#live').textContent === 'Reconnecting…'").await;
    // On another port, which the page does not try.
    let elsewhere = Site::start_in(home, ends_soon).await;
    assert_ne!(elsewhere.port, port);
    elsewhere.new_post("Written meanwhile").await;
    elsewhere.patch("/api/posts/1", &json!({"title": "Before, changed"})).await.json(200);
    elsewhere.delete("/api/posts/2").await.json(204);
    let home = elsewhere.stop_keeping_data().await;
    let site = Site::start_in(home, |config| {
        ends_soon(config);
        config.bind.set_port(port);
    })
    .await;

    browser.until("document.querySelector('#live').textContent === 'Live'").await;
    browser
        .until("document.querySelector('#post-3 h2')?.textContent === 'Written meanwhile'")
        .await;
    browser.until("document.querySelector('#post-1 h2').textContent === 'Before, changed'").await;
    browser.until("!document.getElementById('post-2')").await;
    site.new_post("Written now").await;
    browser.until("document.getElementById('post-4')").await;
    assert_eq!(browser.run(SHOWN).await, json!(["post-4", "post-3", "post-1"]));
    assert_eq!(browser.run("return window.mark === true").await, json!(true));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn writes_between_the_page_and_its_connection_are_not_lost() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start_with(|config| config.max_sockets = 1).await;
    site.new_post("On the page").await;
    site.settle().await;
    let place = site.socket_in_time("/notifications").await;
    browser.open(&site, "/").await;
    browser.until("document.querySelector('#live').textContent === 'Reconnecting…'").await;
    site.new_post("Written in between").await;
    assert_eq!(browser.run(SHOWN).await, json!(["post-1"]));
    place.close().await;
    browser.until("document.getElementById('post-2')").await;
    browser.until_live().await;
    assert_eq!(browser.run(SHOWN).await, json!(["post-2", "post-1"]));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn the_pill_follows_the_network_when_the_connection_survives() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    browser.run("dispatchEvent(new Event('offline'))").await;
    browser.until("document.querySelector('#live').textContent === 'Offline'").await;
    browser.run("dispatchEvent(new Event('online'))").await;
    browser.until_live().await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_page_says_that_it_is_out_of_date_while_its_node_is_cut_off() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let Some(postgres) = Cluster::start(&[]) else { return };
    let site = Site::start_in(Home::on(&postgres.url()), ends_soon).await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    postgres.down("immediate");
    browser.until("document.querySelector('#live').textContent === 'Out of date'").await;
    postgres.up();
    browser.until_live().await;
    drop(browser);
    site.stop().await;
}
