//! A fuzz target for what users type into the search, and for texts in which it is found.

use std::collections::HashSet;
use std::sync::LazyLock;

use tantivy::collector::Count;
use tantivy::query::Query as _;
use tantivy::schema::TantivyDocument;
use tantivy::{Index, Searcher, TantivyError};

use super::index::{Fields, schema};
use super::query::Query;
use super::{Kind, analyzer, plan, snippet};

/// An index in memory, of two texts.
static SEARCHED: LazyLock<(Searcher, Fields)> =
    LazyLock::new(|| searched().unwrap_or_else(|error| panic!("an index in memory: {error}")));

fn searched() -> Result<(Searcher, Fields), TantivyError> {
    let (schema, fields) = schema();
    let index = Index::create_in_ram(schema);
    index.tokenizers().register(analyzer::NAME, analyzer::analyzer());
    let mut writer = index.writer_with_num_threads(1, 15_000_000)?;
    for text in ["borrow the checker: std::fs a b c", "日本語 a a a's 🎉 x y 9 99"] {
        let mut document = TantivyDocument::default();
        for field in [fields.title, fields.body, fields.tags, fields.author] {
            document.add_text(field, text);
        }
        writer.add_document(document)?;
    }
    writer.commit()?;
    Ok((index.reader()?.searcher(), fields))
}

/// A query on the first line, and a text. The plan of a query is bounded, and an excerpt is safe to
/// put on a page.
pub fn search_query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (query, text) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(query) = Query::parse(query) else { return };
    let (searcher, fields) = &*SEARCHED;
    for query in [query.clone(), query.clone().of_kind(Kind::Post)] {
        let plan = plan::plan(&query, fields);
        let mut terms = 0;
        plan.query_terms(&mut |_, _| terms += 1);
        assert!((1..=4 * 64 + 1).contains(&terms), "{terms} terms");
        let found = searcher.search(&plan, &Count);
        assert!(found.is_ok_and(|found| found <= 2), "the plan of {query:?} cannot be followed");
    }
    let wanted: HashSet<&str> = query.expression.wanted_terms().into_iter().collect();
    assert!((1..=64).contains(&wanted.len()), "{} terms to mark", wanted.len());
    let html = snippet::snippet(text, &wanted);
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
    fn a_query_is_refused_or_has_a_bounded_plan() {
        let seeds: &[&[u8]] = &[
            b"title:\"borrow the checker\" OR (a -b)\nHere we borrow <b>a</b> & the checker",
            b"tag:rust author:ada NOT body:x\nrust",
            "日本語 \"a a\" std::fs don’t\n日本語 e\u{301}e\u{301} <script>a's</script>".as_bytes(),
            b"((a OR b) AND (c OR d)) -\"e f\"\na b c d",
            b"\"a a a a\"\na a a a a a a a",
            b" OR ",
            b" AND ",
            b"NOT ",
            b"-(",
            b"title:",
        ];
        drive("search_query", search_query, seeds);
    }
}
