//! Reading and writing in a browser that runs no scripts.

use serde_json::json;

use super::{Browser, Scripts};
use crate::support::{Site, within};

#[actix_web::test]
async fn everything_works_without_scripts() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let site = Site::start().await;

    // A refused post is shown as typed, with the reasons.
    browser.open(&site, "/").await;
    browser.until_text("No posts yet.").await;
    browser.send("header.site .button").await;
    browser.until_at("/posts/new").await;
    browser.fill("#post-title", "ab").await;
    browser.fill("#post-body", "Some *text*.").await;
    browser.send("form.write button").await;
    browser.until_text("The title should be at least 3 character(s).").await;
    let typed =
        "return ['#post-title', '#post-body'].map((id) => document.querySelector(id).value)";
    assert_eq!(browser.run(typed).await, json!(["ab", "Some *text*."]));
    browser.fill("#post-title", "Without scripts").await;
    browser.send("form.write button").await;
    browser.until_at("/posts/1").await;
    assert_eq!(
        browser.run("return document.querySelector('#live').dataset.state === undefined").await,
        json!(true),
        "this page ran a script"
    );

    browser.click("article .dots > summary").await;
    browser.send("article .dots a").await;
    browser.until_at("/posts/1/edit").await;
    browser.fill("#post-tags", "plain").await;
    browser.type_in("#post-body", " And more.").await;
    browser.send("form.write button").await;
    browser.until_at("/posts/1").await;
    browser.until_text("Some text. And more.").await;

    browser.fill("#comment-author", "x".repeat(300).as_str()).await;
    browser.fill("#comment-body", "Said plainly.").await;
    browser.send("#write-comment button").await;
    browser.until("document.querySelector('#comment-author-errors li')").await;
    browser.fill("#comment-author", "Ada").await;
    browser.send("#write-comment button").await;
    browser.until_at("/posts/1").await;
    browser.until("document.querySelector('#comment-1')?.innerText.includes('plainly')").await;

    let indexed = async { while site.get(FIND).await.json(200)["hits"] == json!([]) {} };
    within("the post is found", indexed).await;
    browser.open(&site, "/search").await;
    browser.fill("#q", "scripts").await;
    browser.send("form.search button").await;
    browser.until_text("One hit").await;
    browser.send(".hits a").await;
    browser.until_at("/posts/1").await;

    browser.click("#comment-1 summary").await;
    browser.click("#comment-1 .confirm summary").await;
    browser.send("#comment-1 .confirm button").await;
    browser.until_text("No comments yet.").await;
    browser.until_text("Moved to the bin.").await;
    // The notice stays in view, and the driver would scroll the clicked button below it.
    browser.open(&site, "/posts/1").await;
    browser.click("article .dots > summary").await;
    browser.click("article .confirm summary").await;
    browser.send("article .confirm button").await;
    browser.until_at("/?binned=2").await;
    browser.until_text("No posts yet.").await;

    browser.send("nav a[href='/notes']").await;
    browser.click(".composer summary").await;
    browser.fill("#note-title", "Milk").await;
    browser.fill("#note-body", "Two litres.").await;
    browser.fill("#note-author", "   ").await;
    browser.send(".composer button").await;
    browser.until_text("The name can't be blank.").await;
    browser.fill("#note-author", "Ada").await;
    browser.send(".composer button").await;
    browser.until_text("Two litres.").await;
    browser.click("#note-1 .dots > summary").await;
    browser.send("#note-1 .dots a").await;
    browser.until_at("/notes/1/edit").await;
    browser.fill("#note-title", "Bread").await;
    browser.send("form.write button").await;
    browser.until_at("/notes/1").await;
    browser.click(".dots > summary").await;
    browser.click(".confirm summary").await;
    browser.send(".confirm button").await;
    browser.until_text("No notes yet.").await;
    drop(browser);
    site.stop().await;
}

const FIND: &str = "/api/search?q=scripts";

#[actix_web::test]
async fn readers_sign_in_and_out_without_scripts() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let site = Site::start().await;
    site.new_post("Commented").await;

    browser.open(&site, "/register?next=/posts/1").await;
    browser.fill("#register-username", "ada lovelace").await;
    browser.fill("#register-password", "correct horse").await;
    browser.send("form.write button").await;
    browser.until("document.querySelector('#register-username-errors li')").await;
    let typed = "return ['username', 'password'].map((id) => document.querySelector(`#register-${id}`).value)";
    assert_eq!(browser.run(typed).await, json!(["ada lovelace", ""]));
    browser.fill("#register-username", "ada.lovelace").await;
    browser.fill("#register-password", "correct horse").await;
    browser.send("form.write button").await;
    browser.until_at("/posts/1").await;

    browser.until("document.querySelector('#signed-in').innerText == 'ada.lovelace'").await;
    browser.fill("#comment-body", "Said under a name.").await;
    browser.send("#write-comment button").await;
    browser.until("document.querySelector('#comment-1 bdi').innerText == 'ada.lovelace'").await;
    // Scripts cannot read the cookie.
    assert_eq!(browser.run("return document.cookie").await, json!(""));

    browser.sign_out().await;
    browser.until_at("/").await;
    browser.until("document.querySelector('a.account[href=\"/login\"]')").await;
    browser.open(&site, "/login").await;
    browser.fill("#login-username", "Ada.Lovelace").await;
    browser.fill("#login-password", "wrong password").await;
    browser.send("form.write button").await;
    browser.until_text("Invalid username or password.").await;
    browser.fill("#login-password", "correct horse").await;
    browser.send("form.write button").await;
    browser.until_at("/").await;
    browser.until("document.querySelector('#signed-in').innerText == 'ada.lovelace'").await;
    site.stop().await;
}
