//! The script for reading: times in the reader's time zone, and buttons that copy code.

use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::{Browser, Scripts};
use crate::support::Site;

/// The texts of the page's times, in document order.
const TIMES: &str =
    "return [...document.querySelectorAll('main time')].map((it) => it.textContent)";

/// The layout shift within the text since the page was opened.
const MOVED: &str = "return new Promise((resolve) => { let sum = 0; \
     const text = document.querySelector('.prose'); \
     const within = ({ node }) => node && text.contains(node); \
     new PerformanceObserver((list) => { \
         for (const entry of list.getEntries()) \
             if (entry.sources.some(within)) sum += entry.value; \
     }).observe({ type: 'layout-shift', buffered: true }); \
     requestAnimationFrame(() => setTimeout(() => resolve(sum), 100)); })";

#[actix_web::test]
async fn times_are_relative_on_the_page_and_on_later_arrivals() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let ages = [
        ("Old", TimeDelta::days(400)),
        ("Hours", TimeDelta::minutes(190)),
        ("Minutes", TimeDelta::seconds(330)),
    ];
    for (title, age) in ages {
        let id = site.new_post(title).await["id"].as_i64().unwrap();
        let at = (Utc::now() - age).format("%Y-%m-%d %H:%M:%S%.6f");
        let set = format!("UPDATE posts SET published_at = '{at}' WHERE id = {id}");
        site.home().execute(&set);
    }
    browser.open(&site, "/").await;
    browser
        .until("[...document.querySelectorAll('main time')][0]?.textContent === '5 minutes ago'")
        .await;
    let times = browser.run(TIMES).await;
    assert_eq!(times[1], json!("3 hours ago"));
    let old = times[2].as_str().unwrap();
    assert!(old.contains("20") && !old.contains("ago") && !old.contains("UTC"), "{old}");
    let title = "return document.querySelector('main time').title";
    assert!(browser.run(title).await.as_str().unwrap().ends_with(" UTC"));
    let late = "document.querySelector('#posts').insertAdjacentHTML('afterbegin', \
                `<li><time datetime=\"${new Date(Date.now() - 130000).toISOString()}\">x</time></li>`)";
    browser.run(late).await;
    browser.until("document.querySelector('main time').textContent === '2 minutes ago'").await;
    // Invalid times, and times of a whole day, stay unchanged.
    let others = "document.querySelector('#posts').insertAdjacentHTML('beforeend', \
                  '<li><time datetime=\"none\">as it was</time><time datetime=\"2020-01-01\" data-day>1</time></li>')";
    browser.run(others).await;
    browser
        .until("document.querySelector('#posts li:last-child').textContent === 'as it was1'")
        .await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn code_is_copied_with_the_keyboard_and_the_layout_does_not_shift() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let body = "Text.\n\n```rust\nfn main() {} // <b>\n```\n\nMore.\n\n    indented\n";
    let id = site.post("/api/posts", &json!({"title": "Code", "body": body})).await.json(201)["id"]
        .as_i64()
        .unwrap();
    for number in 0..3 {
        site.new_comment(id, &format!("Comment {number}")).await;
    }
    browser.open(&site, &format!("/posts/{id}-code")).await;
    browser.until("document.querySelectorAll('.copy button').length === 2").await;
    assert_eq!(browser.run(MOVED).await, json!(0));
    let kept = "navigator.clipboard.writeText = async (text) => { window.copied = text; }; \
                document.querySelector('.copy button').focus(); \
                return getComputedStyle(document.querySelector('.copy button')).opacity";
    assert_eq!(browser.run(kept).await, json!("1"));
    browser.run("document.activeElement.click()").await;
    browser.until("document.querySelector('[role=status].unseen').textContent === 'Copied'").await;
    assert_eq!(browser.run("return window.copied").await, json!("fn main() {} // <b>\n"));
    // Each block keeps one button, whatever else changes on the page.
    browser.run("document.querySelector('.prose').append('More')").await;
    browser.until("document.querySelector('.prose').textContent.includes('More')").await;
    assert_eq!(browser.run("return document.querySelectorAll('.copy').length").await, json!(2));
    let wide = "return document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.run(wide).await, json!(true));
    // A change of the code leaves the focus on its button.
    let changed = json!({"body": body.replace("main", "other")});
    site.patch(&format!("/api/posts/{id}"), &changed).await.json(200);
    browser.until("document.querySelector('pre code').textContent.includes('other')").await;
    let focus = "return document.activeElement === document.querySelector('pre .copy button') \
                 && document.querySelectorAll('.copy').length";
    assert_eq!(browser.run(focus).await, json!(2));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn posts_and_comments_since_the_last_visit_are_marked_once() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let new = "return [...document.querySelectorAll('[data-new]')].map(({ id }) => id)";
    site.new_post("First").await;
    site.new_post("Second").await;
    site.new_comment(1, "First").await;
    for path in ["/", "/posts/1-first", "/"] {
        browser.open(&site, path).await;
        assert_eq!(browser.run(new).await, json!([]), "{path}");
    }
    browser.open(&site, "/archive").await;
    site.new_post("Third").await;
    site.new_comment(1, "Second").await;
    browser.open(&site, "/").await;
    assert_eq!(browser.run(new).await, json!(["post-3"]));
    let mark =
        "return getComputedStyle(document.querySelector('#post-3 .meta'), '::before').content";
    assert_eq!(browser.run(mark).await, json!("\"New\""));
    browser.open(&site, "/posts/1-first").await;
    assert_eq!(browser.run(new).await, json!(["comment-2"]));
    // The reader's own comment is not new.
    browser.fill("#comment-body", "Mine").await;
    browser.send("#write-comment button").await;
    browser.until("document.getElementById('comment-3')").await;
    assert_eq!(browser.run(new).await, json!([]));
    browser.open(&site, "/").await;
    assert_eq!(browser.run(new).await, json!([]));
    // An invalid stored value is ignored.
    browser.run("localStorage.setItem('kilonova-seen', '[1, null]')").await;
    browser.open(&site, "/posts/2-second").await;
    assert_eq!(browser.run(new).await, json!([]));
    drop(browser);
    site.stop().await;
}
