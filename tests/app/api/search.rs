//! Search over JSON, and that it follows what is written.

use serde_json::{Value, json};

use crate::support::{Site, within};

/// Asks until as many are found as there should be.
pub(crate) async fn found(site: &Site, query: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/search?q={query}");
    within("the index catches up", async {
        loop {
            let answer = site.get(&path).await;
            // Until there is an index at all.
            if answer.status == 503 {
                continue;
            }
            let answer = answer.json(200);
            let hits = answer["hits"].as_array().unwrap();
            if hits.len() == count {
                return hits.clone();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[actix_web::test]
async fn searches_follow_writes_changes_and_deletions() {
    let site = Site::start().await;
    let post = json!({"title": "On borrowing", "body": "The *checker* of <b>borrows</b> & more"});
    let post = site.post("/api/posts", &post).await.json(201);
    site.new_note("A borrowed note").await;
    let hits = found(&site, "borrow", 2).await;
    let hit = hits.iter().find(|hit| hit["kind"] == "post").unwrap();
    assert_eq!((&hit["id"], &hit["title"]), (&post["id"], &post["title"]));
    assert!(hit["score"].is_number());
    let snippet = hit["snippet"].as_str().unwrap();
    assert!(snippet.contains("&lt;b&gt;<mark>borrows</mark>&lt;/b&gt; &amp; more"), "{snippet}");
    assert_eq!(hit.as_object().unwrap().len(), 5);
    assert_eq!(found(&site, "borrow&kind=note", 1).await[0]["kind"], "note");
    found(&site, "%22checker+of%22", 1).await;
    found(&site, "%22of+checker%22", 0).await;
    site.put("/api/posts/1", &json!({"status": "draft"})).await.json(200);
    found(&site, "checker", 0).await;
    site.put("/api/posts/1", &json!({"status": "archived"})).await.json(200);
    found(&site, "checker", 1).await;
    site.delete("/api/posts/1").await;
    site.delete("/api/notes/1").await;
    found(&site, "borrow", 0).await;
    site.stop().await;
}

#[actix_web::test]
async fn a_malformed_query_is_refused() {
    let site = Site::start().await;
    // Until there is an index the answer to any query is 503.
    found(&site, "nothing", 0).await;
    for bad in [
        "",
        "?q=",
        "?q=%20",
        "?q=%22open",
        "?q=(a",
        "?q=a&kind=user",
        "?q=a&limit=0",
        "?q=a&limit=101",
    ] {
        site.get(&format!("/api/search{bad}")).await.error(422);
    }
    let long = "a".repeat(1_001);
    site.get(&format!("/api/search?q={long}")).await.error(422);
    for odd in
        ["std%3A%3Afs", "C%2B%2B%3A+why", "%F0%9F%8E%89", "a*", "%2Fa%2F", "title%3Aa", "a%00b"]
    {
        let status = site.get(&format!("/api/search?q={odd}")).await.status;
        assert!(matches!(status, 200 | 422), "{odd}: {status}");
    }
    site.stop().await;
}
