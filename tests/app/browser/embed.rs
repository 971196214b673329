//! A post in a frame on another site's page.

use serde_json::json;

use super::client::publish;
use super::{Browser, Scripts};
use crate::support::Site;

const DOCUMENT: &str = include_str!("../../../docs/client.md");

/// The documented frame, around a post of this site.
fn frame(site: &Site) -> String {
    let (_, page) = DOCUMENT.split_once("<iframe").unwrap();
    let (page, _) = page.split_once("</iframe>").unwrap();
    assert_eq!(page.matches("http://localhost:8080").count(), 1);
    let page = page.replace("http://localhost:8080", &format!("http://localhost:{}", site.port));
    format!("<!doctype html><title>Another site</title><iframe{page}</iframe>")
}

#[actix_web::test]
async fn only_allowed_sites_frame_a_post_which_stays_live() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let (own, other) = (kilonova_test::free_port(), kilonova_test::free_port());
    let site = Site::start_with(|config| {
        config.reach.allowed_origins = vec![format!("http://localhost:{own}")];
    })
    .await;
    site.new_post("Framed").await;
    publish(own, frame(&site));
    publish(other, frame(&site));

    browser.open_at(&format!("http://localhost:{own}/")).await;
    browser.enter_frame().await;
    browser.until_live().await;
    browser.until("document.querySelector('h1').textContent === 'Framed'").await;
    site.new_comment(1, "Said elsewhere").await;
    browser
        .until("document.querySelector('#comment-1')?.innerText.includes('Said elsewhere')")
        .await;
    site.patch("/api/posts/1", &json!({"title": "Framed anew"})).await.json(200);
    browser.until("document.querySelector('h1').textContent === 'Framed anew'").await;
    let controls = "return document.querySelectorAll('form, input, textarea, .actions').length";
    assert_eq!(browser.run(controls).await, 0, "the frame has controls");
    let way =
        "return document.querySelector('.comments > p > a').href.endsWith('-framed#write-comment')";
    assert_eq!(browser.run(way).await, true);

    browser.open_at(&format!("http://localhost:{other}/")).await;
    browser.enter_frame().await;
    // The browser shows its own error page there.
    browser.until("document.readyState === 'complete' && location.href !== 'about:blank'").await;
    assert_eq!(browser.run("return document.querySelector('#post-1')").await, json!(null));
    drop(browser);
    site.stop().await;
}
