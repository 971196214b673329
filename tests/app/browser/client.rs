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
