//! Turns for expensive work: how much runs at once, and the refusals of waiting requests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use actix_web::http::Method;
use actix_web::rt::task::JoinHandle;
use futures_util::future::{Either, join, join_all, select};
use kilonova::config::Access;
use kilonova::db;
use kilonova::turns::WorksFor;
use serde_json::json;

use crate::support::{Answer, PATIENCE, Raw, Site, within};

fn assert_busy(answer: &Answer) {
    answer.error(503);
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
}

#[actix_web::test]
async fn pages_wait_for_a_turn_and_are_refused_after_a_timeout() {
    let site = Site::start_with(|config| config.max_renderings = 1).await;
    site.new_post("A page").await;
    let page = async || {
        Raw::connect(&site)
            .await
            .ask("GET", "/posts/1-a-page", &[("Accept", "application/json")], b"")
            .await
    };
    let state = site.state();
    let turn = state.renderings.turns().take(PATIENCE).await.unwrap();
    let waits = async {
        let answer = page().await;
        assert_eq!(answer.status, 200);
    };
    let frees = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(turn);
    };
    join(waits, frees).await;
    let _turn = state.renderings.turns().take(PATIENCE).await.unwrap();
    assert_busy(&page().await);
    // The API renders no pages.
    site.get("/api/posts/1").await.json(200);
    site.stop().await;
}

/// A site behind a proxy, which names the client's address.
async fn proxied() -> Site {
    Site::start_with(|config| {
        config.access = Access::Accounts;
        config.max_renderings = 2;
        config.reach.hosts.push("localhost".to_owned());
        config.reach.trusted.push("127.0.0.0/8".parse().unwrap());
    })
    .await
}

async fn ask_from(site: &Site, address: &str, path: &str) -> Answer {
    let headers =
        [("Host", "localhost"), ("X-Forwarded-For", address), ("Accept", "application/json")];
    Raw::connect(site).await.ask("GET", path, &headers, b"").await
}

#[actix_web::test]
async fn one_address_cannot_use_up_the_turns_for_rendering() {
    let site = proxied().await;
    let state = site.state();
    let [first, second] = ["192.0.2.1", "192.0.2.2"];
    let holds = WorksFor::Client(Some(first.parse().unwrap()));
    let _turn = holds.run(state.renderings.turns().take(PATIENCE)).await.unwrap();
    {
        let waits = std::pin::pin!(ask_from(&site, first, "/"));
        let passes = async { assert_eq!(ask_from(&site, second, "/").await.status, 200) };
        match select(waits, std::pin::pin!(passes)).await {
            Either::Left((answer, _)) => panic!("out of turn: {}", answer.status),
            Either::Right(((), waits)) => assert_busy(&waits.await),
        }
    }
    site.stop().await;
}

#[actix_web::test]
async fn pages_that_wait_for_a_turn_have_not_read_the_database() {
    let site = Site::start_with(|config| config.max_renderings = 1).await;
    site.new_post("Before").await;
    let state = site.state();
    let turn = state.renderings.turns().take(PATIENCE).await.unwrap();
    let address = ([127, 0, 0, 1], site.port).into();
    let mut pages = Vec::new();
    for _ in 0..24 {
        let mut client = Raw::connect_to(address).await;
        pages.push(actix_web::rt::spawn(async move {
            let answer = client.ask("GET", "/", &[("Accept", "text/html")], b"").await;
            String::from_utf8(answer.body.to_vec()).unwrap()
        }));
    }
    for _ in 0..50 {
        site.get("/api/posts").await.json(200);
    }
    site.put("/api/posts/1", &json!({"title": "After"})).await.json(200);
    drop(turn);
    let mut before = 0;
    for page in pages {
        let page = page.await.unwrap();
        before += usize::from(page.contains(">Before<"));
        assert!(page.contains(">Before<") || page.contains(">After<"), "{page}");
    }
    assert!((1..=4).contains(&before), "{before} pages read the database before their turn");
    site.stop().await;
}

/// Reads of the database that last until `end`.
struct Held {
    reads: Vec<JoinHandle<Result<(), db::Error>>>,
    begun: Arc<AtomicUsize>,
    end: mpsc::Sender<()>,
}

impl Held {
    /// Starts `count` reads on behalf of `who`, and waits until four of them have begun.
    async fn start(site: &Site, who: WorksFor, count: usize) -> Held {
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let begun = Arc::<AtomicUsize>::default();
        let reads = (0..count).map(|_| {
            let (ended, begun) = (Arc::clone(&ended), Arc::clone(&begun));
            let db = site.state().db.clone();
            let read = async move {
                db.read(move |_| {
                    begun.fetch_add(1, Ordering::SeqCst);
                    // Blocks until the sender is dropped.
                    let _closed = ended.lock().unwrap().recv();
                    Ok::<_, db::Error>(())
                })
                .await
            };
            actix_web::rt::spawn(who.run(read))
        });
        let held = Held { reads: reads.collect(), begun, end };
        let filled = async {
            while held.begun() < 4 {
                actix_web::rt::task::yield_now().await;
            }
        };
        within("reads have begun", filled).await;
        held
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// Ends the reads and returns the result of each.
    async fn end(self) -> Vec<Result<(), db::Error>> {
        drop(self.end);
        let ended = join_all(self.reads).await;
        ended.into_iter().map(Result::unwrap).collect()
    }
}

#[actix_web::test]
async fn requests_of_strangers_do_not_use_the_nodes_own_reads() {
    let site = proxied().await;
    let held = Held::start(&site, WorksFor::Node, 8).await;
    let cookie = format!("kilonova_session={}", "ab".repeat(32));
    for headers in [vec![], vec![("Cookie", &*cookie)]] {
        let own =
            [("Host", "localhost"), ("X-Forwarded-For", "192.0.2.1"), ("Accept", "text/html")];
        let headers = [&own[..], &headers[..]].concat();
        let begun = Instant::now();
        let asked = async { Raw::connect(&site).await.ask("GET", "/nowhere", &headers, b"").await };
        assert_eq!(asked.await.status, 404, "it waits for the node's own reads");
        assert!(begun.elapsed() < Duration::from_secs(4), "it waits for the node's own reads");
    }
    // The last reads may have timed out, so their results do not count.
    drop(held.end().await);
    site.stop().await;
}

#[actix_web::test]
async fn reads_of_one_address_block_neither_others_nor_the_node() {
    let site = proxied().await;
    let [first, second] = ["192.0.2.1", "192.0.2.2"];
    let who = WorksFor::Client(Some(first.parse().unwrap()));
    let held = Held::start(&site, who, 40).await;
    let answer = within("another's list", ask_from(&site, second, "/api/posts")).await;
    assert_eq!(answer.status, 200);
    let ready = within("the node's own read", ask_from(&site, first, "/health/ready")).await;
    assert_eq!(ready.status, 200);
    assert_eq!(held.begun(), 4, "an address must have half of the reads");
    for read in held.end().await {
        read.unwrap();
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_crowd_with_wrong_passwords_prevents_nobody_from_signing_in() {
    let site = Site::start().await;
    let sign_in = |name: String, password: &str| {
        let fields = json!({"username": name, "password": password}).to_string();
        let json = ("content-type", "application/json");
        let site = &site;
        async move {
            let body = actix_web::web::Bytes::from(fields);
            site.send(Method::POST, "/api/session", &[json], body).await.status
        }
    };
    for n in 0..8 {
        let user = json!({"username": format!("user{n}"), "password": "correct horse"});
        site.post("/api/users", &user).await.json(201);
    }
    let crowd = (0..90).map(|n| sign_in(format!("nobody{n}"), "wrong password"));
    let rightful = (0..8).map(|n| sign_in(format!("user{n}"), "correct horse"));
    let (crowd, rightful) = join(join_all(crowd), join_all(rightful)).await;
    assert!(crowd.iter().all(|&status| status == 401), "{crowd:?}");
    assert!(rightful.iter().all(|&status| status == 201), "{rightful:?}");
    site.stop().await;
}

#[actix_web::test]
async fn passwords_beyond_the_queue_are_refused() {
    let site = Site::start_with(|config| config.accounts.passwords_waiting = 2).await;
    let guess = |n: usize| {
        let site = &site;
        async move {
            let fields = json!({"username": format!("nobody{n}"), "password": "wrong"});
            site.post("/api/session", &fields).await
        }
    };
    let answers = join_all((0..40).map(guess)).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 401).collect();
    assert!(!refused.is_empty() && refused.len() < answers.len(), "{}", refused.len());
    refused.into_iter().for_each(assert_busy);
    site.stop().await;
}
