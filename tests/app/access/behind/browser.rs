//! A real browser in front of the proxy, with the site's own name and port. It speaks HTTP/2, also
//! for its WebSocket if the proxy supports that. Skipped if there is no Chromium.

use serde_json::{Value, json};

use super::proxy::HOST;
use super::site::{Behind, ORIGIN};
use crate::access::PASSWORD;
use crate::browser::{Browser, Scripts};

pub(super) async fn a_browser_signs_in_writes_and_stays_live(site: &mut Behind) {
    let flags = [
        format!("--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{}", site.proxy.https),
        // The certificate's issuer is the test's.
        "--ignore-certificate-errors".to_owned(),
    ];
    let Some(browser) = Browser::start_with(Scripts::On, &flags).await else { return };
    browser.open_at(&format!("{ORIGIN}/login")).await;
    browser.fill("#login-username", "ada").await;
    browser.fill("#login-password", PASSWORD).await;
    browser.send("form.write button").await;
    browser.until_at("/").await;
    browser.until_live().await;
    let spoken = "return performance.getEntriesByType('navigation')[0].nextHopProtocol";
    assert_eq!(browser.run(spoken).await, "h2");
    assert_eq!(browser.run("return document.cookie").await, json!(""), "scripts see the cookie");
    // A new post may wait behind the button until the reader shows it.
    let is_shown =
        |title: &str| format!("document.querySelector('#posts').textContent.includes('{title}')");
    for node in site.nodes.there() {
        let title = format!("Seen of {node}");
        let post = json!({"title": title, "body": "b"});
        site.nodes.ask(node, "POST", "/api/posts", &site.cookie, &post).await.json(201);
        browser.until(&is_shown(&title)).await;
    }
    browser.open_at(&format!("{ORIGIN}/posts/new")).await;
    browser.fill("#post-title", "From a form").await;
    browser.fill("#post-body", "b").await;
    browser.send("form.write button").await;
    browser.until_text("From a form").await;
    // An open page stays up to date while nodes die and restart.
    browser.open_at(ORIGIN).await;
    browser.until_live().await;
    browser.run("window.mark = true").await;
    for node in site.nodes.there() {
        site.nodes.kill(node);
        let other = site.nodes.there()[0];
        let title = format!("Written while {node} was dead");
        let post = json!({"title": title, "body": "b"});
        site.nodes.ask(other, "POST", "/api/posts", &site.cookie, &post).await.json(201);
        browser.until(&is_shown(&title)).await;
        browser.until_live().await;
        site.nodes.run(node).await;
        site.is_used(node).await;
    }
    assert_eq!(browser.run("return window.mark").await, Value::Bool(true), "the page was reloaded");
}
