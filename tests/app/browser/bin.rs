//! Undoing deletions.

use serde_json::json;

use super::{Browser, Scripts};
use crate::support::Site;

/// Deletes the open post, or a comment on its page.
async fn delete(browser: &Browser, thing: &str) {
    browser.click(&format!("{thing} .dots > summary")).await;
    browser.click(&format!("{thing} .confirm summary")).await;
    browser.send(&format!("{thing} .confirm button")).await;
    browser.until_text("Moved to the bin.").await;
}

const POST: &str = "article";

#[actix_web::test]
async fn a_deletion_is_undone_without_scripts() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let site = Site::start().await;
    site.new_post("Deleted by mistake").await;
    site.new_comment(1, "A remark.").await;

    browser.open(&site, "/posts/1").await;
    delete(&browser, "#comment-1").await;
    browser.until_text("No comments yet.").await;
    // The page is scrolled to the comments.
    let seen = "const { top, bottom } = document.querySelector('.undo button').getBoundingClientRect(); \
                return top >= 0 && bottom <= innerHeight";
    assert_eq!(browser.run(seen).await, json!(true));
    browser.send(".undo button").await;
    browser.until_at("/posts/1?comment=1").await;
    browser.until("document.querySelector('#comment-1')?.innerText.includes('A remark.')").await;

    delete(&browser, POST).await;
    browser.until_at("/?binned=2").await;
    browser.until_text("No posts yet.").await;
    browser.send(".undo button").await;
    browser.until_at("/posts/1").await;
    browser.until("document.querySelector('#comment-1')?.innerText.includes('A remark.')").await;

    delete(&browser, POST).await;
    browser.send(".undo a").await;
    browser.until_at("/bin").await;
    browser.until_text("Deleted by mistake").await;
    browser.send(".binned form button").await;
    browser.until_at("/posts/1").await;
    delete(&browser, POST).await;
    browser.open(&site, "/bin").await;
    browser.click(".binned .confirm summary").await;
    browser.send(".binned .confirm button").await;
    browser.until_text("The bin is empty.").await;
    drop(browser);
    site.stop().await;
}

/// Marks the page. The mark is lost when the page is reloaded.
const MARK: &str = "window.mark = true";
const IS_MARKED: &str = "return window.mark === true";

#[actix_web::test]
async fn a_post_comes_back_to_its_place_in_another_window() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    for title in ["First", "Second", "Third"] {
        site.new_post(title).await;
    }
    site.new_comment(2, "A remark.").await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    browser.run(MARK).await;
    let place = "return Math.round(document.querySelector('#post-1').getBoundingClientRect().top)";
    let before = browser.run(place).await;
    let count = "return document.querySelector('#post-2 [data-comments]').textContent";
    assert_eq!(browser.run(count).await, json!("1 comment"));
    let list = browser.open_window().await;
    let deleting = browser.window().await;
    browser.open(&site, "/posts/2").await;
    let reading = {
        let deleting = browser.open_window().await;
        browser.open(&site, "/posts/2").await;
        browser.until_live().await;
        browser.run(MARK).await;
        let reading = browser.window().await;
        browser.switch_to(&deleting).await;
        reading
    };

    delete(&browser, POST).await;
    browser.switch_to(&list).await;
    browser.until_text("This post was deleted.").await;
    browser.switch_to(&reading).await;
    browser.until_text("This post was deleted.").await;
    browser.switch_to(&deleting).await;
    browser.send(".undo button").await;
    browser.until_at("/posts/2").await;

    browser.switch_to(&list).await;
    browser.until("document.querySelector('#post-2 h2')?.innerText === 'Second'").await;
    let order = "return [...document.querySelectorAll('#posts > *')].map((item) => item.id)";
    assert_eq!(browser.run(order).await, json!(["post-3", "post-2", "post-1"]));
    assert_eq!(browser.run(count).await, json!("1 comment"));
    assert_eq!(browser.run(place).await, before, "the page moved");
    assert_eq!(browser.run(IS_MARKED).await, json!(true));
    assert_eq!(browser.run("return document.querySelector('.gone')").await, json!(null));
    browser.switch_to(&reading).await;
    browser.until_text("This post is back.").await;
    assert_eq!(browser.run(IS_MARKED).await, json!(true));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_comment_comes_back_to_its_place_in_another_window() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Talked about").await;
    for number in 1..=3 {
        site.new_comment(1, &format!("Remark {number}.")).await;
    }
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    browser.run(MARK).await;
    browser.run("document.getElementById('comments').scrollIntoView()").await;
    let reading = browser.open_window().await;
    let deleting = browser.window().await;
    browser.open(&site, "/posts/1").await;
    delete(&browser, "#comment-2").await;
    browser.switch_to(&reading).await;
    browser.until_text("This comment was deleted.").await;
    let counted = "return document.querySelector('[data-comments]').textContent";
    assert_eq!(browser.run(counted).await, json!("2 comments"));
    browser.switch_to(&deleting).await;
    browser.send(".undo button").await;
    browser.switch_to(&reading).await;
    browser.until("document.querySelector('#comment-2')?.innerText.includes('Remark 2.')").await;
    let order = "return [...document.querySelectorAll('#comments > *')].map((item) => item.id)";
    let all = json!(["comment-1", "comment-2", "comment-3"]);
    assert_eq!(browser.run(order).await, all, "the comment is not in its place");
    assert_eq!(browser.run(counted).await, json!("3 comments"));
    let menu =
        "return document.querySelector('#comment-2 form[action=\"/comments/2/delete\"]') !== null";
    assert_eq!(browser.run(menu).await, json!(true));
    assert_eq!(browser.run(IS_MARKED).await, json!(true));
    drop(browser);
    site.stop().await;
}
