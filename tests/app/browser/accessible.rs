//! Accessibility: axe-core finds no violation on any page, in both themes, on a phone and on a
//! desktop. Skipped if axe-core is not installed (`npm ci --prefix tests/axe`), unless
//! `KILONOVA_TEST_REQUIRE` names `axe`.

use std::path::Path;

use actix_web::http::Method;
use kilonova::config::Access;
use serde_json::{Value, json};

use super::{Browser, Scripts};
use crate::support::Site;

const AXE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/axe/node_modules/axe-core/axe.min.js");

/// Every element that Markdown makes, and right-to-left languages.
const TEXT: &str = "Text with `code`, a [link](/notes) and a note.[^1]\n\n## First\n\n- [ ] to do\n\
    - [x] done\n\n### Below\n\n> [!WARNING]\n> Mind this.\n\n```rust\nfn main() { println!(\"a line \
    that is much longer than a phone is wide, so that it scrolls sideways there\"); } // yes\n```\n\n\
    ## Second\n\n| a | b |\n|---|---|\n| a cell with_a_word_that_is_too_long_for_a_phone_to_show | 2 \
    |\n\n![A picture](/static/icon.svg)\n\nTerm\n: what it is\n\n## שלום\n\nשלום עולם\n\n[^1]: The note.";

fn axe() -> Option<String> {
    let script = std::fs::read_to_string(Path::new(AXE)).ok();
    if script.is_none() {
        let required = std::env::var("KILONOVA_TEST_REQUIRE").unwrap_or_default();
        assert!(!required.contains("axe"), "axe-core is required but not in tests/axe");
        eprintln!("skipped: axe-core is not in tests/axe");
    }
    script
}

/// The rules that the open page breaks, each with the elements that break it.
async fn broken(browser: &Browser, axe: &str) -> Value {
    browser.run(axe).await;
    browser
        .run(
            "return axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => \
             violations.map(({ id, nodes }) => \
                 [id, nodes.slice(0, 3).map(({ html, failureSummary }) => [html, failureSummary])]))",
        )
        .await
}

/// Checks each page with all themes and widths, after running its script.
async fn check(browser: &Browser, site: &Site, axe: &str, pages: &[(&str, &str)]) {
    let mut found = Vec::new();
    for (path, prepare) in pages {
        browser.open(site, path).await;
        browser.run(prepare).await;
        for (width, theme) in [(320, "light"), (320, "dark"), (1280, "light"), (1280, "dark")] {
            browser.show_at(width, 900, theme).await;
            let rules = broken(browser, axe).await;
            let wide = "return document.documentElement.scrollWidth > innerWidth";
            let is_wide = browser.run(wide).await;
            if rules != json!([]) || is_wide != json!(false) {
                found
                    .push(format!("{path} at {width} px, {theme}, too wide: {is_wide}: {rules:#}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Waits until a node has sent a sample, so that there are plots.
const UNTIL_HEARD: &str = "return new Promise((heard) => document.addEventListener('sample', () => \
                           requestAnimationFrame(() => setTimeout(heard, 50)), { once: true }))";
const OPEN_ALL: &str = "for (const it of document.querySelectorAll('details')) it.open = true";

#[actix_web::test]
async fn every_page_is_accessible_to_writers() {
    let Some(axe) = axe() else { return };
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    for (title, tags) in [("A post", json!(["one", "two words"])), ("Another", json!(["one"]))] {
        let post = json!({"title": title, "body": TEXT, "tags": tags});
        site.post("/api/posts", &post).await.json(201);
    }
    let draft = json!({"title": "A draft", "body": TEXT, "status": "draft"});
    site.post("/api/posts", &draft).await.json(201);
    for number in 0..3 {
        site.new_comment(1, &format!("Comment {number}\n\n{TEXT}")).await;
    }
    let note = json!({"title": "A note", "body": TEXT, "author": "Ann"});
    site.post("/api/notes", &note).await.json(201);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for path in ["/comments/3/delete", "/posts/2/delete"] {
        site.send(Method::POST, path, &form, "as=".into()).await;
    }
    let pages = [
        ("/", ""),
        ("/?binned=2", ""),
        ("/posts/1-a-post?binned=1", OPEN_ALL),
        ("/bin", OPEN_ALL),
        ("/admin", UNTIL_HEARD),
        ("/?status=draft", ""),
        ("/?status=scheduled", ""),
        ("/posts/1-a-post", OPEN_ALL),
        ("/posts/1-a-post?cursor=1_1", ""),
        ("/posts/3", OPEN_ALL),
        ("/posts/new", OPEN_ALL),
        ("/posts/1/edit", OPEN_ALL),
        ("/posts/3/edit", OPEN_ALL),
        ("/notes", OPEN_ALL),
        ("/notes/1", ""),
        ("/notes/1/edit", ""),
        ("/search", ""),
        ("/embed/posts/1", ""),
        ("/search?q=text", ""),
        ("/search?q=nothing_has_this", ""),
        ("/tags", ""),
        ("/tags/one", ""),
        ("/archive", ""),
        ("/register", ""),
        ("/login", ""),
        ("/api/docs", ""),
        ("/nowhere", ""),
    ];
    check(&browser, &site, &axe, &pages).await;

    // The errors of a refused form, a conflict, and a live arrival.
    browser.open(&site, "/posts/new").await;
    browser.run("document.querySelector('form.write').noValidate = true").await;
    browser.fill("#post-title", "ab").await;
    browser.send("form.write button").await;
    assert_eq!(broken(&browser, &axe).await, json!([]), "a refused form");
    browser.open(&site, "/posts/1/edit").await;
    site.patch("/api/posts/1", &json!({"body": "Changed"})).await.json(200);
    browser.fill("#post-body", "Mine").await;
    browser.send("form.write button").await;
    browser.until("document.querySelector('.conflict')").await;
    assert_eq!(broken(&browser, &axe).await, json!([]), "two texts");
    browser.open(&site, "/").await;
    browser.until_live().await;
    site.new_post("Third").await;
    browser.until("!document.querySelector('#arrivals').hidden").await;
    assert_eq!(broken(&browser, &axe).await, json!([]), "after an arrival");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn every_page_is_accessible_to_accounts_and_strangers() {
    let Some(axe) = axe() else { return };
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start_with(|config| {
        config.access = Access::Accounts;
        config.registration = kilonova::config::Registration::Open;
        config.comments.guests = true;
    })
    .await;
    check(&browser, &site, &axe, &[("/", "")]).await;
    let account = json!({"username": "ann", "password": "correct horse"});
    assert_eq!(site.post("/api/users", &account).await.status, 201);
    site.home().execute("UPDATE users SET role = 'admin' WHERE folded_username = 'ann'");
    browser.open(&site, "/login").await;
    browser.fill("#login-username", "ann").await;
    browser.fill("#login-password", "correct horse").await;
    browser.send("form.write button").await;
    // An empty site shows the first steps.
    let pages = [("/", OPEN_ALL), ("/account", ""), ("/admin", UNTIL_HEARD)];
    check(&browser, &site, &axe, &pages).await;
    browser.open(&site, "/posts/new").await;
    browser.fill("#post-title", "Hello there").await;
    browser.fill("#post-body", "Text.").await;
    browser.send("form.write button").await;
    // A guest's comment waits for approval.
    let comment = json!({"body": "Let me in.", "author": "Bob"});
    assert_eq!(site.post("/api/posts/1/comments", &comment).await.status, 201);
    let pages =
        [("/posts/1-hello-there", OPEN_ALL), ("/moderation", OPEN_ALL), ("/authors/ann", OPEN_ALL)];
    check(&browser, &site, &axe, &pages).await;
    browser.open(&site, "/").await;
    browser.sign_out().await;
    check(&browser, &site, &axe, &[("/", ""), ("/posts/1-hello-there", ""), ("/login", "")]).await;
    drop(browser);
    site.stop().await;
}
