//! What is found by what was typed.

use std::time::{Duration, Instant};

use kilonova::search::{Query, SearchError};
use serde_json::json;

use crate::support::World;

#[actix::test]
async fn stems_and_phrases_are_found() {
    let world = World::new().await;
    let search = world.search();
    let essay = world.post("Lifetimes", "The **borrow** checker is the heart of the matter.").await;
    world.post("Other", "A checker may borrow. The matter of the heart.").await;
    assert_eq!(world.ids(&search, "borrowing checkers").await.len(), 2);
    let phrase = world.find(&search, "\"borrow checker\"").await;
    assert_eq!(phrase.iter().map(|hit| hit.id).collect::<Vec<_>>(), [essay.id]);
    assert_eq!(
        phrase[0].snippet,
        "The <mark>borrow</mark> <mark>checker</mark> is the heart of the matter."
    );
    assert_eq!(world.ids(&search, "\"the heart of the matter\"").await.len(), 1);
    search.stop().await;
}

#[actix::test]
async fn titles_weigh_more_and_tags_and_authors_count() {
    let world = World::new().await;
    let search = world.search();
    world.post("A post", "It mentions vanadium. ".repeat(5).as_str()).await;
    let titled = world.post("Vanadium", "It says something else.").await;
    world.post_with(json!({ "title": "Tagged", "body": "x", "tags": ["rare-earths"] })).await;
    assert_eq!(world.find(&search, "vanadium").await[0].id, titled.id);
    assert_eq!(world.ids(&search, "tag:rare-earths").await.len(), 1);
    world.note("By someone", "x").await;
    assert_eq!(world.ids(&search, "author:ferris").await.len(), 1);
    search.stop().await;
}

#[actix::test]
async fn snippets_are_safe_to_show() {
    let world = World::new().await;
    let search = world.search();
    world
        .post("Attack", "<script>alert(1)</script> <img src=x onerror=alert(2)> needle `<b>`")
        .await;
    let hits = world.find(&search, "needle").await;
    let snippet = hits[0].snippet.replace("<mark>needle</mark>", "");
    assert!(snippet.contains("&lt;script&gt;") && !snippet.contains(['<', '>']), "{snippet}");
    search.stop().await;
}

#[actix::test]
async fn a_limit_is_filled_although_hits_are_gone() {
    let world = World::new().await;
    let search = world.search();
    world.notes(40, "niobium").await;
    world.settle(&search).await;
    let query = Query::parse("niobium").unwrap().limit(20).unwrap();
    let found = search.query(&query).await.unwrap();
    // Gone from the rows, not yet from the index.
    search.stop().await;
    for hit in &found[..8] {
        world.delete_note(hit.id).await;
    }
    let again = search.query(&query).await.unwrap();
    assert_eq!(again.len(), 20);
    assert!(again.iter().all(|hit| found[..8].iter().all(|gone| gone.id != hit.id)));
}

#[actix::test]
async fn hostile_queries_are_refused_or_answered_soon() {
    let world = World::new().await;
    let search = world.search();
    world.notes(200, &"a b c a b c the of and std::fs ".repeat(40)).await;
    world.settle(&search).await;
    let mut hostile: Vec<String> = [
        "*",
        "a*",
        "*:*",
        "[* TO *]",
        "/.*.*.*/",
        "\"a b\"~4000000000",
        "a^1e309",
        "AND",
        "OR OR",
        "NOT",
        "-",
        "\"",
        "(",
        ")",
        "()",
        "🎉",
        "\0",
        "a\0b",
        "C++: why",
        "std::fs",
        "\\",
        "a AND (b OR (c NOT d))",
        "title:",
        "title:(a)",
        "IN [a]",
        "a~9",
        "'",
        "--",
        "\u{202e}a",
        "％",
        "a' OR '1'='1",
    ]
    .map(str::to_owned)
    .into();
    hostile.extend(
        ["(", "((a OR ", "-", "a OR ", "\"a b\" ", "a ", "+-", "日", "🎉", "a:", "title:a "].map(
            |part| {
                let repeated = part.repeat(512 / part.chars().count());
                repeated.trim_end().trim_end_matches("OR").to_owned()
            },
        ),
    );
    for text in &hostile {
        let began = Instant::now();
        match Query::parse(text) {
            Ok(query) => drop(search.query(&query.limit(100).unwrap()).await.unwrap()),
            Err(error) => assert!(matches!(error, SearchError::BadQuery(_)), "{text}: {error}"),
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{text}: {:?}", began.elapsed());
    }
    search.stop().await;
}
