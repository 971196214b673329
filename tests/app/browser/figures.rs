//! Measures pages in a real browser, for `benches/README.md`. Too slow and too dependent on the
//! machine to run for every change:
//!
//!     cargo test --release --test app -- --ignored --nocapture browser::figures

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Browser, Scripts};
use crate::support::Site;

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

#[expect(clippy::print_stdout, reason = "this is a measurement")]
fn report(name: &str, unit: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let at = |share: usize| values[(values.len() * share / 100).min(values.len() - 1)];
    println!("{name}: p50 {:.1}, p95 {:.1}, worst {:.1} {unit}", at(50), at(95), at(100));
}

/// Keeps the cores busy until it is dropped.
struct Load(Arc<AtomicBool>);

impl Load {
    fn on(cores: usize) -> Load {
        let ends = Arc::new(AtomicBool::new(false));
        for _ in 0..cores {
            let ends = Arc::clone(&ends);
            std::thread::spawn(move || while !ends.load(Ordering::Relaxed) {});
        }
        Load(ends)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[actix_web::test]
#[ignore = "a measurement"]
async fn from_a_write_to_the_page() {
    const WRITES: usize = 200;
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    for number in 0..20 {
        site.new_post(&format!("Post {number}")).await;
    }
    browser.open(&site, "/").await;
    browser.until_live().await;
    browser
        .run(
            "window.seen = {};
             new MutationObserver((changes) => {
               for (const { addedNodes } of changes)
                 for (const node of addedNodes) if (node.id) window.seen[node.id] ??= Date.now();
             }).observe(document.getElementById('posts'), { childList: true });",
        )
        .await;
    for (name, cores) in [("both cores idle", 0), ("both cores loaded", 2)] {
        let _load = Load::on(cores);
        let mut times = Vec::new();
        for number in 0..WRITES / 2 {
            let begun = now();
            let id = site.new_post(&format!("New {number}")).await["id"].clone();
            let seen = format!("window.seen['post-{id}']");
            browser.until(&seen).await;
            times.push(browser.run(&format!("return {seen}")).await.as_f64().unwrap() - begun);
            // A page keeps at most a hundred waiting posts.
            if number % 50 == 49 {
                browser.run("document.getElementById('arrivals').click()").await;
            }
        }
        report(&format!("from a write to the page, {name}"), "ms", times);
    }
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
#[ignore = "a measurement"]
async fn long_tasks_of_a_long_page() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    // Three emphases in 300 characters: nine of ten posts of the Rust blog have fewer.
    let sentence = "Here are some *more* words of the text, and others that are like them in \
                    each way that one can think of now. ";
    let paragraph = |number| format!("Paragraph {number}. {}", sentence.repeat(3));
    let text = (0..1000).map(paragraph).collect::<Vec<_>>().join("\n\n");
    assert!(text.len() > 300_000, "{}", text.len());
    site.post("/api/posts", &json!({"title": "Long", "body": text})).await.json(201);
    browser.open(&site, "/posts/1").await;
    browser.until_live().await;
    for number in 0..1000 {
        site.new_comment(1, &format!("Comment *{number}*")).await;
    }
    browser.until("document.querySelectorAll('#comments > *').length === 1000").await;
    browser.command("Emulation.setCPUThrottlingRate", json!({"rate": 4})).await;
    browser
        .run(
            "window.tasks = [];
             new PerformanceObserver((list) => {
               for (const task of list.getEntries()) window.tasks.push(task.duration);
             }).observe({ type: 'longtask' });",
        )
        .await;
    let tasks = async || -> Vec<f64> {
        let tasks = browser.run("return window.tasks.splice(0)").await;
        let tasks = tasks.as_array().unwrap().iter().filter_map(Value::as_f64);
        // None is reported under 50 ms.
        tasks.chain([50.0]).collect()
    };
    for number in 0..50 {
        site.new_comment(1, &format!("Another *{number}*")).await;
    }
    browser.until("document.querySelectorAll('#comments > *').length === 1050").await;
    report("50 comments on a page of 1,000, slowed 4 times, longest tasks", "ms", tasks().await);
    let changed = format!("New above.\n\n{text}\n\nNew below.");
    site.patch("/api/posts/1", &json!({"body": changed})).await.json(200);
    browser
        .until("document.querySelector('.prose').lastElementChild.textContent === 'New below.'")
        .await;
    report("an edit of a post of 300 KB, slowed 4 times, longest tasks", "ms", tasks().await);
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
#[ignore = "a measurement"]
async fn the_first_paint_over_a_slow_network() {
    let Some(browser) = Browser::start_in(390, 800).await else { return };
    let site = Site::start().await;
    for number in 0..20 {
        let post = json!({"title": format!("Post {number}"), "body": "Some words. ".repeat(40)});
        site.post("/api/posts", &post).await.json(201);
    }
    let network = json!({"offline": false, "latency": 150, "downloadThroughput": 200_000,
        "uploadThroughput": 200_000});
    browser.command("Network.enable", json!({})).await;
    browser.command("Network.emulateNetworkConditions", network).await;
    let mut times = Vec::new();
    let mut sizes = Vec::new();
    let mut requests = Vec::new();
    for _ in 0..10 {
        browser.command("Network.clearBrowserCache", json!({})).await;
        browser.open(&site, "/").await;
        let paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
        browser.until(paint).await;
        browser.until_live().await;
        times.push(browser.run(&format!("return {paint}")).await.as_f64().unwrap());
        let entries = "[...performance.getEntriesByType('navigation'), \
                       ...performance.getEntriesByType('resource')]";
        let size = format!("return {entries}.reduce((sum, one) => sum + one.transferSize, 0)");
        sizes.push(browser.run(&size).await.as_f64().unwrap() / 1000.0);
        requests.push(browser.run(&format!("return {entries}.length")).await.as_f64().unwrap());
    }
    report("first paint of the front page at 1.6 Mbit/s and 150 ms", "ms", times);
    report("its weight", "KB", sizes);
    report("its requests", "", requests);
    drop(browser);
    site.stop().await;
}
