//! The admins' page with the state of the nodes.

use kilonova::config::Access;
use kilonova_test::postgres::Cluster;
use serde_json::{Value, json};

use super::{Browser, Scripts};
use crate::crash::{Server, serve};
use crate::databases::Home;
use crate::support::{Site, links};

/// The current value of a plot, with each node's name.
fn plotted(title: &str) -> String {
    format!(
        "[...document.querySelectorAll('.plot')].find((plot) => \
         plot.firstElementChild.textContent === {}).querySelector('ul').innerText",
        json!(title)
    )
}

/// The number of the first node in a row of the table.
fn listed(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('#now tr')].find((row) => \
         row.cells[0].textContent === {}).cells[1].textContent",
        json!(name)
    )
}

#[actix_web::test]
async fn plots_and_numbers_change_while_somebody_watches() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start_with(|config| config.node = "node-1".to_owned()).await;
    browser.open(&site, "/admin").await;
    browser.until_live().await;
    browser.until(&format!("/node-1\\s+1$/.test({})", plotted("Open sockets"))).await;
    let points = "return document.querySelector('.plot polyline').getAttribute('points')";
    let before = browser.run(points).await;
    let mut readers = Vec::new();
    for _ in 0..5 {
        readers.push(site.socket("/notifications").await);
    }
    browser.until(&format!("/node-1\\s+6$/.test({})", plotted("Open sockets"))).await;
    browser.until(&format!("{} === '6'", listed("WebSockets"))).await;
    assert_ne!(browser.run(points).await, before);
    // A plot has a text for screen readers.
    let said = "document.querySelector('.plot svg').getAttribute('aria-label')";
    browser.until(&format!("{said} === 'Open sockets, the last two minutes; now node-1 6'")).await;
    // Rates are available from the second sample.
    site.new_note("Counted").await;
    browser.until(&format!("Number({}) >= 1", listed("Events written"))).await;
    browser.until_text("Indexing new note: Counted").await;
    browser.until("document.querySelector('#channels').innerText.includes('notes')").await;
    for width in [320, 390, 1280] {
        browser.show_at(width, 800, "light").await;
        let wide = "return document.documentElement.scrollWidth > innerWidth";
        assert_eq!(browser.run(wide).await, json!(false), "{width}");
    }
    drop(readers);
    browser.until(&format!("{} === '1'", listed("WebSockets"))).await;
    drop(browser);
    site.stop().await;
}

/// Records this node's last sample.
const LISTEN: &str = "window.last = null; document.addEventListener('sample', ({ detail }) => { \
                      if (detail.node === 'node-1') window.last = detail; })";

#[actix_web::test]
async fn a_page_keeps_two_minutes_of_a_bounded_number_of_nodes() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start_with(|config| config.node = "node-1".to_owned()).await;
    browser.open(&site, "/admin").await;
    browser.run(LISTEN).await;
    browser.until("window.last").await;
    let flood = "for (let n = 0; n < 100; n += 1) for (let m = 0; m < 5; m += 1) \
        document.dispatchEvent(new CustomEvent('sample', { detail: \
            { ...window.last, node: `other-${n}`, uptime_ms: m * 1000 } }))";
    browser.run(flood).await;
    browser.until("document.querySelector('.plot ul').children.length === 32").await;
    let long = "for (let m = 0; m < 500; m += 1) document.dispatchEvent(new CustomEvent('sample', \
        { detail: { ...window.last, node: 'other-1', uptime_ms: m * 1000 } }))";
    browser.run(long).await;
    // Two readers on two nodes are two, even if they look alike.
    let slow = "const slow_readers = [{ at: '2026-01-01T00:00:00Z', transport: 'websocket', \
        channels: ['notes'], stalled_ms: 10000 }]; \
        for (const node of ['other-1', 'other-2']) document.dispatchEvent(new CustomEvent( \
        'sample', { detail: { ...window.last, node, uptime_ms: 1000, slow_readers } }))";
    browser.run(slow).await;
    browser.until("document.querySelectorAll('#slow li').length === 2").await;
    let most = "Math.max(...[...document.querySelectorAll('.plot polyline')]\
        .map((line) => line.getAttribute('points').split(' ').length))";
    browser.until(&format!("{most} === 120")).await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn without_scripts_the_page_shows_the_node_that_answers() {
    let Some(browser) = Browser::start(Scripts::Off).await else { return };
    let site = Site::start_with(|config| config.node = "node-1".to_owned()).await;
    let reader = site.socket("/notifications").await;
    browser.open(&site, "/admin").await;
    browser.until(&format!("{} === '1'", listed("WebSockets"))).await;
    browser.until_text("The state of this node when the page was loaded.").await;
    assert_eq!(browser.run("return document.querySelector('#plots').hidden").await, json!(true));
    reader.close().await;
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn an_admin_has_the_page_in_the_menu_until_the_role_ends() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start_with(|config| {
        config.access = Access::Accounts;
        config.registration = kilonova::config::Registration::Open;
    })
    .await;
    for name in ["ann", "boss"] {
        let account = json!({"username": name, "password": "correct horse"});
        site.post("/api/users", &account).await.json(201);
        crate::access::set_role(&site, name, "admin");
    }
    let account = json!({"username": "boss", "password": "correct horse"});
    let boss = crate::access::session_cookie(&site.post("/api/session", &account).await);
    browser.open(&site, "/login?next=/admin").await;
    browser.fill("#login-username", "ann").await;
    browser.fill("#login-password", "correct horse").await;
    browser.send("form.write button").await;
    browser.until_at("/admin").await;
    browser.until_live().await;
    browser.until("document.querySelector('.account a[href=\"/admin\"][aria-current]')").await;
    let headers = [("content-type", "application/json"), ("cookie", boss.as_str())];
    let role = actix_web::web::Bytes::from_static(br#"{"role":"member"}"#);
    let path = "/api/users/ann";
    site.send(actix_web::http::Method::PATCH, path, &headers, role).await.json(200);
    browser.until("!document.querySelector('#now')").await;
    let has_link = "return Boolean(document.querySelector('.account a[href=\"/admin\"]'))";
    assert_eq!(browser.run(has_link).await, json!(false));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn a_node_that_was_killed_is_shown_as_gone() {
    let Some(postgres) = Cluster::start(&[]) else { return };
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let home = Home::on(&postgres.url());
    let [own, other] = <[_; 2]>::try_from(links(2)).unwrap();
    let second = home.another_node();
    let site = Site::start_in(home, |config| {
        config.node = "stays".to_owned();
        config.cluster = Some(own);
    })
    .await;
    let mut command = serve(&second, "127.0.0.1:0");
    command.args(["--node", "goes", "--cluster-secret", "the nodes of a test"]);
    command.args(["--cluster-listen", &other.listen[0].to_string()]);
    command.args(["--cluster-connect", &other.connect[0].to_string()]);
    let killed = actix_web::web::block(move || Server::of(command)).await.unwrap();
    browser.open(&site, "/admin").await;
    let head =
        "[...document.querySelectorAll('#now thead th')].map((it) => it.textContent).join(' ')";
    browser.until(&format!("{head} === 'Node goes stays'")).await;
    // Each node indexes the note, and the page shows that once.
    site.new_note("Shared").await;
    let lines = "[...document.querySelectorAll('#indexer li')].map((it) => it.innerText)\
        .filter((it) => it.includes('Indexing new note: Shared'))";
    browser.until(&format!("{lines}.length === 1 && /goes, stays/.test({lines}[0])")).await;
    killed.signal("KILL");
    browser.until(&format!("{head} === 'Node goes (gone) stays'")).await;
    browser
        .until(&format!("/goes\\s+gone\\s+stays\\s+1$/.test({})", plotted("Open sockets")))
        .await;
    let told = browser.run("return document.querySelector('#announcer').textContent").await;
    assert_eq!(told, Value::from("goes is gone"));
    drop(browser);
    drop(killed);
    site.stop().await;
}
