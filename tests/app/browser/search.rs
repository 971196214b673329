//! The search page while the reader types.

use serde_json::json;

use super::{Browser, Scripts};
use crate::support::{Site, within};

const DOWN: &str = "\u{e015}";
const UP: &str = "\u{e013}";
const ESCAPE: &str = "\u{e00c}";
const FOCUS: &str = "return document.activeElement.textContent || document.activeElement.id";

async fn start() -> Option<(Browser, Site)> {
    let browser = Browser::start(Scripts::On).await?;
    let site = Site::start().await;
    site.new_post("Rust and iron").await;
    site.new_post("Iron alone").await;
    site.new_note("A note of iron").await;
    let indexed =
        async { while site.get("/api/search?q=iron").await.json(200)["total"] != json!(3) {} };
    within("all three are found", indexed).await;
    browser.open(&site, "/search").await;
    browser.run("window.mark = true").await;
    Some((browser, site))
}

#[actix_web::test]
async fn hits_appear_while_typing() {
    let Some((browser, site)) = start().await else { return };
    browser.type_in("#q", "iron").await;
    browser.until_text("3 hits").await;
    browser.until("location.search === '?q=iron' && document.title.includes('iron')").await;
    browser.until("document.querySelector('#announcer').textContent === '3 hits'").await;
    browser.until("document.querySelectorAll('.hits time[datetime]').length === 3").await;
    browser.click("input[value=note]").await;
    browser.until_text("One hit").await;
    browser.until("location.search === '?q=iron&kind=note'").await;
    browser.type_in("#q", " absent").await;
    browser.until_text("Nothing found").await;
    browser.fill("#q", "x").await;
    browser
        .run(
            "const q = document.querySelector('#q'); q.value = 'a'.repeat(1001); \
                 q.dispatchEvent(new InputEvent('input', { bubbles: true }))",
        )
        .await;
    browser
        .until("document.querySelector('#q[aria-invalid]') && document.querySelector('#q-errors')")
        .await;
    browser.fill("#q", "iron").await;
    browser.until("!document.querySelector('#q[aria-invalid]')").await;
    assert_eq!(browser.run("return window.mark === true").await, true);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn the_focus_stays_with_its_hit_when_the_hits_change() {
    let Some((browser, site)) = start().await else { return };
    browser.type_in("#q", "iron").await;
    browser.until_text("3 hits").await;
    browser.press(DOWN).await;
    let before = browser.run("return document.activeElement.getAttribute('href')").await;
    // A late response to an earlier query arrives.
    browser
        .run(
            "const q = document.querySelector('#q'); q.value = 'iron '; window.old = \
             document.querySelector('#results'); document.querySelector('input[value=post], \
             input[value=note]').dispatchEvent(new InputEvent('input', { bubbles: true })); \
             q.value = 'iron rust OR iron'; \
             q.dispatchEvent(new InputEvent('input', { bubbles: true }))",
        )
        .await;
    browser.until("document.querySelector('#results') !== window.old").await;
    let after = browser.run("return document.activeElement.getAttribute('href')").await;
    let focused = browser.run("return document.activeElement.id").await;
    assert!(after == before || focused == "q", "{before} {after} {focused}");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn arrow_keys_move_through_the_hits_and_escape_returns() {
    let Some((browser, site)) = start().await else { return };
    browser.type_in("#q", "iron").await;
    browser.until_text("3 hits").await;
    let titles =
        browser.run("return [...document.querySelectorAll('.hits a')].map((a) => a.textContent)");
    let titles = titles.await;
    browser.press(DOWN).await;
    assert_eq!(browser.run(FOCUS).await, titles[0]);
    browser.press(DOWN).await;
    assert_eq!(browser.run(FOCUS).await, titles[1]);
    browser.press(UP).await;
    browser.press(UP).await;
    assert_eq!(browser.run(FOCUS).await, "q");
    browser.press(DOWN).await;
    browser.press(ESCAPE).await;
    assert_eq!(browser.run(FOCUS).await, "q");
    assert_eq!(browser.run("return document.querySelector('#q').value").await, "iron");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_rate_limited_search_is_retried_automatically() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    browser.open(&site, "/search").await;
    // The first response is a 429.
    browser
        .run(
            "const real = window.fetch; window.asked = []; window.fetch = (...all) => { \
                 window.asked.push(performance.now()); \
                 return window.asked.length > 1 ? real(...all) : Promise.resolve( \
                   new Response('', { status: 429, headers: { 'Retry-After': '2' } })); }",
        )
        .await;
    browser.type_in("#q", "nothing").await;
    browser
        .until("document.querySelector('#announcer').textContent.startsWith('Too many searches')")
        .await;
    browser.type_in("#q", "ness").await;
    browser.until_text("Nothing found").await;
    let rested = browser.run("return window.asked[1] - window.asked[0]").await;
    assert!(rested.as_f64() > Some(1900.0), "{rested}");
    assert_eq!(browser.run("return location.search").await, "?q=nothingness");
    drop(browser);
    site.stop().await;
}
