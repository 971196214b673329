//! Takes screenshots of the pages, for review, in `target/pictures`:
//!
//!     cargo test --test app -- --ignored browser::pictures

use std::path::Path;

use chrono::{TimeDelta, Utc};
use kilonova::config::Access;
use serde_json::json;

use super::{Browser, Scripts};
use crate::support::Site;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/pictures");
const LOOKS: [(&str, u32, u32, &str); 4] = [
    ("phone-light", 390, 844, "light"),
    ("phone-dark", 390, 844, "dark"),
    ("desktop-light", 1280, 900, "light"),
    ("desktop-dark", 1280, 900, "dark"),
];

/// The newest post's text.
const TEXT: &str = "Every open page of this site is a process that joined a channel. A write tells \
    the channel, and the page changes while you read it.\n\n## Joining\n\nA session is an actor. It \
    joins the channels that its reader follows and leaves them with its socket:\n\n```rust\nimpl \
    Actor for Session {\n    type Context = Context<Self>;\n\n    fn started(&mut self, ctx: &mut \
    Self::Context) {\n        ctx.join(&self.pubsub, \"posts\"); // and hears of each post\n    \
    }\n}\n```\n\n> [!TIP]\n> A member that joins twice gets each message twice, as in OTP.\n\n## \
    Broadcasting\n\n| call | reaches |\n|---|---|\n| `broadcast` | all nodes |\n| `local_broadcast` | \
    this node |\n\nWhat was missed during a lost connection is replayed.";

/// Age in minutes, title, text and tags, oldest first.
const POSTS: [(i64, &str, &str, &[&str]); 4] = [
    (
        60 * 24 * 40,
        "A month of one binary",
        "One process, one folder, one backup. What we gave up by \
      leaving three services behind, and why nobody has asked for them back.",
        &["operations"],
    ),
    (
        60 * 24 * 6,
        "Reading pg.erl",
        "OTP's process groups fit into seven hundred lines. We read \
      them line by line, and found out what a netsplit does to a list of members.",
        &["erlang", "pubsub"],
    ),
    (
        60 * 26,
        "Ordering is a promise",
        "Positions without a gap, in the order of commits: what \
      that costs, and how a reader that comes back finds its place.",
        &["pubsub", "databases"],
    ),
    (12, "Pages that change while you read them", TEXT, &["pubsub", "rust"]),
];

async fn write_down(browser: &Browser, name: &str) {
    std::fs::create_dir_all(FOLDER).unwrap();
    for (look, width, height, theme) in LOOKS {
        browser.show_at(width, height, theme).await;
        let picture = browser.picture().await;
        std::fs::write(Path::new(FOLDER).join(format!("{name}-{look}.png")), picture).unwrap();
    }
}

/// Simulates two more nodes from the samples of this one.
const NODES: &str = "document.addEventListener('sample', ({ detail }) => { \
    if (detail.node.startsWith('blog-')) return; \
    for (const [node, part] of [['blog-2', 2], ['blog-3.eu-west.example', 3]]) \
        document.dispatchEvent(new CustomEvent('sample', { detail: { ...detail, node, \
            websockets: Math.ceil(detail.websockets / part) + part, \
            deliveries: Math.ceil(detail.deliveries / part), relay_lag: part * 4, \
            memory_bytes: detail.memory_bytes / part + 2e7 * Math.random(), slow_readers: [ \
                { at: detail.started_at, transport: 'websocket', channels: ['posts', 'comments'], \
                  stalled_ms: 10000 }] } })); })";

#[actix_web::test]
#[ignore = "makes pictures"]
async fn of_every_state() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start_with(|config| {
        config.access = Access::Accounts;
        config.registration = kilonova::config::Registration::Open;
        config.registration_role = kilonova::models::user::Role::Member;
    })
    .await;
    let mut headers = Vec::new();
    for name in ["ann", "bob"] {
        let account = json!({"username": name, "password": "correct horse"});
        site.post("/api/users", &account).await.json(201);
        let answer = site.post("/api/session", &account).await;
        let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
        headers.push([("cookie", cookie.split(';').next().unwrap().to_owned())]);
    }
    let send = async |who: usize, path: &str, body: &serde_json::Value| {
        let [(name, cookie)] = &headers[who];
        let headers = [(*name, cookie.as_str()), ("content-type", "application/json")];
        let method = actix_web::http::Method::POST;
        site.send(method, path, &headers, body.to_string().into()).await.json(201)
    };
    browser.open(&site, "/login").await;
    browser.fill("#login-username", "ann").await;
    browser.fill("#login-password", "correct horse").await;
    browser.send("form.write button").await;
    browser.until_live().await;
    write_down(&browser, "empty").await;

    for (age, title, body, tags) in POSTS {
        let post = json!({"title": title, "body": body, "tags": tags});
        let id = send(0, "/api/posts", &post).await["id"].clone();
        let at = (Utc::now() - TimeDelta::minutes(age)).format("%Y-%m-%d %H:%M:%S%.6f");
        let set = format!(
            "UPDATE posts SET published_at = '{at}', inserted_at = '{at}', updated_at = '{at}' \
             WHERE id = {id}"
        );
        site.home().execute(&set);
    }
    for (who, body) in [
        (1, "Does a page that slept all night get everything?"),
        (0, "Yes: it names the **last position** that it has, and gets what came after."),
        (1, "Thanks. I closed the laptop in the middle of this thread to find out."),
    ] {
        send(who, "/api/posts/4/comments", &json!({"body": body})).await;
    }
    for (who, title, body) in [
        (
            0,
            "Release on Friday",
            "- [x] migrations\n- [ ] notes\n- [ ] tell \
        the list",
        ),
        (1, "Coffee", "Two kilos, the dark one."),
    ] {
        send(who, "/api/notes", &json!({"title": title, "body": body})).await;
    }
    for (name, path) in [
        ("front", "/"),
        ("post", "/posts/4"),
        ("notes", "/notes"),
        ("edit", "/posts/4/edit"),
        ("new", "/posts/new"),
        ("account", "/account"),
        ("search", "/search?q=pages"),
        ("archive", "/archive"),
        ("tags", "/tags"),
    ] {
        browser.open(&site, path).await;
        write_down(&browser, name).await;
    }
    browser.open(&site, "/posts/4").await;
    browser.until_live().await;
    browser.click(".dots > summary").await;
    write_down(&browser, "post-menu").await;
    browser.run("document.getElementById('comments-title').scrollIntoView()").await;
    write_down(&browser, "comments").await;

    site.home().execute("UPDATE users SET role = 'admin' WHERE folded_username = 'ann'");
    browser.open(&site, "/admin").await;
    browser.run(NODES).await;
    let mut readers = Vec::new();
    for number in 0..20_u32 {
        readers.push(site.socket("/feed").await);
        send(1, "/api/posts/4/comments", &json!({"body": format!("Number {number}.")})).await;
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(number) * 60)).await;
    }
    write_down(&browser, "nodes").await;
    browser.run("document.getElementById('now-title').scrollIntoView()").await;
    write_down(&browser, "nodes-now").await;
    browser.run("document.getElementById('channels-title').scrollIntoView()").await;
    write_down(&browser, "nodes-channels").await;
    drop(readers);

    browser.open(&site, "/posts/4/edit").await;
    site.home().execute(
        "UPDATE posts SET updated_at = '2026-01-01 00:00:00.000000', \
        body = 'Another text.' WHERE id = 4",
    );
    browser.type_in("#post-body", " One more line.").await;
    browser.send("form.write button").await;
    write_down(&browser, "conflict").await;

    browser.open(&site, "/").await;
    browser.until_live().await;
    browser.set_offline(true).await;
    browser.run("dispatchEvent(new Event('offline'))").await;
    browser.until("document.querySelector('#live').dataset.state === 'offline'").await;
    write_down(&browser, "offline").await;
    drop(browser);
    site.stop().await;
}
