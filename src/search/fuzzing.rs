//! A fuzz target for queries, for the texts that they match, and for cursors.

use std::sync::LazyLock;

use tantivy::collector::Count;
use tantivy::query::Query as _;
use tantivy::schema::TantivyDocument;
use tantivy::tokenizer::TokenStream as _;
use tantivy::{Index, Searcher, TantivyError};

use super::index::{Fields, Place, schema};
use super::query::Query;
use super::wanted::Wanted;
use super::{Kind, analyzer, plan, snippet};

/// An index in memory, of two texts.
static SEARCHED: LazyLock<(Searcher, Fields)> =
    LazyLock::new(|| searched().unwrap_or_else(|error| panic!("an index in memory: {error}")));

fn searched() -> Result<(Searcher, Fields), TantivyError> {
    let (schema, fields) = schema();
    let index = Index::create_in_ram(schema);
    index.tokenizers().register(analyzer::NAME, analyzer::analyzer());
    let mut writer = index.writer_with_num_threads(1, 15_000_000)?;
    for text in ["borrow the checker: std::fs a b c", "日本語 a a a's 🎉 x C++ 서울 9 99"] {
        let mut document = TantivyDocument::default();
        for field in [fields.title, fields.body, fields.tags, fields.author] {
            document.add_text(field, text);
        }
        writer.add_document(document)?;
    }
    writer.commit()?;
    Ok((index.reader()?.searcher(), fields))
}

/// Takes a query on the first line, then a text. Any query of up to 1,000 characters has a bounded
/// plan, the terms of a text are bounded, and an excerpt is safe on a page.
pub fn search_query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(place) = text.parse::<Place>() {
        assert_eq!(place.to_string(), text, "a place has one name");
    }
    let (typed, text) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(query) = Query::parse(typed) else {
        return assert!(typed.chars().count() > 1000, "{typed:?} is refused");
    };
    let (searcher, fields) = &*SEARCHED;
    for query in
        [query.clone(), query.clone().of_kind(Kind::Post), query.clone().without(Kind::Note)]
    {
        let Ok(plan) = plan::plan(&query, fields, searcher) else { panic!("no plan of {query:?}") };
        assert_eq!(plan.is_some(), query.expression.is_some(), "{query:?}");
        let Some(plan) = plan else { continue };
        let mut terms = 0;
        plan.query_terms(&mut |_, _| terms += 1);
        assert!((1..=4 * (2 * 64 + 8 * 64) + 2).contains(&terms), "{terms} terms");
        let found = searcher.search(&plan, &Count);
        assert!(found.is_ok_and(|found| found <= 2), "the plan of {query:?} cannot be followed");
    }
    let text = analyzer::composed(text);
    let mut analyzer = analyzer::analyzer();
    let mut stream = analyzer.token_stream(&text);
    while stream.advance() {
        let token = stream.token();
        assert!(text.get(token.offset_from..token.offset_to).is_some_and(|word| !word.is_empty()));
        assert!((1..=4 * (2 * 64 + 1)).contains(&token.text.len()), "{token:?}");
    }
    let Some(expression) = &query.expression else { return };
    let wanted = Wanted::of(expression);
    assert!((1..=64 + 8).contains(&wanted.count()), "{} words to mark", wanted.count());
    let html = snippet::snippet(&text, &wanted);
    assert!(html.len() <= 8 * 1024, "{} bytes", html.len());
    assert_eq!(html.matches("<mark>").count(), html.matches("</mark>").count());
    let rest = html.replace("<mark>", "").replace("</mark>", "");
    assert!(!rest.contains(['<', '>', '"', '\'']), "{html}");
    assert!(!rest.contains(char::is_control), "{html:?}");
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn a_query_has_a_bounded_plan_and_a_text_bounded_terms() {
        let seeds: &[&[u8]] = &[
            b"title:\"borrow the checker\" OR (a -b)\nHere we borrow <b>a</b> & the checker",
            b"tag:rust author:ada NOT body:x\nrust",
            "日本語 \"a a\" std::fs don’t\n日本語 e\u{301}e\u{301} <script>a's</script>".as_bytes(),
            b"((a OR b) AND (c OR d)) -\"e f\"\na b c d",
            b"\"a a a a\"\na a a a a a a a",
            "C++ .NET AT&T proc* c+\nUse C++, .NET and AT&T: processes".as_bytes(),
            "서울 OR ไทย OR الكتاب OR йод\n서울에서 ภาษาไทย الكِتَابُ Йод и\u{306}од".as_bytes(),
            "e\u{301}\u{301}* \u{202e}a 👩\u{200d}💻\n👩\u{200d}💻 e\u{301} \u{202e}a".as_bytes(),
            b"3f8ccccd_4",
            b" OR ",
            b" AND ",
            b"NOT ",
            b"-(",
            b"title:",
        ];
        drive("search_query", search_query, seeds);
    }
}
