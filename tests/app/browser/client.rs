//! The page printed in `docs/client.md`, unchanged except for the address, on a site other than the
//! server's.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::json;

use super::{Browser, Scripts};
use crate::crash::{Server, serve};
use crate::databases::Home;

const DOCUMENT: &str = include_str!("../../../docs/client.md");

/// Serves this one page on a port, as another site.
pub(super) fn publish(port: u16, page: String) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 8192];
            drop(stream.read(&mut head));
            drop(write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{page}",
                page.len()
            ));
        }
    });
}

#[actix_web::test]
async fn the_documented_page_survives_a_kill_of_the_server() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let own = kilonova_test::free_port();
    let (_, page) = DOCUMENT.split_once("```html\n").unwrap();
    let (page, _) = page.split_once("```").unwrap();
    let site = format!("http://localhost:{own}");
    assert_eq!(page.matches("http://localhost:8080").count(), 1);
    let other = kilonova_test::free_port();
    publish(other, page.replace("http://localhost:8080", &site));

    let home = Home::new();
    let start = async || {
        let mut command = serve(&home, &format!("127.0.0.1:{own}"));
        command.args(["--allow-origin", &format!("http://localhost:{other}")]);
        tokio::task::spawn_blocking(|| Server::of(command)).await.unwrap()
    };
    let write = |server: &Server, title: &str| {
        let post = json!({"title": title, "body": "b"});
        assert_eq!(server.call("POST", "/api/posts", Some(&post)).0, 201);
    };
    let server = start().await;
    write(&server, "First");
    browser.open_at(&format!("http://localhost:{other}/")).await;
    browser.until("document.querySelector('#state').textContent === 'live'").await;
    let shown =
        "[...document.querySelectorAll('#posts li')].map((item) => item.textContent).join()";
    browser.until(&format!("{shown} === 'First'")).await;
    write(&server, "Second");
    browser.until(&format!("{shown} === 'Second,First'")).await;
    server.signal("KILL");
    server.ended();
    browser.until("document.querySelector('#state').textContent === 'reconnecting'").await;
    let server = start().await;
    write(&server, "Third");
    assert_eq!(server.call("DELETE", "/api/posts/1", None).0, 204);
    browser.until(&format!("{shown} === 'Third,Second'")).await;
    browser.until("document.querySelector('#state').textContent === 'live'").await;
}

/// A page with the client, a connection that only this test speaks on, and the loads of the lists
/// that the client asked for.
fn page_with_loads() -> String {
    let client = include_str!("../../../client/client.js").replace("\nexport ", "\n");
    format!(
        "<!doctype html><script type=module>{client}
         window.sockets = [];
         window.WebSocket = class {{ constructor() {{ sockets.push(this); }} close() {{}} }};
         Object.assign(window, {{ seen: [], loads: [], say: (event, id) =>
           sockets[0].onmessage({{ data: JSON.stringify({{ event, id }}) }}) }});
         window.feed = follow({{ url: 'http://localhost/feed', 
           onEvent({{ id }}) {{ if (window.fails === id) throw new Error('no'); seen.push(id); }},
           onResync: () => new Promise((resolve, reject) => loads.push({{ resolve, reject }})) }});
         </script>"
    )
}

#[actix_web::test]
async fn events_wait_until_the_lists_are_loaded_after_a_resync() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let port = kilonova_test::free_port();
    publish(port, page_with_loads());
    browser.open_at(&format!("http://localhost:{port}/")).await;
    browser.until("window.feed").await;
    browser.run("say('resync', 10); say('x', 11); say('x', 12); say('position', 13)").await;
    assert_eq!(browser.run("return [seen, loads.length]").await, json!([[], 1]));
    browser.run("loads[0].resolve({ lastEventId: 11, log: 'another' })").await;
    browser.until("seen.length").await;
    let state = "return [seen.splice(0), feed.log, feed.lastEventId]";
    assert_eq!(browser.run(state).await, json!([[12], "another", 13]));
    // The lists may be newer than the connection.
    browser.run("say('resync', 14); say('x', 15); loads[1].resolve({ lastEventId: 17 })").await;
    browser.until("feed.lastEventId === 17").await;
    browser.run("say('x', 16); say('x', 17); say('x', 18)").await;
    assert_eq!(browser.run("return seen.splice(0)").await, json!([18]));
    // More than it holds: the lists are loaded again.
    browser.run("say('resync', 20); for (let id = 21; id < 2000; id += 1) say('x', id)").await;
    browser.run("loads[2].resolve()").await;
    browser.until("loads.length === 4").await;
    browser.run("say('x', 2000); loads[3].resolve()").await;
    browser.until("seen.length").await;
    assert_eq!(browser.run("return seen.splice(0)").await, json!([2000]));
    // A failed load is repeated, and keeps the events that it held.
    browser.run("say('resync', 3000); say('x', 3001); loads[4].reject(new Error('down'))").await;
    browser.until("loads.length === 6").await;
    browser.run("say('x', 3002); loads[5].resolve()").await;
    browser.until("seen.length").await;
    assert_eq!(browser.run("return seen.splice(0)").await, json!([3001, 3002]));
    // A load that a second resync overtook, and a caller that fails at one event.
    browser.run("say('resync', 4000); say('x', 4001); say('resync', 5000); say('x', 5001)").await;
    browser.run("loads[6].resolve(); say('x', 5002); return Promise.resolve()").await;
    assert_eq!(browser.run("return seen").await, json!([]));
    browser.run("window.fails = 5001; loads[7].resolve()").await;
    browser.until("seen.length").await;
    assert_eq!(browser.run("return seen").await, json!([5002]));
}
