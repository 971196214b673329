//! The line with the other readers of a post and who is typing.

use awc::ws::Message;
use serde_json::json;

use super::{Browser, Scripts};
use crate::support::Site;

const LINE: &str = "document.querySelector('#presence').textContent";

/// Records the texts of the line.
const WATCH: &str = "window.lines = []; const line = document.querySelector('#presence'); \
                     new MutationObserver(() => window.lines.push(line.textContent)) \
                       .observe(line, { childList: true })";

async fn until_line(browser: &Browser, text: &str) {
    browser.until(&format!("{LINE} === {}", json!(text))).await;
}

#[actix_web::test]
async fn two_windows_see_each_other() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Read together").await;
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    // Room for the line is reserved before it has a text.
    let height = "return document.querySelector('#presence').offsetHeight";
    let reserved = browser.run(height).await;
    assert!(reserved.as_i64() > Some(10), "{reserved}");
    let first = browser.open_window().await;
    browser.open(&site, "/posts/1").await;
    until_line(&browser, "2 people reading").await;
    assert_eq!(browser.run(height).await, reserved);
    browser.run(WATCH).await;
    browser.type_in("#comment-body", "Half a thought").await;
    let second = browser.window().await;
    browser.switch_to(&first).await;
    until_line(&browser, "2 people reading · Someone is typing…").await;
    assert_eq!(browser.run(height).await, reserved);
    until_line(&browser, "2 people reading").await;
    browser.switch_to(&second).await;
    let said = browser.run("return window.lines.some((line) => line.includes('typing'))").await;
    assert_eq!(said, false, "the typing reader was told of their own typing");
    browser.close_window().await;
    browser.switch_to(&first).await;
    until_line(&browser, "").await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_signed_in_reader_sees_names() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Read together").await;
    let account = json!({"username": "ada", "password": "correct horse"});
    assert_eq!(site.post("/api/users", &account).await.status, 201);
    browser.open(&site, "/login?next=/posts/1").await;
    browser.fill("#login-username", "ada").await;
    browser.fill("#login-password", "correct horse").await;
    browser.send("form.write button").await;
    let mut guest = site.socket("/feed?channels=presence_1").await;
    until_line(&browser, "2 people reading").await;
    loop {
        let told = guest.next_json().await;
        assert!(!told.to_string().contains("ada"), "{told}");
        if told["data"]["guests"] == 2 {
            break;
        }
    }
    guest.send(Message::Text(r#"{"typing":true}"#.into())).await;
    until_line(&browser, "2 people reading · Someone is typing…").await;
    let first = browser.open_window().await;
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    browser.switch_to(&first).await;
    until_line(&browser, "2 people reading").await;
    drop(browser);
    site.stop().await;
}
