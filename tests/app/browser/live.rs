//! Pages that stay up to date while others write.

use std::sync::Arc;

use kilonova::pubsub::Payload;
use serde_json::json;

use super::{Browser, Scripts};
use crate::support::Site;

/// Marks the page. The mark is lost when the page is reloaded.
const MARK: &str = "window.mark = true";
const IS_MARKED: &str = "return window.mark === true";

#[actix_web::test]
async fn a_post_appears_changes_and_disappears_in_another_window() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let older = site.new_post("Already here").await["id"].clone();
    browser.open(&site, "/").await;
    browser.until_live().await;
    browser.run(MARK).await;
    let reading = browser.open_window().await;
    let writing = browser.window().await;

    browser.open(&site, "/posts/new").await;
    browser.fill("#post-title", "First light").await;
    browser.fill("#post-body", "Seen from **here**.").await;
    browser.fill("#post-tags", "stars, night").await;
    browser.send("form.write button").await;
    browser.until_at("/posts/2").await;
    browser.until_text("Seen from here.").await;
    browser.switch_to(&reading).await;
    browser.until("document.querySelector('#post-2 h2')?.textContent === 'First light'").await;
    browser.click("#arrivals").await;
    let shown = "return [...document.querySelectorAll('#posts > *')].map((item) => item.id)";
    let both = json!(["post-2", format!("post-{older}")]);
    assert_eq!(browser.run(shown).await, both, "not newest first");
    browser.run("window.card = document.getElementById('post-2')").await;

    browser.switch_to(&writing).await;
    browser.open(&site, "/posts/2/edit").await;
    browser.type_in("#post-title", ", again").await;
    browser.send("form.write button").await;
    browser.until_at("/posts/2").await;
    browser.switch_to(&reading).await;
    browser.until("window.card.querySelector('h2').textContent === 'First light, again'").await;
    assert_eq!(browser.run(shown).await, both, "the post has moved");
    assert_eq!(browser.run("return window.card.isConnected").await, json!(true));

    browser.switch_to(&writing).await;
    browser.click("article .dots > summary").await;
    browser.click("article .confirm summary").await;
    browser.send("article .confirm button").await;
    browser.until_at("/?binned=1").await;
    browser.switch_to(&reading).await;
    browser.until("!document.getElementById('post-2')").await;
    browser.until_text("This post was deleted.").await;
    let left = "return document.querySelector('main').innerText.includes('First light')";
    assert_eq!(browser.run(left).await, json!(false));
    assert_eq!(browser.run(IS_MARKED).await, json!(true));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn comments_arrive_while_one_is_typed() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let post = site.new_post("Talked about").await["id"].as_i64().unwrap();
    site.new_comment(post, "The first.").await;
    browser.open(&site, &format!("/posts/{post}")).await;
    browser.until_live().await;
    browser.run(MARK).await;
    browser.click("#comment-1 summary").await;
    browser.type_in("#comment-author", "Ada").await;
    browser.type_in("#comment-body", "half a tht").await;
    let typing = "const field = document.activeElement; \
                  return [field.id, field.value, field.selectionStart, field.selectionEnd]";
    browser.run("document.activeElement.setSelectionRange(9, 9)").await;

    let path = format!("/api/posts/{post}/comments");
    let comment = json!({"body": "Sent by *another*.", "author": "Bob"});
    site.post(&path, &comment).await.json(201);
    browser.until("document.querySelector('#comment-2 em')?.textContent === 'another'").await;
    let menu =
        "return document.querySelector('#comment-2 form[action=\"/comments/2/delete\"]') !== null";
    assert_eq!(browser.run(menu).await, json!(true), "a control is missing");
    assert_eq!(browser.run(typing).await, json!(["comment-body", "half a tht", 9, 9]));
    let open = browser.run("return document.querySelector('#comment-1 details').open").await;
    assert_eq!(open, json!(true), "the reader's menu was closed");

    site.put("/api/comments/2", &json!({"body": "Better said."})).await.json(200);
    let text = "document.querySelector('#comment-2 .prose').textContent.trim() === 'Better said.'";
    browser.until(text).await;
    site.delete("/api/comments/1").await.json(204);
    browser.until("!document.getElementById('comment-1')").await;
    let changed = json!({"title": "Much talked about"});
    site.patch(&format!("/api/posts/{post}"), &changed).await.json(200);
    browser.until("document.querySelector('h1').textContent === 'Much talked about'").await;
    browser.until("document.title.startsWith('Much talked about')").await;

    assert_eq!(browser.run(IS_MARKED).await, json!(true));
    browser.type_in("#comment-body", ", sent").await;
    assert_eq!(browser.run(typing).await.get(0), Some(&json!("comment-body")));
    browser.send("#write-comment button").await;
    browser.until("document.querySelector('#comment-3')?.innerText.includes('half a th')").await;
    browser.until("document.querySelector('#comment-3 b').textContent === 'Ada'").await;

    // The deletion of the post keeps the typed text.
    browser.type_in("#comment-body", "too late").await;
    site.delete(&format!("/api/posts/{post}")).await.json(204);
    browser.until("!document.querySelector('#notice').hidden").await;
    browser.until_text("This post was deleted.").await;
    assert_eq!(browser.run(typing).await, json!(["comment-body", "too late", 8, 8]));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn notes_appear_change_and_disappear() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    browser.open(&site, "/notes").await;
    browser.until_text("No notes yet.").await;
    browser.until_live().await;
    browser.run(MARK).await;
    browser.click(".composer summary").await;
    browser.type_in("#note-title", "Half a ti").await;

    let note = site.new_note("Milk").await["id"].clone();
    let path = format!("/api/notes/{note}");
    browser.until("document.querySelector('#note-1 h2')?.textContent === 'Milk'").await;
    site.put(&path, &json!({"title": "Bread", "body": "Two *loaves*."})).await.json(200);
    browser.until("document.querySelector('#note-1 h2')?.textContent === 'Bread'").await;
    browser.until("document.querySelector('#note-1 em')?.textContent === 'loaves'").await;
    site.delete(&path).await.json(204);
    browser.until("!document.getElementById('note-1')").await;
    browser.until_text("This note was deleted.").await;
    let typing = browser.run("return document.activeElement.value").await;
    assert_eq!(typing, json!("Half a ti"));
    assert_eq!(browser.run(IS_MARKED).await, json!(true));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn readers_are_told_only_of_a_different_version() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let deploy = |version: &str| {
        let news = json!({"version": version, "node": "another"});
        site.pubsub().broadcast("system", "deploy", Payload::encode(&news).unwrap())
    };
    for path in ["/", "/notes"] {
        browser.open(&site, path).await;
        browser.until_live().await;
        browser.run(MARK).await;
        deploy(kilonova::VERSION).await.unwrap();
        // A later event proves that the earlier one has arrived.
        site.new_post("A post").await;
        site.new_note("A note").await;
        browser.until("document.body.textContent.match(/A (post|note)/)").await;
        let hidden = "return document.getElementById('version').hidden";
        assert_eq!(browser.run(hidden).await, json!(true), "{path}");
        deploy("99.0.0").await.unwrap();
        browser.until("!document.getElementById('version').hidden").await;
        assert_eq!(browser.run(IS_MARKED).await, json!(true), "the page was reloaded");
    }
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_card_that_arrived_counts_its_comments() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Without comments").await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    let count = |id: i64, text: &str| {
        format!(
            "document.querySelector('#post-{id} [data-comments]')?.textContent === '{text}' \
             && document.querySelectorAll('#post-{id} [data-comments]').length === 1"
        )
    };
    browser.until(&count(1, "No comments")).await;
    site.new_post("Arrives").await;
    browser.until(&count(2, "No comments")).await;
    for id in [1, 2] {
        site.new_comment(id, "The first").await;
        browser.until(&count(id, "1 comment")).await;
    }
    // The event of a published draft does not have the number.
    let draft = json!({"title": "A draft", "body": "A body.", "status": "draft"});
    site.post("/api/posts", &draft).await.json(201);
    site.patch("/api/posts/3", &json!({"status": "published"})).await.json(200);
    browser.until("document.querySelector('#post-3')").await;
    site.new_comment(3, "The first").await;
    browser.until(&count(3, "1 comment")).await;
    site.new_comment(3, "The second").await;
    browser.until(&count(3, "2 comments")).await;
    site.patch("/api/posts/2", &json!({"title": "Has arrived"})).await.json(200);
    browser.until("document.querySelector('#post-2 h2').textContent === 'Has arrived'").await;
    browser.until(&count(2, "1 comment")).await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn readers_are_told_when_comments_are_locked_and_unlocked() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start_with(|config| {
        Arc::get_mut(&mut config.site).unwrap().name = "One · Two".to_owned();
    });
    let site = site.await;
    site.new_post("Discussed").await;
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    browser.fill("#comment-body", "Half a comment").await;
    site.patch("/api/posts/1", &json!({"comments_locked": true})).await.json(200);
    browser.until_text("Comments are locked now. Your text is still here.").await;
    let typed = browser.run("return document.querySelector('#comment-body').value").await;
    assert_eq!(typed, "Half a comment");
    site.patch("/api/posts/1", &json!({"comments_locked": false})).await.json(200);
    browser.until_text("Comments are open again.").await;
    for title in ["A title that is so long that it takes two lines or three of them", "Short"] {
        site.patch("/api/posts/1", &json!({"title": title})).await.json(200);
        browser.until(&format!("document.title === '{title} · One · Two'")).await;
    }
    let exact = "return document.querySelector('.changed time').title";
    browser.run("document.querySelector('#arrivals').click()").await;
    let exact = browser.run(exact).await;
    let form = "%-d %B %Y, %H:%M:%S UTC";
    let parsed = chrono::NaiveDateTime::parse_from_str(exact.as_str().unwrap(), form);
    assert!(parsed.is_ok(), "{exact}");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_fetched_page_takes_the_place_of_events_that_wait() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Discussed").await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    // Events wait to be drawn until the page was fetched.
    browser
        .run(
            "window.held = [];
             window.timer = setTimeout;
             window.requestAnimationFrame = (draw) => held.push(draw);
             window.setTimeout = (then, after, ...rest) =>
                 after === 100 ? held.push(then) : timer(then, after, ...rest);",
        )
        .await;
    site.new_comment(1, "The first").await;
    browser.until("held.length === 2").await;
    let count = |text: &str| {
        format!("document.querySelector('#post-1 [data-comments]').textContent === '{text}'")
    };
    browser.run("document.dispatchEvent(new Event('outdated'))").await;
    browser.until(&count("1 comment")).await;
    browser
        .run(
            "window.setTimeout = timer;
             window.requestAnimationFrame = (draw) => timer(draw);
             held.forEach((draw) => draw());",
        )
        .await;
    site.new_comment(1, "The second").await;
    browser.until(&format!("!({})", count("1 comment"))).await;
    assert_eq!(browser.run(&format!("return {}", count("2 comments"))).await, true);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_burst_arrives_whole_and_in_order_after_a_stall() {
    const COMMENTS: usize = 250;
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    // The thread is below the view, so that its comments need not wait for the reader.
    let post = json!({"title": "Discussed", "body": "A paragraph.\n\n".repeat(100)});
    site.post("/api/posts", &post).await.json(201);
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    // The page does nothing until all comments wait.
    browser
        .run(
            "window.ids = () => [...document.querySelectorAll('#comments > *')].map(({ id }) => id);
             setTimeout(() => { const end = Date.now() + 4000; while (Date.now() < end); });",
        )
        .await;
    for number in 1..=COMMENTS {
        site.new_comment(1, &format!("Comment {number}")).await;
    }
    browser.until(&format!("window.ids().length >= {COMMENTS}")).await;
    let ids: Vec<_> = (1..=COMMENTS).map(|id| format!("comment-{id}")).collect();
    assert_eq!(browser.run("return window.ids()").await, json!(ids));
    let count = "return document.querySelector('[data-comments]').textContent";
    assert_eq!(browser.run(count).await, format!("{COMMENTS} comments"));
    drop(browser);
    site.stop().await;
}
