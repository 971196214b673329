//! Rendered Markdown in the browser.

use serde_json::json;

use super::{Browser, Scripts};
use crate::support::Site;

#[actix_web::test]
async fn links_within_a_text_reach_its_headings_and_code_is_highlighted() {
    let Some(browser) = Browser::start(Scripts::On).await else { return };
    let site = Site::start().await;
    let body = "[1](#概要) [2](#comments) [3](#b)\n\nA note.[^n]\n\n## 概要\n\n## Comments\n\n\
                ## Last {#b}\n\n```rust\nfn main() {}\n```\n\n[^n]: The note.";
    let post = site.post("/api/posts", &json!({"title": "Headings", "body": body})).await.json(201);
    let comment = json!({"author": "Ann", "body": "[4](#概要)\n\n# 概要\n\nMine."});
    let path = format!("/posts/{}", post["id"]);
    site.post(&format!("/api{path}/comments"), &comment).await.json(201);
    browser.open(&site, &path).await;
    browser.until("document.querySelectorAll('.comment h3').length === 1").await;
    let follow = |link: u32| {
        format!(
            "[...document.querySelectorAll('.prose a')].find((a) => a.textContent === '{link}')\
             .click();
            const found = document.querySelector(':target');
            return [found.localName, found.textContent.trim(), !!found.closest('.comment')]"
        )
    };
    let found = [
        json!(["h2", "概要", false]),
        json!(["h2", "Comments", false]),
        json!(["h2", "Last", false]),
        json!(["h3", "概要", true]),
    ];
    for (link, heading) in (1..).zip(found) {
        assert_eq!(browser.run(&follow(link)).await, heading, "{link}");
    }
    // Headings do not take the ids of the page's own elements.
    let own = "return [document.getElementById('comments').localName, live.id, comments.id]";
    assert_eq!(browser.run(own).await, json!(["ol", "live", "comments"]));
    let back = "document.querySelector('.prose sup a').click();
        const note = document.querySelector(':target').textContent;
        document.querySelector('.footnotes a').click();
        return [note.includes('The note.'), document.querySelector(':target').textContent]";
    assert_eq!(browser.run(back).await, json!([true, "1"]));
    let colours = "const colour = (of) => getComputedStyle(document.querySelector(of)).color;
        return colour('.hl-keyword') !== colour('pre code')";
    assert_eq!(browser.run(colours).await, json!(true));
}
