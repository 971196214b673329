//! Pages that neither shift nor send requests while others write.

use serde_json::{Value, json};

use super::connection::ends_soon;
use super::{Browser, Scripts};
use crate::support::Site;

/// Records the layout shifts since the page's load, and its requests for anything but its own
/// scripts.
const WATCH: &str = "
window.moved = 0;
window.shifts = [];
window.requests = () => performance.getEntriesByType('resource')
  .filter(({ name }) => !name.includes('/static/')).length;
window.asked = window.requests();
new PerformanceObserver((list) => {
  for (const shift of list.getEntries().filter((shift) => !shift.hadRecentInput)) {
    window.moved += shift.value;
    window.shifts.push(...shift.sources.map(({ node, previousRect: from, currentRect: to }) =>
      `${node?.outerHTML?.slice(0, 60) ?? node?.data}: ${from.y} to ${to.y}`));
  }
}).observe({ type: 'layout-shift', buffered: true });
";

const ASKED: &str = "return window.requests() - window.asked";

/// The sum of the layout shifts so far, once the page has been painted.
async fn moved(browser: &Browser) -> f64 {
    browser
        .run("requestAnimationFrame(() => requestAnimationFrame(() => window.painted = true))")
        .await;
    browser.until("window.painted").await;
    browser.run("return window.moved").await.as_f64().unwrap()
}

async fn is_still(browser: &Browser, what: &str) {
    let moved = moved(browser).await;
    let shifts = browser.run("return window.shifts").await;
    assert!(moved < 0.005, "{what}: a layout shift of {moved}: {shifts:#}");
    assert_eq!(browser.run(ASKED).await, json!(0), "{what}: requests");
}

/// Waits until the button has this text.
async fn until_waiting(browser: &Browser, text: &str) {
    let button = "document.getElementById('arrivals')";
    browser.until(&format!("{button}.innerText === '{text}' && !{button}.hidden")).await;
}

/// Sends fifty events to the front page, a post's page and the board of notes.
async fn nothing_moves_at(width: u32, is_signed_in: bool) {
    let Some(browser) = Browser::start_in(width, 800).await else { return };
    let site = Site::start().await;
    if is_signed_in {
        browser.open(&site, "/register").await;
        browser.fill("#register-username", "ada").await;
        browser.fill("#register-password", "correct horse").await;
        browser.send("form.write button").await;
        browser.until("document.querySelector('#signed-in')").await;
    }
    for number in 0..8 {
        site.new_post(&format!("Post {number}")).await;
        site.new_note(&format!("Note {number}")).await;
        site.new_comment(1, &format!("Comment {number}")).await;
    }

    browser.open(&site, "/").await;
    browser.until_live().await;
    browser.run(WATCH).await;
    for number in 0..20 {
        site.new_post(&format!("New post {number}")).await;
        let title =
            json!({"title": format!("Post 7, for the {number}th time, which takes more room")});
        site.patch("/api/posts/8", &title).await.json(200);
    }
    for id in 1..=8 {
        site.delete(&format!("/api/posts/{id}")).await.json(204);
    }
    for id in 9..=10 {
        site.patch(&format!("/api/posts/{id}"), &json!({"status": "archived"})).await.json(200);
    }
    until_waiting(&browser, "18 new posts").await;
    browser.until("document.querySelectorAll('#posts .gone').length >= 1").await;
    browser.until("!document.getElementById('post-8') && !document.getElementById('post-1')").await;
    is_still(&browser, &format!("the front page at {width}")).await;

    let post = site.new_post("Talked about").await["id"].as_i64().unwrap();
    for number in 0..4 {
        site.new_comment(post, &format!("Comment {number}")).await;
    }
    browser.open(&site, &format!("/posts/{post}")).await;
    browser.until_live().await;
    browser.run(WATCH).await;
    browser.type_in("#comment-body", "half a th").await;
    let field = "return document.activeElement.getBoundingClientRect().top";
    let place = browser.run(field).await.as_f64().unwrap();
    for number in 0..20 {
        site.new_comment(post, &format!("New comment {number}")).await;
    }
    for id in 13..=20 {
        let better = json!({"body": "Said\n\nbetter\n\nand\n\nlonger"});
        site.put(&format!("/api/comments/{id}"), &better).await.json(200);
    }
    for number in 0..20 {
        let title = json!({"title": format!("Talked about {number}")});
        site.patch(&format!("/api/posts/{post}"), &title).await.json(200);
    }
    site.delete("/api/comments/9").await.json(204);
    site.delete("/api/comments/10").await.json(204);
    browser.until("document.title.startsWith('Talked about 19')").await;
    browser.until("!document.getElementById('comment-10')").await;
    is_still(&browser, &format!("a post's page at {width}")).await;
    // Browsers scroll by whole pixels.
    let moved = browser.run(field).await.as_f64().unwrap() - place;
    assert!(moved.abs() < 1.0, "the field being typed in has moved by {moved} px");

    browser.open(&site, "/notes").await;
    browser.until_live().await;
    browser.run(WATCH).await;
    for number in 0..42 {
        site.new_note(&format!("New note {number}")).await;
    }
    for id in 1..=8 {
        site.delete(&format!("/api/notes/{id}")).await.json(204);
    }
    until_waiting(&browser, "42 new notes").await;
    browser.until("!document.getElementById('note-8')").await;
    is_still(&browser, &format!("the notes at {width}")).await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn fifty_events_move_nothing_and_ask_for_nothing_on_a_small_phone() {
    nothing_moves_at(320, true).await;
}

#[actix_web::test]
async fn fifty_events_move_nothing_and_ask_for_nothing_on_a_phone() {
    nothing_moves_at(390, false).await;
}

#[actix_web::test]
async fn fifty_events_move_nothing_and_ask_for_nothing_on_a_tablet() {
    nothing_moves_at(640, false).await;
}

#[actix_web::test]
async fn fifty_events_move_nothing_and_ask_for_nothing_on_a_desktop() {
    nothing_moves_at(1280, true).await;
}

#[actix_web::test]
async fn new_posts_wait_and_come_with_one_key() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Already here").await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    site.new_post("Second").await;
    site.new_post("Third").await;
    until_waiting(&browser, "2 new posts").await;
    let shown = "return document.getElementById('posts').innerText.includes('Second')";
    assert_eq!(browser.run(shown).await, json!(false));
    browser
        .until("document.getElementById('announcer').textContent.startsWith('2 new posts')")
        .await;
    // The count follows changes and deletions of waiting posts.
    site.patch("/api/posts/2", &json!({"title": "Second, changed"})).await.json(200);
    site.delete("/api/posts/3").await.json(204);
    until_waiting(&browser, "1 new post").await;
    browser.press("n").await;
    browser.until("document.getElementById('posts').innerText.includes('Second, changed')").await;
    browser.until("document.getElementById('arrivals').hidden").await;
    let focused = browser.run("return document.activeElement.textContent").await;
    assert_eq!(focused, json!("Second, changed"));
    let order = "return [...document.querySelectorAll('#posts > *')].map((item) => item.id)";
    assert_eq!(browser.run(order).await, json!(["post-2", "post-1"]));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn the_focus_ends_on_the_newest_of_more_posts_than_can_wait() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Already here").await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    for number in 2..=300 {
        site.new_post(&format!("Post {number}")).await;
    }
    until_waiting(&browser, "More than 100 new posts").await;
    browser.click("#arrivals").await;
    // The post that is focused first is not among those that are fetched.
    browser.until("!document.getElementById('post-2')").await;
    browser.until("document.activeElement.textContent === 'Post 300'").await;
    browser.until("document.getElementById('arrivals').hidden").await;
    let waiting = "return document.querySelectorAll('#posts > [data-waiting]').length";
    assert_eq!(browser.run(waiting).await, json!(0));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_thread_is_not_called_empty_while_a_comment_waits() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Talked about").await;
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    browser.run(WATCH).await;
    let is_called_empty = "document.querySelector('.comments').innerText.includes('No comments')";
    browser.until(is_called_empty).await;
    site.new_comment(1, "First").await;
    until_waiting(&browser, "1 new comment").await;
    assert_eq!(browser.run(&format!("return {is_called_empty}")).await, json!(false));
    is_still(&browser, "a comment that waits").await;
    site.delete("/api/comments/1").await.json(204);
    browser.until(is_called_empty).await;
    is_still(&browser, "a comment that does not wait any more").await;
    site.new_comment(1, "Second").await;
    until_waiting(&browser, "1 new comment").await;
    browser.click("#arrivals").await;
    browser.until("document.querySelector('#comments').innerText.includes('Second')").await;
    assert_eq!(browser.run("return document.querySelector('.comments .empty')").await, Value::Null);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn the_focus_stays_where_a_focused_card_was() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Stays").await;
    site.new_post("Goes").await;
    browser.open(&site, "/").await;
    browser.until_live().await;
    browser.run("document.querySelector('#post-2 h2 a').focus()").await;
    site.delete("/api/posts/2").await.json(204);
    browser.until("document.activeElement.innerText === 'This post was deleted.'").await;
    assert_eq!(browser.run("return document.body.innerText.includes('Goes')").await, json!(false));
    drop(browser);
    site.stop().await;
}

/// Paragraphs of a few lines each.
fn text(paragraphs: std::ops::Range<usize>) -> String {
    let paragraph =
        |number| format!("Paragraph {number}. {}", "Some more words of it. ".repeat(20));
    paragraphs.map(paragraph).collect::<Vec<_>>().join("\n\n")
}

#[actix_web::test]
async fn an_edit_keeps_the_paragraph_being_read_in_its_place_and_is_fetched_once() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let post = json!({"title": "Long", "body": text(0..30)});
    site.post("/api/posts", &post).await.json(201);
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    browser.run(WATCH).await;
    browser.run("window.read = document.querySelectorAll('.prose > p')[15]").await;
    browser.run("window.read.scrollIntoView({ block: 'start' })").await;
    let place = "return Math.round(window.read.getBoundingClientRect().top)";
    let before = browser.run(place).await;
    // Three changes at once need only one request for the text.
    for body in ["one", "two"] {
        site.patch("/api/posts/1", &json!({"body": body})).await.json(200);
    }
    let changed = format!("New above.\n\n{}\n\nNew below.", text(0..30));
    site.patch("/api/posts/1", &json!({"body": changed})).await.json(200);
    browser.until("document.querySelector('.prose').innerText.startsWith('New above.')").await;
    browser.until("document.querySelector('.prose').innerText.trim().endsWith('New below.')").await;
    assert_eq!(browser.run("return window.read.isConnected").await, json!(true));
    assert_eq!(browser.run(place).await, before, "the paragraph being read has moved");
    let asked = browser.run(ASKED).await.as_i64().unwrap();
    // The first may be requested before the last is written.
    assert!((1..=2).contains(&asked), "{asked} requests");
    let shift = moved(&browser).await;
    assert!(shift < 0.005, "a layout shift of {shift}");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn an_edit_keeps_the_paragraph_being_read_among_repeated_blocks() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let section =
        |n| format!("## Part {n}\n\nIntro\n\n---\n\n```\nsome code\n```\n\nOutro {n}\n\n---\n\n");
    let body: String = (0..15).map(section).collect();
    let post = json!({"title": "Rules", "body": format!("{body}The end.")});
    site.post("/api/posts", &post).await.json(201);
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    let read = "window.read = [...document.querySelectorAll('.prose > p')]\
                .find((it) => it.textContent === 'Outro 8')";
    browser.run(read).await;
    browser.run("window.read.scrollIntoView({ block: 'start' })").await;
    browser.run("window.code = document.querySelectorAll('.prose > pre')[8]").await;
    let place = "return Math.round(window.read.getBoundingClientRect().top)";
    let before = browser.run(place).await;
    let changed = format!("Update.\n\n---\n\n{body}The new end.");
    site.patch("/api/posts/1", &json!({"body": changed})).await.json(200);
    browser.until("document.querySelector('.prose').innerText.includes('The new end.')").await;
    let state =
        "return [window.read.isConnected, window.read.textContent, window.code.isConnected]";
    assert_eq!(browser.run(state).await, json!([true, "Outro 8", true]));
    assert_eq!(browser.run(place).await, before, "the paragraph being read has moved");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_late_response_with_an_older_text_does_not_replace_a_newer_one() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("A post").await;
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    // The first response is late, and the page must not send another request in between.
    browser
        .run(
            "window.asked = 0;
             window.ask = window.fetch;
             Math.random = () => 0;
             window.fetch = async (...of) => {
               const answer = await window.ask(...of);
               if (!`${of[0]}`.includes('/body') || ++window.asked > 1) return answer;
               await new Promise((go) => { window.go = go; });
               const text = await answer.text();
               answer.text = async () => (window.came = true, text);
               return answer;
             };",
        )
        .await;
    site.put("/api/posts/1", &json!({"body": "The first change."})).await.json(200);
    browser.until("window.go").await;
    site.put("/api/posts/1", &json!({"body": "The second change.", "title": "Second"})).await;
    browser.until("document.title.startsWith('Second')").await;
    // The response to a second request would have arrived before this one.
    browser.run("window.ask('/posts/1/body').then(() => window.go())").await;
    let text = "document.querySelector('.prose').textContent";
    browser.until(&format!("window.came && {text}.includes('The second change.')")).await;
    assert_eq!(browser.run("return window.asked").await, 2);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_thread_that_becomes_long_does_not_move_the_comment_being_read() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    site.new_post("Talked about at length").await;
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    let shown = "document.querySelectorAll('#comments > :not([data-waiting])').length";
    for number in 0..195 {
        // The first ones wait, because they would be in view.
        if number == 20 {
            until_waiting(&browser, "20 new comments").await;
            browser.click("#arrivals").await;
        }
        site.new_comment(1, &format!("Comment {number}\n\n{}", "A line.\n\n".repeat(8))).await;
    }
    browser.until(&format!("{shown} === 195")).await;
    browser.run("document.getElementById('comment-150').scrollIntoView()").await;
    let place = "return Math.round(document.getElementById('comment-150')\
                 .getBoundingClientRect().top)";
    let before = browser.run(place).await;
    for number in 195..210 {
        site.new_comment(1, &format!("Comment {number}")).await;
    }
    browser.until("document.querySelectorAll('#comments > *').length === 210").await;
    browser.until("'long' in document.querySelector('#comments').dataset").await;
    // Two frames later everything is laid out.
    let frames = "return new Promise((done) => requestAnimationFrame(() => \
                  requestAnimationFrame(() => setTimeout(done))))";
    browser.run(frames).await;
    assert_eq!(browser.run(place).await, before, "the comment being read has moved");
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_thread_keeps_the_comments_that_its_reader_loaded() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start_with(ends_soon).await;
    site.new_post("Talked about").await;
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    for number in 0..50 {
        site.new_comment(1, &format!("Comment {number}")).await;
    }
    until_waiting(&browser, "50 new comments").await;
    browser.click("#arrivals").await;
    browser
        .until("document.querySelectorAll('#comments > :not([data-waiting])').length === 50")
        .await;
    browser.run("window.mark = document.getElementById('comment-50')").await;
    // So many events happen while it is offline that the page is fetched again.
    let port = site.port;
    let elsewhere = Site::start_in(site.stop_keeping_data().await, ends_soon).await;
    for number in 0..=200 {
        let title = json!({"title": format!("Talked about {number} times")});
        elsewhere.patch("/api/posts/1", &title).await.json(200);
    }
    let site = Site::start_in(elsewhere.stop_keeping_data().await, |config| {
        ends_soon(config);
        config.bind.set_port(port);
    })
    .await;
    browser.until("document.querySelector('h1').textContent === 'Talked about 200 times'").await;
    let shown = browser.run("return document.querySelectorAll('#comments > *').length").await;
    assert_eq!(shown, json!(50));
    assert_eq!(browser.run("return window.mark.isConnected").await, Value::Bool(true));
    drop(browser);
    site.stop().await;
}
