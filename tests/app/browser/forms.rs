//! Refused forms: without scripts, and the focus with scripts.

use serde_json::json;

use super::{Browser, Scripts};
use crate::support::Site;

const FOCUS: &str = "return document.activeElement.id";

#[actix_web::test]
async fn a_conflict_is_resolved_without_scripts() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let site = Site::start().await;
    site.new_post("Edited by two").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.fill("#post-body", "My line.").await;
    site.put("/api/posts/1", &json!({"body": "Their line."})).await.json(200);
    browser.send("form.write button").await;
    browser.until_text("Their line.").await;
    assert_eq!(browser.run(FOCUS).await, "conflict");
    let marks = "return ['del', 'ins'].map((name) => \
                 document.querySelector(`.diff[tabindex] ${name}`).textContent)";
    assert_eq!(browser.run(marks).await, json!(["Saved: Their line.", "Yours: My line."]));

    browser.send("form.write button.quiet").await;
    browser.until_at("/posts/1/edit").await;
    let texts = "return ['post', 'typed'].map((id) => document.querySelector(`#${id}-body`).value)";
    assert_eq!(browser.run(texts).await, json!(["Their line.", "My line."]));
    browser.fill("#post-body", "Both lines.").await;
    browser.send("form.write button").await;
    browser.until_at("/posts/1").await;
    browser.until_text("Both lines.").await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_refused_form_focuses_its_first_invalid_field() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let site = Site::start().await;
    site.new_post("Commented").await;
    for n in 0..30 {
        site.new_comment(1, &format!("Number {n}")).await;
    }
    browser.open(&site, "/posts/1").await;
    browser.send("#comments-rest a").await;
    browser.fill("#comment-body", "   ").await;
    browser.send("#write-comment button").await;
    browser.until_text("The comment can't be blank.").await;
    assert_eq!(browser.run(FOCUS).await, "comment-body");
    let seen = "return document.activeElement.getBoundingClientRect().bottom <= innerHeight \
                && !!document.querySelector('#comment-30') && !document.querySelector('#comment-1')";
    assert_eq!(browser.run(seen).await, true);

    browser.open(&site, "/posts/new").await;
    browser.fill("#post-title", "A title").await;
    browser.fill("#post-body", "Text").await;
    browser.click("details.more > summary").await;
    browser.fill("#post-slug", "not a slug").await;
    browser.send("form.write button").await;
    browser.until("document.querySelector('#post-slug-errors')").await;
    assert_eq!(browser.run(FOCUS).await, "post-slug");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_bare_fragment_finds_a_comment_on_a_later_page() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Commented").await;
    for n in 0..30 {
        site.new_comment(1, &format!("Number {n}")).await;
    }
    browser.open(&site, "/posts/1#comment-28").await;
    browser.until("document.querySelector('#comment-28:target')").await;
    browser.run("location.hash = '#comment-2'").await;
    browser.until("document.querySelector('#comment-2:target')").await;
    // A missing comment is looked up once.
    browser.run("location.hash = '#comment-99'").await;
    browser
        .until("location.search === '?comment=99' && document.querySelector('#comment-1')")
        .await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_text_that_cannot_be_sent_stays_in_its_form() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    browser.open(&site, "/posts/new").await;
    browser.until("document.querySelector('form[data-keep]').kept").await;
    browser.fill("#post-title", "Written on a train").await;
    browser.fill("#post-body", "Between two tunnels").await;
    browser.set_offline(true).await;
    browser.click("form.write .actions button").await;
    browser.until_text("Not sent: the server cannot be reached. Your text is still here.").await;
    let typed = "return document.querySelector('#post-body').value";
    assert_eq!(browser.run(typed).await, "Between two tunnels");
    browser.set_offline(false).await;
    browser.send("form.write .actions button").await;
    browser.until_text("Between two tunnels").await;
    assert_eq!(site.get("/api/posts/1").await.json(200)["title"], "Written on a train");
    assert_eq!(site.get("/api/posts").await.json(200)["posts"].as_array().map(Vec::len), Some(1));
    drop(browser);
    site.stop().await;
}
