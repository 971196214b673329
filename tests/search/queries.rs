//! The results of typed queries.

use std::time::{Duration, Instant};

use kilonova::access::CommentState;
use kilonova::search::{Kind, Query};
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
    assert_eq!(snippet, " ``", "a snippet has only text that the page shows");
    world.post("Code", "`<script>` and a <script>alert(3)</script> thread").await;
    let snippet = &world.find(&search, "thread").await[0].snippet;
    assert!(snippet.contains("&lt;script&gt; and a"), "{snippet}");
    assert!(!snippet.replace("<mark>thread</mark>", "").contains(['<', '>']), "{snippet}");
    search.stop().await;
}

#[actix::test]
async fn a_page_is_full_even_if_some_hits_were_deleted() {
    let world = World::new().await;
    let search = world.search();
    world.notes(40, "niobium").await;
    world.settle(&search).await;
    let query = Query::parse("niobium").unwrap().limit(20).unwrap();
    let found = search.query(&query).await.unwrap().hits;
    // Deleted from the rows, but not yet from the index.
    search.stop().await;
    for hit in &found[..8] {
        world.delete_note(hit.id).await;
    }
    let again = search.query(&query).await.unwrap();
    assert_eq!((again.hits.len(), again.total), (20, 32), "deleted hits are not counted");
    assert!(again.hits.iter().all(|hit| found[..8].iter().all(|gone| gone.id != hit.id)));
}

#[actix::test]
async fn hostile_queries_are_answered_quickly() {
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
        [
            "(",
            "((a OR ",
            "-",
            "a OR ",
            "\"a b\" ",
            "a ",
            "+-",
            "日",
            "🎉",
            "a:",
            "title:a ",
            "a* ",
            "s*",
            "-a* ",
            "std::f* ",
            "a&",
            "c++",
            ".a",
            "\u{301}",
            "e\u{301}",
            "\u{202e}",
            "\u{fffd}",
            "👩\u{200d}",
            "서",
            "ก็",
            "क्",
            "\"",
            ")(",
            "NOT ",
            "AND ",
            "\u{200b}",
            "\0",
            "ﷺ",
        ]
        .map(|part| part.chars().cycle().take(1000).collect()),
    );
    for text in &hostile {
        let began = Instant::now();
        let query = Query::parse(text).unwrap().limit(100).unwrap();
        search.query(&query).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "{text}: {:?}", began.elapsed());
    }
    search.stop().await;
}

#[actix::test]
async fn words_of_any_script_are_found() {
    let world = World::new().await;
    let search = world.search();
    let texts = [
        ("서울에서 부산까지 기차를 탔습니다", &["서울", "기차", "부산까지"][..]),
        ("الكِتَابُ على الطاولة", &["الكتاب", "علي", "الطاوله"]),
        ("Ёлка и йод", &["елка", "йод", "ЁЛКА"]),
        ("ผมกำลังเรียนภาษาไทยอยู่", &["ภาษาไทย", "เรียน"]),
        ("שָׁלוֹם לעולם", &["שלום", "לעולמ"]),
        ("Ὀδυσσεὺς ἐν Ἰθάκῃ", &["ΟΔΥΣΣΕΥΣ", "ιθακη"]),
        ("हिन्दी में लिखा", &["हिन्दी", "लिखा"]),
        ("東京で寿司を食べる", &["寿司", "食べる"]),
    ];
    for (text, _) in texts {
        world.post("A title", text).await;
    }
    for ((text, queries), id) in texts.into_iter().zip(1..) {
        for query in queries {
            assert_eq!(world.ids(&search, query).await, [(Kind::Post, id)], "{query} in {text}");
            let snippet = &world.find(&search, query).await[0].snippet;
            assert!(snippet.contains("<mark>"), "{query}: {snippet}");
        }
    }
    assert_eq!(world.ids(&search, "иод").await, [], "another letter");
    search.stop().await;
}

#[actix::test]
async fn the_shown_text_is_searched_not_the_source() {
    let world = World::new().await;
    let search = world.search();
    let html = "<div class=\"secretclass\">visible</div><!-- hiddencomment -->\n\n\
                Text <!-- hiddencomment --> and <b title=\"secretclass\">bold</b>.";
    world.post("Raw HTML", html).await;
    assert_eq!(world.ids(&search, "hiddencomment OR secretclass OR div").await, []);
    let snippet = &world.find(&search, "visible bold").await[0].snippet;
    assert_eq!(snippet, "<mark>visible</mark> Text and <mark>bold</mark>.");
    search.stop().await;
}

#[actix::test]
async fn every_hit_is_on_one_page_and_counted() {
    let world = World::new().await;
    let search = world.search();
    world.notes(50, "niobium").await;
    for _ in 0..8 {
        world.post("A post", "niobium, and more of it").await;
    }
    world.settle(&search).await;
    let mut query = Query::parse("niobium").unwrap();
    let mut seen = Vec::new();
    for expected in [20, 20, 18] {
        let answer = search.query(&query).await.unwrap();
        assert_eq!((answer.hits.len(), answer.total), (expected, 58));
        assert_eq!(answer.next.is_none(), expected == 18);
        seen.extend(answer.hits.iter().map(|hit| (hit.kind, hit.id)));
        query = answer.next.map_or(query.clone(), |next| query.clone().after(next));
    }
    let different: std::collections::HashSet<_> = seen.iter().collect();
    assert_eq!(different.len(), 58);
    search.stop().await;
}

#[actix::test]
async fn paging_ends_after_a_thousand_hits() {
    let world = World::new().await;
    let search = world.search();
    world.notes(1200, "tantalum").await;
    world.settle(&search).await;
    let mut query = Query::parse("tantalum").unwrap().limit(70).unwrap();
    let mut seen = 0;
    loop {
        let answer = search.query(&query).await.unwrap();
        assert_eq!(answer.total, 1200);
        seen += answer.hits.len();
        let Some(next) = answer.next else { break };
        query = query.after(next);
    }
    assert_eq!(seen, 1000);
    search.stop().await;
}

#[actix::test]
async fn hidden_rows_are_not_counted_while_the_index_is_stale() {
    let world = World::new().await;
    let search = world.search();
    let mut posts = Vec::new();
    for _ in 0..30 {
        posts.push(world.post("A post", "rhenium").await);
    }
    world.comment(posts[0].id, "rhenium", CommentState::Visible).await;
    world.settle(&search).await;
    // A stopped search no longer follows the log.
    search.stop().await;
    for post in &posts[..3] {
        world.update_post(post.id, json!({ "status": "draft" })).await;
    }
    for limit in [1, 20] {
        let query = Query::parse("rhenium").unwrap().limit(limit).unwrap();
        let answer = search.query(&query).await.unwrap();
        // Neither the drafts nor the comment on one.
        assert_eq!((answer.total, answer.hits.len()), (27, limit));
    }
    let comments = Query::parse("rhenium").unwrap().of_kind(Kind::Comment);
    assert_eq!(search.query(&comments).await.unwrap().total, 0);
}
