//! Search over JSON, which follows every write.

use serde_json::{Value, json};

use crate::support::{Site, within};

/// Searches until the expected number of hits is found.
pub(crate) async fn found(site: &Site, query: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/search?q={query}");
    within("the index catches up", async {
        loop {
            let answer = site.get(&path).await;
            // There is no index yet.
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
    assert_eq!(snippet, "The checker of <mark>borrows</mark> &amp; more");
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
async fn a_search_without_a_query_or_with_wrong_parameters_is_refused() {
    let site = Site::start().await;
    // Waits for the index: without one, any query is answered 503.
    found(&site, "nothing", 0).await;
    for bad in [
        "",
        "?kind=post",
        "?q=a&kind=user",
        "?q=a&kind=",
        "?q=a&limit=0",
        "?q=a&limit=101",
        "?q=a&cursor=",
        "?q=a&cursor=1",
        "?q=a&cursor=7fc00000_4",
        "?q=a&cursor=3f800000_4&cursor=3f800000_4",
        "?q=a&page=2",
    ] {
        site.get(&format!("/api/search{bad}")).await.error(422);
    }
    for (character, path) in [("a", "/api/search"), ("%F0%9F%8E%89", "/api/search")] {
        let long = character.repeat(1_001);
        site.get(&format!("{path}?q={long}")).await.error(422);
        let long = character.repeat(1_000);
        assert_eq!(site.get(&format!("{path}?q={long}")).await.json(200)["total"], 0);
    }
    site.stop().await;
}

#[actix_web::test]
async fn any_text_is_a_valid_query() {
    let site = Site::start().await;
    let words = json!({"title": "A hint of Salt", "body": "v and more, unfinished and not hidden"});
    site.post("/api/posts", &words).await.json(201);
    found(&site, "salt", 1).await;
    for words in
        ["(hint", "-v", "Salt+AND", "%22unfinished", "hint)", "-v+-hint", "NOT+(salt", "sal"]
    {
        let answer = site.get(&format!("/api/search?q={words}")).await.json(200);
        assert_eq!((&answer["total"], &answer["hits"][0]["id"]), (&json!(1), &json!(1)), "{words}");
    }
    for odd in [
        "",
        "%20",
        "!!!",
        "%00",
        "%22",
        "()",
        "-",
        "*",
        "std%3A%3Afs",
        "%2Fq%2F",
        "title%3A",
        // Lone surrogates and other bytes that are not text.
        "%ED%A0%80",
        "%ED%A0%BD%ED%B8%80",
        "%FF",
        "%C0%80",
        "%5Cud83d",
        // A bidirectional override, a joined emoji, a flood of combining marks.
        "%E2%80%AEtlas",
        "%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB",
        &"%CC%81".repeat(999),
    ] {
        let answer = site.get(&format!("/api/search?q={odd}")).await.json(200);
        assert_eq!(answer, json!({"hits": [], "total": 0, "next": null}), "{odd}");
        let page = site.get(&format!("/search?q={odd}")).await;
        assert_eq!(page.status, 200, "{odd}");
    }
    site.stop().await;
}

/// The HTML of a page, which must exist.
async fn shown(site: &Site, path: &str) -> String {
    let answer = site.get(path).await;
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

#[actix_web::test]
async fn a_comment_is_found_with_its_post() {
    let site = Site::start().await;
    let post = json!({"title": "On borrowing", "body": "Some text"});
    let post = site.post("/api/posts", &post).await.json(201);
    let comments = format!("/api/posts/{}/comments", post["id"]);
    for n in 1..=25 {
        let comment = json!({"body": format!("Opinion number{n} on lifetimes")});
        site.post(&comments, &comment).await.json(201);
    }
    let hit = found(&site, "number3", 1).await.remove(0);
    let expected = json!({
        "kind": "comment", "id": 3, "post_id": post["id"], "title": "On borrowing",
        "snippet": "Opinion <mark>number3</mark> on lifetimes", "score": hit["score"],
    });
    assert_eq!(hit, expected);
    found(&site, "number3&kind=comment", 1).await;
    found(&site, "number3&kind=post", 0).await;
    found(&site, "number25", 1).await;
    // The link leads to the page of the thread with the comment.
    for n in [3, 25] {
        let page = shown(&site, &format!("/search?q=number{n}")).await;
        let link = page.split("href=\"").find(|rest| rest.contains(&format!("#comment-{n}\"")));
        let link = link.unwrap().split('"').next().unwrap().replace("&#38;", "&");
        assert_eq!(link, format!("/posts/{}?comment={n}#comment-{n}", post["id"]));
        let (path, fragment) = link.split_once('#').unwrap();
        let path =
            path.replacen(&format!("/{}", post["id"]), &format!("/{}-on-borrowing", post["id"]), 1);
        let thread = shown(&site, &path).await;
        assert!(thread.contains(&format!("id=\"{fragment}\"")), "{path}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn every_hit_is_on_exactly_one_page() {
    let site = Site::start().await;
    for n in 0..58 {
        site.new_note(&format!("Note {n}")).await;
    }
    within("the index catches up", async {
        loop {
            let answer = site.get("/api/search?q=note").await;
            if answer.status == 200 && answer.json(200)["total"] == 58 {
                return;
            }
        }
    })
    .await;
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = site.get(&format!("/api/search?q=note{cursor}")).await.json(200);
        assert_eq!(page["total"], 58);
        ids.extend(page["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=58).collect::<Vec<_>>());

    // The same through the links of the search page.
    let (mut path, mut pages, mut hits) = ("/search?q=note&kind=note".to_owned(), 0, 0);
    loop {
        let page = shown(&site, &path).await;
        assert!(page.contains("58 hits"), "{page}");
        hits += page.matches("<li class=\"card\">").count();
        pages += 1;
        assert_eq!(page.contains("First hits"), pages > 1);
        let Some((before, _)) = page.split_once("\">More hits") else { break };
        let link = before.rsplit_once("href=\"").unwrap().1;
        path = link.replace("&#38;", "&").replace("&amp;", "&");
    }
    assert_eq!((pages, hits), (3, 58));
    site.stop().await;
}
