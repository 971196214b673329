//! Unsaved text that the browser keeps.

use serde_json::{Value, json};

use super::{Browser, Scripts};
use crate::support::Site;

const TYPED: &str = "return document.querySelector('#post-body').value";
const COPIES: &str =
    "Object.keys(localStorage).filter((key) => key.startsWith('kilonova:')).length";

/// Makes the window leave unsaved text without asking.
const LEAVE: &str =
    "addEventListener('beforeunload', (event) => event.stopImmediatePropagation(), true)";

async fn start() -> Option<(Browser, Site)> {
    let browser = Browser::start(Scripts::On).await?;
    Some((browser, Site::start().await))
}

/// Waits until the browser keeps `count` copies.
async fn until_kept(browser: &Browser, count: usize) {
    browser.until(&format!("{COPIES} === {count}")).await;
}

#[actix_web::test]
async fn an_unsaved_text_survives_its_window() {
    let Some((browser, site)) = start().await else { return };
    browser.open(&site, "/").await;
    let first = browser.open_window().await;
    browser.open(&site, "/posts/new").await;
    browser.fill("#post-title", "Half a post").await;
    browser.fill("#post-body", "Half a text").await;
    until_kept(&browser, 1).await;
    let key = "return document.querySelector('[name=idempotency_key]').value";
    let form = browser.run(key).await;
    browser.close_window().await;

    browser.switch_to(&first).await;
    browser.open(&site, "/posts/new").await;
    browser.until("document.querySelector('.kept button')").await;
    assert_eq!(browser.run(TYPED).await, "Half a text");
    assert_eq!(browser.run(key).await, form, "the form has another key");
    browser.send("form.write .actions button").await;
    browser.until_text("Half a text").await;
    until_kept(&browser, 0).await;
    browser.open(&site, "/posts/new").await;
    assert_eq!(browser.run(TYPED).await, "");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_restored_text_can_be_discarded() {
    let Some((browser, site)) = start().await else { return };
    site.new_post("Edited").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.fill("#post-body", "Never mind").await;
    until_kept(&browser, 1).await;
    browser.open(&site, "/").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.until("document.querySelector('.kept button')").await;
    assert_eq!(browser.run(TYPED).await, "Never mind");
    browser.click(".kept button").await;
    assert_eq!(browser.run(TYPED).await, "A body.");
    until_kept(&browser, 0).await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_restored_text_conflicts_with_a_version_saved_since() {
    let Some((browser, site)) = start().await else { return };
    site.new_post("Edited").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.fill("#post-body", "Mine").await;
    until_kept(&browser, 1).await;
    browser.open(&site, "/").await;
    site.put("/api/posts/1", &json!({"body": "Theirs"})).await.json(200);
    browser.open(&site, "/posts/1/edit").await;
    browser.until("document.querySelector('.kept button')").await;
    browser.send("form.write .actions button").await;
    browser.until("document.querySelector('#conflict')").await;
    // The copy stays, because a refused text is not saved.
    until_kept(&browser, 1).await;
    browser.send("form.write .actions button").await;
    browser.until_at("/posts/1").await;
    until_kept(&browser, 0).await;
    assert_eq!(site.get("/api/posts/1").await.json(200)["body"], "Mine");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn going_back_to_a_saved_form_shows_the_last_version() {
    let Some((browser, site)) = start().await else { return };
    site.new_post("Edited").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    browser.fill("#post-body", "Mine").await;
    browser.send("form.write .actions button").await;
    browser.until_text("Mine").await;
    site.put("/api/posts/1", &json!({"body": "Theirs"})).await.json(200);
    browser.run("history.back()").await;
    browser.until("document.querySelector('#post-body')?.value === 'Theirs'").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    until_kept(&browser, 0).await;
    browser.fill("#post-body", "Theirs and mine").await;
    browser.send("form.write .actions button").await;
    browser.until_text("Theirs and mine").await;
    assert_eq!(site.get("/api/posts/1").await.json(200)["body"], "Theirs and mine");
    // So does a page that the browser has kept whole.
    browser.open(&site, "/posts/1/edit").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    browser
        .run(
            "window.mark = true; \
             const [key] = Object.keys(sessionStorage).filter((key) => key.includes(':saved:')); \
             document.querySelector('[name=version]').value = JSON.parse(sessionStorage[key])[0]; \
             dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
        )
        .await;
    browser.until("!window.mark && document.querySelector('form[data-keep]')?.kept").await;
    assert_eq!(browser.run(TYPED).await, "Theirs and mine");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn going_back_over_several_saves_overwrites_nobody() {
    let Some((browser, site)) = start().await else { return };
    site.new_post("Edited").await;
    browser.open(&site, "/").await;
    for mine in ["First of mine", "Second of mine"] {
        browser.open(&site, "/posts/1/edit").await;
        browser.until("document.querySelector('form[data-keep]').kept").await;
        browser.fill("#post-body", mine).await;
        browser.send("form.write .actions button").await;
        browser.until_text(mine).await;
    }
    site.put("/api/posts/1", &json!({"body": "Theirs"})).await.json(200);
    for back in ["history.back()", "history.go(-2)"] {
        browser.run(back).await;
        browser.until("document.querySelector('#post-body')?.value === 'Theirs'").await;
        browser.until("document.querySelector('form[data-keep]').kept").await;
    }
    until_kept(&browser, 0).await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn going_back_to_unsaved_text_restores_all_of_it() {
    let Some((browser, site)) = start().await else { return };
    browser.open(&site, "/posts/new").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    browser.fill("#post-title", "A title").await;
    browser.fill("#post-body", "A text").await;
    browser.fill("#post-tags", "one").await;
    until_kept(&browser, 1).await;
    browser.run(LEAVE).await;
    browser.open(&site, "/notes").await;
    browser.run("history.back()").await;
    let values = "[...document.querySelectorAll('#post-title, #post-body, #post-tags')]\
                  .map((field) => field.value).join()";
    browser.until(&format!("{values} === 'A title,A text,one'")).await;
    // Once it is published, it does not come back.
    browser.send("form.write .actions button").await;
    browser.until_text("A text").await;
    browser.run("history.back()").await;
    browser.until("document.querySelector('form[data-keep]')?.kept").await;
    browser.until(&format!("{values} === ',,'")).await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn going_back_to_unsaved_text_keeps_the_version_it_was_made_for() {
    let Some((browser, site)) = start().await else { return };
    site.new_post("Edited").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    browser.fill("#post-body", "Mine").await;
    until_kept(&browser, 1).await;
    browser.run(LEAVE).await;
    browser.open(&site, "/notes").await;
    site.put("/api/posts/1", &json!({"body": "Theirs"})).await.json(200);
    browser.run("history.back()").await;
    browser.until("document.querySelector('form[data-keep]')?.kept").await;
    assert_eq!(browser.run(TYPED).await, "Mine");
    browser.send("form.write .actions button").await;
    browser.until("document.querySelector('#conflict, article.post')").await;
    assert_eq!(site.get("/api/posts/1").await.json(200)["body"], "Theirs");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_form_that_going_back_has_reset_gets_its_text_again() {
    let Some((browser, site)) = start().await else { return };
    site.new_post("Edited").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    browser.fill("#post-body", "Mine").await;
    until_kept(&browser, 1).await;
    // As WebKit does it.
    browser
        .run(
            "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })); \
             dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })); \
             document.querySelector('form[data-keep]').reset()",
        )
        .await;
    browser.until("document.querySelector('#post-body').value === 'Mine'").await;
    until_kept(&browser, 1).await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn going_back_takes_no_text_from_another_window() {
    let Some((browser, site)) = start().await else { return };
    browser.open(&site, "/posts/new").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    let first = browser.open_window().await;
    browser.open(&site, "/posts/new").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    browser.fill("#post-body", "Of the second window").await;
    until_kept(&browser, 1).await;
    let copies = format!("return JSON.stringify({})", COPIES.replace(".length", ""));
    let before = browser.run(&copies).await;
    browser.switch_to(&first).await;
    browser
        .run(
            "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })); \
             setTimeout(() => (window.isLater = true), 50)",
        )
        .await;
    browser.until("window.isLater").await;
    assert_eq!(browser.run(TYPED).await, "");
    assert_eq!(browser.run(&copies).await, before);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn two_windows_of_one_form_keep_two_texts() {
    let Some((browser, site)) = start().await else { return };
    browser.open(&site, "/posts/new").await;
    browser.fill("#post-body", "The first").await;
    until_kept(&browser, 1).await;
    let first = browser.open_window().await;
    browser.open(&site, "/posts/new").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    assert_eq!(browser.run(TYPED).await, "", "the other window's text is shown");
    browser.fill("#post-body", "The second").await;
    until_kept(&browser, 2).await;
    browser.fill("#post-title", "Of the second").await;
    browser.send("form.write .actions button").await;
    until_kept(&browser, 1).await;
    browser.switch_to(&first).await;
    browser.run("location.reload()").await;
    browser.until("document.querySelector('#post-body')?.value === 'The first'").await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn leaving_unsaved_text_warns() {
    let Some((browser, site)) = start().await else { return };
    let warns = "const event = new Event('beforeunload', { cancelable: true }); \
                 dispatchEvent(event); return event.defaultPrevented";
    browser.open(&site, "/posts/new").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    assert_eq!(browser.run(warns).await, false);
    browser.fill("#post-title", "Unsaved").await;
    assert_eq!(browser.run(warns).await, true);
    browser.fill("#post-body", "Text").await;
    browser.send("form.write .actions button").await;
    browser.until_at("/posts/1").await;
    browser.type_in("#comment-body", "A comment is short").await;
    assert_eq!(browser.run(warns).await, false);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_refused_text_is_kept_until_it_is_accepted() {
    let Some((browser, site)) = start().await else { return };
    site.new_post("Deleted soon").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.fill("#post-body", "Worked on").await;
    until_kept(&browser, 1).await;
    site.delete("/api/posts/1").await;
    browser.send("form.write .actions button").await;
    browser.until_text("deleted while you were editing it").await;
    until_kept(&browser, 1).await;
    browser.send("form.write .actions button").await;
    browser.until_at("/posts/2").await;
    browser.until_text("Worked on").await;
    until_kept(&browser, 0).await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn signing_out_leaves_no_text_behind() {
    let Some((browser, site)) = start().await else { return };
    site.new_post("Commented").await;
    let account = json!({"username": "ada", "password": "correct horse"});
    site.post("/api/users", &account).await.json(201);
    browser.open(&site, "/login?next=/posts/1").await;
    browser.fill("#login-username", "ada").await;
    browser.fill("#login-password", "correct horse").await;
    browser.send("form.write .actions button").await;
    browser.until_at("/posts/1").await;
    browser.fill("#comment-body", "Of ada alone").await;
    until_kept(&browser, 1).await;
    browser.sign_out().await;
    browser.until_at("/").await;
    until_kept(&browser, 0).await;
    browser.open(&site, "/posts/1").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    assert_eq!(browser.run("return document.querySelector('#comment-body').value").await, "");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_browser_without_storage_works() {
    let Some((browser, site)) = start().await else { return };
    browser.open(&site, "/").await;
    let full = "for (let size = 4e6; size > 0; size = Math.floor(size / 2)) \
                try { localStorage.setItem(`other-${size}`, 'x'.repeat(size)); } catch {}";
    browser.run(full).await;
    browser.open(&site, "/posts/new").await;
    browser.fill("#post-title", "Written on a full disk").await;
    let long = "document.querySelector('#post-body').value = 'y'.repeat(200000); \
                document.querySelector('#post-body').dispatchEvent(new Event('input', { bubbles: true }))";
    browser.run(long).await;
    browser.run("document.dispatchEvent(new Event('visibilitychange'))").await;
    let copies = browser.run(&format!("return {COPIES}")).await;
    assert_eq!(copies, 0, "a copy was stored although storage fails");
    browser.send("form.write .actions button").await;
    browser.until_at("/posts/1").await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn control_and_enter_send_a_form_from_its_text() {
    let Some((browser, site)) = start().await else { return };
    site.new_post("Commented").await;
    browser.open(&site, "/posts/1").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    browser.type_in("#comment-body", "Sent by keys\u{e009}\u{e007}").await;
    browser.until("document.querySelector('#comment-1')?.innerText.includes('Sent by keys')").await;
    let sent = site.get("/api/posts/1/comments").await.json(200);
    assert_eq!(sent["comments"].as_array().map(Vec::len), Some(1));
    assert_ne!(sent["comments"][0]["body"], Value::Null);
    drop(browser);
    site.stop().await;
}
