//! Texts that try to run scripts.

use serde_json::json;

use super::{Browser, Scripts};
use crate::support::{Site, within};

/// Each tries to set `window.ran`.
const PAYLOADS: [&str; 12] = [
    "<script>window.ran = 1</script>",
    "</title></textarea></script><script>window.ran = 1</script>",
    "\"'><script>window.ran = 1</script>",
    "\" autofocus onfocus=\"window.ran = 1",
    "<img src=x onerror=\"window.ran = 1\">",
    "<svg onload=\"window.ran = 1\"><animate onbegin=\"window.ran = 1\" attributeName=x dur=1s>",
    "<details open ontoggle=\"window.ran = 1\">x</details>",
    "<iframe srcdoc=\"<script>parent.ran = 1</script>\"></iframe>",
    "<math><mtext><table><mglyph><style><img src=x onerror=\"window.ran = 1\">",
    "[x](javascript:window.ran=1) <a href=\"jav&#x09;ascript:window.ran=1\">y</a>",
    "<form action=\"javascript:window.ran=1\"><button formaction=\"javascript:window.ran=1\">z",
    "{{7*7}}${window.ran=1}<style>@import 'javascript:window.ran=1'</style>",
];

/// The violations of the page's policy since it was opened.
const VIOLATIONS: &str = "
const observer = new ReportingObserver(() => {}, { types: ['csp-violation'], buffered: true });
observer.observe();
return observer.takeRecords().map((report) => `${report.body.effectiveDirective}: ${report.body.blockedURL} ${report.body.sample}`)";

/// Asserts that nothing ran, and that nothing even had to be stopped by the policy.
async fn assert_clean(browser: &Browser, page: &str) {
    browser.until("document.readyState === 'complete'").await;
    // Clicking the remaining links runs nothing.
    browser.run("for (const a of document.querySelectorAll('.prose a')) a.click()").await;
    assert_eq!(browser.run(VIOLATIONS).await, json!([]), "{page}");
    assert_eq!(browser.run("return window.ran ?? null").await, json!(null), "{page}");
}

#[actix_web::test]
async fn user_text_never_runs_as_a_script() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let all = PAYLOADS.join("\n\n");
    let id = site
        .post("/api/posts", &json!({"title": "Payloads", "body": all, "tags": ["needle"]}))
        .await
        .json(201)["id"]
        .clone();
    for payload in PAYLOADS {
        let post = json!({"title": payload, "body": payload, "tags": ["<b onclick=1>"]});
        site.post("/api/posts", &post).await;
        let comment = json!({"body": payload, "author": payload});
        site.post(&format!("/api/posts/{id}/comments"), &comment).await.json(201);
        let note = json!({"title": payload, "body": payload, "author": payload});
        site.post("/api/notes", &note).await.json(201);
    }
    // The pages show the payloads as text.
    browser.open(&site, "/").await;
    browser.until_text(PAYLOADS[0]).await;
    assert_clean(&browser, "/").await;
    browser.open(&site, "/notes").await;
    browser.until_text(PAYLOADS[0]).await;
    assert_clean(&browser, "/notes").await;
    let path = format!("/posts/{id}");
    browser.open(&site, &path).await;
    browser.until("document.querySelectorAll('.comment').length === 12").await;
    assert_clean(&browser, &path).await;

    // Live arrivals are sanitized too.
    browser.open(&site, &path).await;
    browser.until_live().await;
    let comment = json!({"body": all, "author": PAYLOADS[4]});
    site.post(&format!("/api{path}/comments"), &comment).await.json(201);
    browser.until("document.querySelectorAll('.comment').length === 13").await;
    assert_clean(&browser, "live").await;

    for page in ["edit", "show"] {
        for id in 2..=4 {
            let path = format!("/posts/{id}{}", if page == "edit" { "/edit" } else { "" });
            browser.open(&site, &path).await;
            assert_clean(&browser, &path).await;
        }
    }
    let indexed = async {
        while site.get("/api/search?q=ran&limit=100").await.json(200)["hits"]
            .as_array()
            .unwrap()
            .is_empty()
        {}
    };
    within("the posts are found", indexed).await;
    browser.open(&site, "/search?q=ran").await;
    browser.until("document.querySelector('.hits mark')").await;
    assert_clean(&browser, "/search?q=ran").await;
    for payload in PAYLOADS {
        browser.open(&site, "/search").await;
        browser.fill("#q", payload).await;
        browser.send("form.search button").await;
        assert_clean(&browser, payload).await;
        let path =
            format!("/?status=archived&tag={}", payload.replace('"', "%22").replace(' ', "%20"));
        browser.open(&site, &path.replace('#', "%23").replace('{', "%7b")).await;
        assert_clean(&browser, &path).await;
    }

    // A payload that got through would be stopped by the policy and noticed by this test.
    let through = "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.ran = 1\">b</b>'); \
                   document.body.lastElementChild.click()";
    browser.run(through).await;
    browser.until(&format!("(() => {{ {VIOLATIONS} }})().length === 1")).await;
    assert_eq!(browser.run("return window.ran ?? null").await, json!(null));
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn no_text_makes_a_page_wider_than_its_window() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let wide = [
        "<img src=/static/icon.svg width=99999 height=99999>",
        "x <img src=/static/icon.svg width=99999>",
        "<hr width=99999>",
        "<table width=99999><tr><td width=99999>x</td></tr></table>",
        "<table><colgroup><col width=99999></colgroup><tr><td><img src=/static/icon.svg width=99999></td></tr></table>",
        "<ul><li><img src=/static/icon.svg width=99999></ul>",
        "<details open><summary>x</summary><img src=/static/icon.svg width=99999></details>",
        &format!("`{}`", "x".repeat(5_000)),
        &format!("```\n{}\n```", "x".repeat(5_000)),
        &format!("# {}", "x".repeat(5_000)),
        &format!("|{}\n|{}\n|{}\n", "a|".repeat(200), "-|".repeat(200), "b|".repeat(200)),
        &format!("[{}](https://example.org/)", "x".repeat(5_000)),
        &"> ".repeat(40),
    ];
    for (n, body) in wide.iter().enumerate() {
        let post = json!({"title": format!("{n} {}", "W".repeat(150)), "body": body});
        let id = site.post("/api/posts", &post).await.json(201)["id"].clone();
        site.new_comment(id.as_i64().unwrap(), body).await;
        for page in [format!("/posts/{id}"), "/".to_owned()] {
            browser.open(&site, &page).await;
            browser.until("document.readyState === 'complete'").await;
            let beyond = "const root = document.documentElement; \
                          return root.scrollWidth - root.clientWidth";
            let beyond = browser.run(beyond).await.as_i64().unwrap();
            assert!(beyond <= 0, "{page}: {beyond} px, {}", &body[..body.len().min(99)]);
        }
    }
    drop(browser);
    site.stop().await;
}

#[actix_web::test]
async fn ordinary_pages_keep_to_the_content_security_policy() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let body = "| a | b |\n|:--|--:|\n| 1 | 2 |\n\n```rust\nlet x = 1;\n```\n\n- [x] done\n\nA note[^1].\
                \n\n[^1]: Here.";
    site.post("/api/posts", &json!({"title": "Ordinary", "body": body})).await.json(201);
    site.new_comment(1, "A `comment`.").await;
    site.new_note("A note").await;
    let pages =
        ["/", "/posts/1", "/posts/1/edit", "/posts/new", "/notes", "/notes/1", "/search?q=a"];
    for page in pages.into_iter().chain(["/notes/1/edit", "/?status=draft", "/nowhere"]) {
        browser.open(&site, page).await;
        assert_clean(&browser, page).await;
    }
    drop(browser);
    site.stop().await;
}
