//! Editing notes in their cards while others write.

use serde_json::json;

use super::{Browser, Scripts};
use crate::support::Site;

const MENU: &str = "#note-1 > .menu > summary";
const EDIT: &str = "#note-1 > .menu a[href$='/edit']";
const SAVE: &str = "#note-1 form.write .actions button";
const TITLE: &str = "#note-1 [name=title]";
const OPEN: &str = "document.querySelector('#note-1 form.write')";
const ESCAPE: &str = "\u{e00c}";

async fn start() -> Option<(Browser, Site)> {
    let browser = Browser::start(Scripts::On).await?;
    let site = Site::start().await;
    site.new_note("Milk").await;
    browser.open(&site, "/notes").await;
    browser.until_live().await;
    browser.run("window.mark = true").await;
    Some((browser, site))
}

/// Opens the form in the card.
async fn edit(browser: &Browser) {
    browser.click(MENU).await;
    browser.click(EDIT).await;
    browser.until(OPEN).await;
}

/// Asserts that the page was not reloaded, and stops.
async fn stop(browser: Browser, site: Site) {
    assert_eq!(browser.run("return window.mark === true").await, true);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_note_is_saved_in_its_card() {
    let Some((browser, site)) = start().await else { return };
    edit(&browser).await;
    assert_eq!(browser.run("return document.activeElement.name").await, "title");
    let twice = "return [...document.querySelectorAll('[id]')].map((one) => one.id)\
                 .filter((id, place, all) => all.indexOf(id) !== place)";
    assert_eq!(browser.run(twice).await, json!([]), "an id occurs twice");
    browser.fill(TITLE, "  ").await;
    // Switches off the browser's own check for empty fields.
    browser.run("document.querySelector('#note-1 form.write').noValidate = true").await;
    browser.click(SAVE).await;
    browser.until("document.querySelector('#note-1 .errors li')").await;
    browser.fill(TITLE, "Bread").await;
    browser.click(SAVE).await;
    browser
        .until(&format!("!{OPEN} && document.querySelector('#note-1 h2').textContent === 'Bread'"))
        .await;
    let focus = format!("return document.activeElement === document.querySelector('{MENU}')");
    assert_eq!(browser.run(&focus).await, true);
    assert_eq!(site.get("/api/notes/1").await.json(200)["title"], "Bread");
    // A second edit works too.
    edit(&browser).await;
    assert_eq!(
        browser.run(&format!("return document.querySelector('{TITLE}').value")).await,
        "Bread"
    );
    stop(browser, site).await;
}

#[actix_web::test]
async fn escape_closes_the_form_and_keeps_the_text_in_the_browser() {
    let Some((browser, site)) = start().await else { return };
    edit(&browser).await;
    browser.fill(TITLE, "Half a th").await;
    browser.press(ESCAPE).await;
    browser.until(&format!("!{OPEN}")).await;
    assert_eq!(
        browser.run("return document.querySelector('#note-1 h2').textContent").await,
        "Milk"
    );
    assert_eq!(browser.run("return document.activeElement.nodeName").await, "SUMMARY");
    let kept = "Object.keys(localStorage).some((key) => key.includes(':note-1:'))";
    browser.until(kept).await;
    edit(&browser).await;
    browser.until(&format!("document.querySelector('{TITLE}')?.value === 'Half a th'")).await;
    browser.until("document.querySelector('#note-1 .kept button')").await;
    stop(browser, site).await;
}

#[actix_web::test]
async fn a_concurrent_save_is_a_conflict_and_overwrites_nothing() {
    let Some((browser, site)) = start().await else { return };
    edit(&browser).await;
    browser.fill(TITLE, "Mine").await;
    site.put("/api/notes/1", &json!({"title": "Theirs", "body": "A body."})).await.json(200);
    browser.until_text("This note was changed since you opened it.").await;
    let value = format!("return document.querySelector('{TITLE}').value");
    assert_eq!(browser.run(&value).await, "Mine");
    browser.click(SAVE).await;
    browser.until("document.querySelector('#note-1 .difference')").await;
    browser.until_text("Another version was saved.").await;
    assert_eq!(browser.run(&value).await, "Mine");
    assert_eq!(site.get("/api/notes/1").await.json(200)["title"], "Theirs");
    browser.click(SAVE).await;
    browser
        .until(&format!("!{OPEN} && document.querySelector('#note-1 h2').textContent === 'Mine'"))
        .await;
    assert_eq!(site.get("/api/notes/1").await.json(200)["title"], "Mine");

    edit(&browser).await;
    site.put("/api/notes/1", &json!({"title": "Theirs again", "body": "b"})).await.json(200);
    browser.until_text("This note was changed since you opened it.").await;
    browser.click("#note-1 .editor .actions > a").await;
    browser.until("document.querySelector('#note-1 h2').textContent === 'Theirs again'").await;

    edit(&browser).await;
    site.delete("/api/notes/1").await.json(204);
    browser.until_text("This note was deleted while you were editing it.").await;
    browser.press(ESCAPE).await;
    browser.until("!document.getElementById('note-1')").await;
    stop(browser, site).await;
}

#[actix_web::test]
async fn a_text_that_the_card_cannot_save_goes_to_the_forms_page() {
    let Some((browser, site)) = start().await else { return };
    edit(&browser).await;
    browser.fill(TITLE, "Too late").await;
    site.delete("/api/notes/1").await.json(204);
    browser.until_text("This note was deleted while you were editing it.").await;
    browser.send(SAVE).await;
    browser.until("document.querySelector('[name=title]')?.value === 'Too late'").await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn the_page_stays_if_a_form_cannot_be_loaded() {
    let Some((browser, site)) = start().await else { return };
    browser.set_offline(true).await;
    browser.click(MENU).await;
    browser.click(EDIT).await;
    browser.until_text("The form cannot be loaded: the server cannot be reached.").await;
    browser.set_offline(false).await;
    edit(&browser).await;
    browser.fill(TITLE, "Bread").await;
    browser.click(SAVE).await;
    browser
        .until(&format!("!{OPEN} && document.querySelector('#note-1 h2').textContent === 'Bread'"))
        .await;
    stop(browser, site).await;
}
