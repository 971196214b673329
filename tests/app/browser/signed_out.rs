//! Pages that were rendered for an account: its menu, and what is left after its sign-in has ended.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Browser, Scripts};
use crate::support::Site;

const GUEST: &str = "document.querySelector('a.account[href^=\"/login\"]')";

async fn sign_in(browser: &Browser, site: &Site) {
    browser.open(site, "/login?next=/posts/1").await;
    browser.fill("#login-username", "ada").await;
    browser.fill("#login-password", "correct horse").await;
    browser.send("form.write button").await;
    browser.until("document.querySelector('#signed-in')?.innerText == 'ada'").await;
}

/// Signs in again and ends all other sign-ins.
async fn end_elsewhere(site: &Site) {
    let account = json!({"username": "ada", "password": "correct horse"});
    let answer = site.post("/api/session", &account).await;
    let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap().to_owned();
    let cookie = [("cookie", cookie.split(';').next().unwrap())];
    let list = site.send(Method::GET, "/api/sessions", &cookie, "".into()).await.json(200);
    for sign_in in list["sessions"].as_array().unwrap() {
        if sign_in["current"] == Value::Bool(false) {
            let path = format!("/api/sessions/{}", sign_in["id"]);
            let ended = site.send(Method::DELETE, &path, &cookie, "".into()).await;
            assert_eq!(ended.status, 204);
        }
    }
}

async fn start() -> Option<(Browser, Site)> {
    let browser = Browser::start(Scripts::On).await?;
    let site = Site::start().await;
    site.new_post("Read by ada").await;
    let account = json!({"username": "ada", "password": "correct horse"});
    assert_eq!(site.post("/api/users", &account).await.status, 201);
    Some((browser, site))
}

#[actix_web::test]
async fn the_account_menu_is_within_the_window_at_every_width() {
    let Some((browser, site)) = start().await else { return };
    sign_in(&browser, &site).await;
    browser.run("document.querySelector('details.account').open = true").await;
    for width in [320, 360, 480, 560, 640, 768, 1280] {
        browser.show_at(width, 800, "light").await;
        // The name is as long as names get; the menu hangs in the header.
        for name in ["ada", &"w".repeat(40)] {
            let outside = "document.querySelector('#signed-in').textContent = arguments[0]; \
                 const {left, right, top} = \
                   document.querySelector('details.account > div').getBoundingClientRect(); \
                 const head = document.querySelector('header.site').getBoundingClientRect(); \
                 return left < 0 || right > innerWidth || top < head.top || top > head.bottom";
            let outside = outside.replace("arguments[0]", &json!(name).to_string());
            assert_eq!(browser.run(&outside).await, json!(false), "{width}, {name}");
        }
    }
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_page_whose_sign_in_ends_becomes_a_strangers_and_keeps_typed_text() {
    let Some((browser, site)) = start().await else { return };
    sign_in(&browser, &site).await;
    browser.until_live().await;
    end_elsewhere(&site).await;
    browser.until(GUEST).await;
    assert_eq!(browser.run("return document.querySelector('#signed-in')").await, Value::Null);

    sign_in(&browser, &site).await;
    browser.until_live().await;
    browser.type_in("#comment-body", "Half a thought").await;
    end_elsewhere(&site).await;
    browser.until_text("You have been signed out.").await;
    let typed = "return document.querySelector('#comment-body').value";
    assert_eq!(browser.run(typed).await, json!("Half a thought"));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn going_back_after_signing_out_shows_nothing_of_the_account() {
    let Some((browser, site)) = start().await else { return };
    sign_in(&browser, &site).await;
    browser.until_live().await;
    browser.sign_out().await;
    browser.until_at("/").await;
    browser.until(GUEST).await;
    browser.run("history.back()").await;
    browser.until_at("/posts/1").await;
    browser.until(GUEST).await;
    drop(browser);
    site.stop().await;
}
