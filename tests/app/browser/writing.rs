//! Writing a post: autosave that survives tab and server, preview, pictures, links to drafts.

use kilonova::config::Access;
use kilonova::db;
use kilonova::models::user::Role;
use kilonova::models::working_copy;
use serde_json::json;

use super::{Browser, Scripts};
use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::support::Site;

const TYPED: &str = "return document.querySelector('#post-body').value";
const KEPT: &str = "document.querySelector('.noted').textContent.startsWith('Kept at')";
/// Clears the browser's storage, so that only the server has the text.
const FORGET: &str = "localStorage.clear(); sessionStorage.clear()";
/// Polls the server's copy of the new post that is open.
const ASK: &str = "const key = document.querySelector('[name=idempotency_key]').value; \
    setInterval(async () => { window.asked = await fetch(`/posts/new?copy=${key}`)\
    .then((answer) => answer.text(), () => ''); }, 300)";
/// A picture of one pixel.
const PICTURE: &str = "const bytes = Uint8Array.from(atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ\
    AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='), (c) => c.charCodeAt(0)); \
    const files = new DataTransfer(); \
    files.items.add(new File([bytes], 'a [small] one.png', { type: 'image/png' }));";

async fn start(scripts: Scripts) -> Option<(Browser, Site)> {
    let browser = Browser::start(scripts).await?;
    let site = Site::start_with(|config| {
        config.access = Access::Accounts;
        config.registration_role = Role::Member;
    })
    .await;
    let ann = json!({"username": "ann", "password": "correct horse"});
    site.post("/api/users", &ann).await.json(201);
    sign_in(&browser, &format!("http://localhost:{}", site.port)).await;
    Some((browser, site))
}

async fn sign_in(browser: &Browser, origin: &str) {
    browser.open_at(&format!("{origin}/login?next=/posts/new")).await;
    browser.fill("#login-username", "ann").await;
    browser.fill("#login-password", "correct horse").await;
    browser.send("form.write .actions button").await;
    browser.until_at("/posts/new").await;
}

/// Publishes a post with the open form.
async fn publish(browser: &Browser, title: &str, body: &str) {
    browser.fill("#post-title", title).await;
    browser.fill("#post-body", body).await;
    browser.send("button[value=published]").await;
    browser.until_at("/posts/1").await;
}

#[actix_web::test]
async fn a_new_text_survives_the_server_and_its_tab() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let (home, port) = (Home::new(), kilonova_test::free_port());
    let start = async || {
        let mut command = serve(&home, &format!("127.0.0.1:{port}"));
        command.args(["--access", "accounts", "--registration", "open"]);
        command.args(["--registration-role", "member"]);
        tokio::task::spawn_blocking(|| Server::of(command)).await.unwrap()
    };
    let server = start().await;
    let ann = json!({"username": "ann", "password": "correct horse"});
    assert_eq!(server.call("POST", "/api/users", Some(&ann)).0, 201);
    let origin = format!("http://localhost:{port}");
    sign_in(&browser, &origin).await;
    let first = browser.open_window().await;
    browser.open_at(&format!("{origin}/posts/new")).await;
    browser.fill("#post-title", "Half a post").await;
    browser.fill("#post-body", "Before,").await;
    browser.until(KEPT).await;
    server.signal("KILL");
    server.ended();
    browser.type_in("#post-body", " while,").await;
    let server = start().await;
    browser.type_in("#post-body", " and after the kill.").await;
    // The page retries until the server has the whole text.
    let all = "Before, while, and after the kill.";
    browser.run(ASK).await;
    browser.until(&format!("window.asked?.includes({})", json!(all))).await;
    browser.close_window().await;

    browser.switch_to(&first).await;
    browser.run(FORGET).await;
    browser.open_at(&format!("{origin}/posts/new")).await;
    assert_eq!(browser.run(TYPED).await, "", "the unsaved text was opened unasked");
    browser.click("[data-key] a").await;
    browser.until(&format!("document.querySelector('#post-body')?.value === {}", json!(all))).await;
    browser.until_text("Unsaved text").await;
    browser.send("button[value=draft]").await;
    browser.until_text(all).await;
    browser.open_at(&format!("{origin}/posts/new")).await;
    assert_eq!(browser.run("return document.querySelectorAll('[data-key]').length").await, 0);
    drop(server);
}

#[actix_web::test]
async fn a_post_that_is_published_at_once_leaves_nothing_unsaved() {
    let Some((browser, site)) = start(Scripts::On).await else { return };
    publish(&browser, "At once", "Pasted, and sent.").await;
    // The form's page was hidden on the way; the copy it sent then has arrived.
    browser.open(&site, "/posts/new").await;
    let unsaved = site.db().read(|c| Ok::<_, db::Error>(working_copy::unsaved(c, 1)?)).await;
    assert_eq!(unsaved.unwrap().len(), 0);
    assert_eq!(browser.run("return document.querySelectorAll('[data-key]').length").await, 0);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn unsaved_changes_are_in_the_form_and_can_be_discarded() {
    let Some((browser, site)) = start(Scripts::On).await else { return };
    publish(&browser, "Edited", "As saved.").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.fill("#post-body", "Changed.").await;
    browser.until(KEPT).await;
    browser.run(FORGET).await;
    browser.open(&site, "/posts/1/edit").await;
    browser.until("document.querySelector('.unsaved')").await;
    assert_eq!(browser.run(TYPED).await, "Changed.");
    // The browser's copy is newer.
    browser.type_in("#post-body", " More.").await;
    browser.until("Object.keys(localStorage).some((key) => key.includes(':post-1:'))").await;
    browser.run("location.reload()").await;
    browser.until("document.querySelector('#post-body')?.value === 'Changed. More.'").await;
    browser.until("document.querySelector('.unsaved')").await;
    browser.send(".unsaved button").await;
    browser.until_at("/posts/1/edit").await;
    browser.until("!document.querySelector('.unsaved')").await;
    assert_eq!(browser.run(TYPED).await, "As saved.");
    browser.run("location.reload()").await;
    browser.until("document.querySelector('form[data-keep]')?.kept").await;
    assert_eq!(browser.run(TYPED).await, "As saved.", "discarded text is shown");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_window_learns_that_another_one_edits_the_same_text() {
    let Some((browser, site)) = start(Scripts::On).await else { return };
    publish(&browser, "Edited", "As saved.").await;
    browser.open(&site, "/posts/1/edit").await;
    let first = browser.open_window().await;
    browser.open(&site, "/posts/1/edit").await;
    browser.fill("#post-body", "Of the second.").await;
    browser.until(KEPT).await;
    browser.switch_to(&first).await;
    browser.fill("#post-body", "Of the first.").await;
    browser.until_text("saved, kept or discarded in another window").await;
    assert_eq!(browser.run(TYPED).await, "Of the first.", "the window's text is gone");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_preview_opens_beside_the_unchanged_form() {
    let Some((browser, site)) = start(Scripts::On).await else { return };
    browser.until("document.querySelector('form[data-keep]').kept").await;
    browser.fill("#post-title", "Soon a post").await;
    browser.fill("#post-body", "Some *text*.").await;
    let form = browser.window().await;
    browser.click("button[formaction]").await;
    browser.switch_to_new().await;
    browser.until("document.querySelector('.prose em')?.textContent === 'text'").await;
    browser.until_text("Nothing is saved").await;
    assert_eq!(browser.run("return document.querySelectorAll('main form').length").await, 0);
    browser.close_window().await;
    browser.switch_to(&form).await;
    assert_eq!(browser.run(TYPED).await, "Some *text*.");
    // Leaving the form still warns, and saving does not.
    let warns = "const event = new Event('beforeunload', { cancelable: true }); \
                 dispatchEvent(event); return event.defaultPrevented";
    assert_eq!(browser.run(warns).await, true);
    browser.send("button[value=published]").await;
    browser.until_at("/posts/1").await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn pasted_and_dropped_pictures_are_in_the_text() {
    let Some((browser, site)) = start(Scripts::On).await else { return };
    browser.fill("#post-title", "With pictures").await;
    browser.fill("#post-body", "Before ").await;
    let paste = "document.querySelector('#post-body').dispatchEvent(new ClipboardEvent('paste', \
                 { clipboardData: files, bubbles: true, cancelable: true }))";
    browser.run(&format!("{PICTURE} {paste}")).await;
    let there = |count: usize| {
        format!(
            "document.querySelector('#post-body').value\
             .match(/!\\[a \\(small\\) one\\]\\(\\/uploads\\/[0-9a-f]+\\.png\\)/g)?.length === {count}"
        )
    };
    browser.until(&there(1)).await;
    let drop_two = "files.items.add(files.files[0]); \
                    document.querySelector('#post-body').dispatchEvent(new DragEvent('drop', \
                    { dataTransfer: files, bubbles: true, cancelable: true }))";
    browser.run(&format!("{PICTURE} {drop_two}")).await;
    browser.until(&there(3)).await;
    browser.until_text("Added.").await;
    // A file that is not a picture is refused with a message, and leaves nothing behind.
    let before = browser.run(TYPED).await;
    let wrong = "const files = new DataTransfer(); \
                 files.items.add(new File(['<svg/>'], 'bad.png', { type: 'image/png' }));";
    browser.run(&format!("{wrong} {paste}")).await;
    browser.until_text("Not added: bad.png: expected a picture").await;
    let after = browser.run(TYPED).await;
    assert_eq!(after.as_str().unwrap().trim_end(), before.as_str().unwrap().trim_end());
    browser.send("button[value=published]").await;
    browser.until_at("/posts/1").await;
    browser
        .until(
            "[...document.querySelectorAll('.prose img')].every((img) => img.naturalWidth === 1)",
        )
        .await;
    assert_eq!(browser.run("return document.querySelectorAll('.prose img').length").await, 3);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn the_time_of_publication_is_shown_in_the_writers_time_zone() {
    let Some((browser, site)) = start(Scripts::On).await else { return };
    let zone = json!({"timezoneId": "Asia/Tokyo"});
    browser.command("Emulation.setTimezoneOverride", zone).await;
    browser.open_at(&format!("http://localhost:{}/posts/new", site.port)).await;
    browser.click(".schedule > summary").await;
    let local = "document.querySelector('.schedule .local').textContent";
    browser.until(&format!("{local} === ''")).await;
    browser
        .run(
            "const due = document.querySelector('#post-publish-at'); \
             due.value = '2030-05-01T20:30'; \
             due.dispatchEvent(new Event('input', { bubbles: true }))",
        )
        .await;
    browser.until(&format!("/May 2, 2030.*5:30/.test({local})")).await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn writing_works_with_the_keyboard_alone() {
    let Some((browser, site)) = start(Scripts::On).await else { return };
    browser.type_in("#post-title", "By keys\u{e007}").await;
    let focus = "return document.activeElement.id || document.activeElement.type";
    assert_eq!(browser.run(focus).await, "post-body", "Enter does not move to the text");
    browser.press("Text").await;
    browser.press("\u{e004}").await;
    assert_eq!(browser.run(focus).await, "file");
    let order = "return [...document.querySelectorAll('form.write .actions > :is(button, details, a)')]\
                 .map((it) => (it.querySelector('summary') ?? it).textContent)";
    let buttons = json!(["Publish", "Save draft", "Preview", "Schedule…", "Cancel"]);
    assert_eq!(browser.run(order).await, buttons);
    browser.run("document.querySelector('.schedule > summary').focus()").await;
    browser.press(" ").await;
    browser.until("document.querySelector('.schedule').open").await;
    browser.run("document.querySelector('#post-publish-at').value = '2999-01-01T10:00'").await;
    browser.run("document.querySelector('button[value=scheduled]').focus()").await;
    browser.run("window.before = true").await;
    browser.press("\u{e007}").await;
    browser.until("!window.before && document.readyState === 'complete'").await;
    browser.until_text("scheduled").await;
    browser.open(&site, "/posts/1/edit").await;
    let order = browser.run(order).await;
    assert_eq!(
        order,
        json!(["Save", "Publish now", "Save as draft", "Preview", "Schedule…", "Cancel"])
    );
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn drafts_previews_and_links_work_without_scripts() {
    let Some((browser, site)) = start(Scripts::Off).await else { return };
    browser.fill("#post-title", "Without scripts").await;
    browser.fill("#post-body", "Some *text*.").await;
    let form = browser.window().await;
    browser.click("button[formaction]").await;
    browser.switch_to_new().await;
    browser.until("document.querySelector('.prose em')?.textContent === 'text'").await;
    browser.close_window().await;
    browser.switch_to(&form).await;
    browser.send("button[value=draft]").await;
    browser.until_at("/posts/1").await;
    // As left by another browser of the same account.
    let execute = "INSERT INTO working_copies (user_id, post_id, title, body, tags, slug, status, \
                   publish_at, version, written_by, updated_at) VALUES \
                   (1, 1, 'Elsewhere', 'Typed elsewhere.', '', '', '', '', 'v', 'w', '2999-01-01 10:00:00')";
    site.home().execute(execute);
    browser.open(&site, "/posts/1/edit").await;
    assert_eq!(browser.run(TYPED).await, "Typed elsewhere.");
    browser.until_text("Unsaved changes from 1 January 2999, 10:00 UTC").await;
    browser.send(".unsaved button").await;
    assert_eq!(browser.run(TYPED).await, "Some *text*.");
    browser.send(".links form:last-child button").await;
    let link = browser.run("return document.querySelector('.secret code').textContent").await;
    let link = link.as_str().unwrap().replace("127.0.0.1", "localhost");
    crate::support::secrets::know(link.rsplit('/').next().unwrap());
    browser.sign_out().await;
    browser.open_at(&link).await;
    browser.until("document.querySelector('.prose em')?.textContent === 'text'").await;
    browser.until_text("Only people with this link").await;
    drop(browser);
    site.stop().await;
}

/// A link in the draft does not reveal the draft's secret address to its target.
#[actix_web::test]
async fn a_drafts_secret_link_is_not_sent_as_referrer() {
    let Some((browser, site)) = start(Scripts::On).await else { return };
    browser.fill("#post-title", "With a link").await;
    browser.fill("#post-body", "[Away](/archive)").await;
    browser.send("button[value=draft]").await;
    browser.open(&site, "/posts/1/edit").await;
    browser.send(".links form:last-child button").await;
    let link = browser.run("return document.querySelector('.secret code').textContent").await;
    let link = link.as_str().unwrap().replace("127.0.0.1", "localhost");
    crate::support::secrets::know(link.rsplit('/').next().unwrap());
    browser.open_at(&link).await;
    browser.send(".prose a").await;
    browser.until_at("/archive").await;
    assert_eq!(browser.run("return document.referrer").await, "");
    drop(browser);
    site.stop().await;
}
