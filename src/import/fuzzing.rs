//! Fuzz targets for files that an import reads: front matter in TOML and YAML, dates, exports of
//! other programs, and their HTML.

use std::path::Path;

use chrono::{Datelike, NaiveDateTime};

use super::date;
use super::entry::{Context, Entry};
use super::markup::{self, Lines};
use super::report::Note;
use super::site::Site;
use super::{ghost, wordpress};
use crate::changeset::is_blank;

/// A Markdown file with its front matter.
pub fn front_matter(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let modified = NaiveDateTime::default();
    let name = "2020-01-02-hello.md";
    let site = Site::default();
    let context = Context::alone(&site, Path::new(name), name, modified);
    let entry = Entry::parse(&text, &context);
    if let Ok(entry) = &entry {
        assert!(entry.addresses.iter().all(|it| it.len() <= 1024));
    }
    check(entry, &text);
}

/// Checks an entry or the note about it.
fn check(entry: Result<Entry, Note>, text: &str) {
    match entry {
        Ok(entry) => {
            let post = &entry.post;
            assert!(!is_blank(&post.title) && !post.title.contains(char::is_control));
            assert!(!post.body.contains('\0'));
            assert!(post.tags.len() <= 20);
            let source = post.source.as_deref().unwrap_or_default();
            assert!(!source.is_empty() && source.len() <= 2048, "{source}");
            assert!(entry.addresses.iter().all(|it| it.starts_with('/')));
            assert!(entry.notes.len() <= 64);
            assert!(kept(entry.inserted_at) && kept(entry.updated_at));
            assert!(entry.updated_at >= entry.inserted_at);
        }
        Err(note) => {
            assert!(!is_blank(&note.what) && note.what.len() + note.detail.len() <= 1024);
            // YAML counts a lone carriage return as a line break, as editors do.
            let lines = 1 + text.matches(['\n', '\r']).count();
            assert!(note.line.is_none_or(|line| line <= lines));
        }
    }
}

/// WordPress' export file.
pub fn wordpress_export(bytes: &[u8]) {
    let Ok(entries) = wordpress::entries(bytes) else { return };
    let text = String::from_utf8_lossy(bytes);
    entries.into_iter().for_each(|entry| check(entry, &text));
}

/// Ghost's export file.
pub fn ghost_export(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(entries) = ghost::entries(&text) else { return };
    entries.into_iter().for_each(|entry| check(entry, &text));
}

/// HTML converted to Markdown.
pub fn html(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for lines in [Lines::Spaces, Lines::Breaks] {
        let mut notes = Vec::new();
        let markdown = markup::converted(&text, lines, &mut notes);
        if lines == Lines::Spaces && notes.is_empty() {
            assert!(markup::is_same(&markdown, &text), "{markdown:?}");
        }
    }
}

/// A date in front matter, and one in a path.
pub fn date(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for found in [date::parse(text), date::in_path(text)].into_iter().flatten() {
        assert!(kept(found), "{found}");
        let printed = found.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        assert_eq!(date::parse(&printed), Some(found));
    }
}

fn kept(time: NaiveDateTime) -> bool {
    (1..=9999).contains(&time.year()) && date::kept(time) == Some(time)
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn front_matter_makes_a_post_or_a_reason() {
        let seeds: &[&[u8]] = &[
            b"+++\ntitle = \"One\"\ndate = 2024-02-29T10:11:12Z\npath = \"2024/02/29/one\"\n\
              authors = [\"Ada\"]\n[taxonomies]\ntags = [\"a b\", \"c\"]\n[extra]\n\
              x = 1.5\n+++\n\nBody\n",
            b"---\ntitle: \"One: two\"\ndate: 2024-02-29T10:11:12+01:00\nlastmod: 2024-03-01\n\
              draft: true\nauthor:\n  name: Ada\ntags: [a b, 2024]\n\
              params: {x: [1, {y: ~}]}\n---\nBody",
            b"---\nlayout: post\ntitle:  Hello\ndate:   2015-09-08 10:11:12 +0200\n\
              categories: news rust\npublished: false\n...\nBody",
            b"---\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ntitle: *c\n\
              <<: {tags: *a}\n---\nBody",
            b"---\ntitle: !!binary aGk=\ndate: !!timestamp 2001-12-14\ntags: |\n  a\n  b\n---\nx",
            b"+++\na.b.c = [[[{d = 1}]]]\n[[e]]\n[e.f]\n+++\nx",
            b"\n---\n",
            b"\n+++\n",
            b"a.",
            b"[a.",
            b"[",
            b"{a: ",
            b"- ",
            b"? ",
            b"&a ",
            b"*a ",
            b"{\"$serde_json::private::RawValue\": \"[1]\"}",
        ];
        drive("front_matter", front_matter, seeds);
    }

    #[test]
    fn exports_of_other_programs_make_posts_or_reasons() {
        let fixture = |name: &str| {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/exports/");
            std::fs::read(format!("{path}{name}")).expect("a fixture")
        };
        let (wordpress, ghost) = (fixture("wordpress.xml"), fixture("ghost.json"));
        drive("wordpress_export", wordpress_export, &[wordpress.as_slice()]);
        drive("ghost_export", ghost_export, &[ghost.as_slice()]);
    }

    #[test]
    fn html_renders_the_same_as_markdown_or_gets_a_note() {
        let seeds: &[&[u8]] = &[
            b"<h2 id=\"a\">A <em>b</em></h2>\n<p>c<br>d <a href=\"/x\" title=\"t\">e</a></p>",
            b"<ul><li>a<ol start=3><li>b</ol><li><p>c<p>d</ul><blockquote><p>e</blockquote>",
            b"<table><tr><th>a<th align=right>b<tr><td>c|d<td></table><pre><code>x\n y</code></pre>",
            b"<p>1. a\n- b # c * d _ e ` f [g](h) &lt;i&gt; &amp;amp; \\</p><hr><img src=x alt=\"y ]\">",
            b"a\n\nb\nc<!--more-->[caption id=\"x\"]<img src=\"/y\">z[/caption]",
            b"<b><i>a</b>b</i><strong> c </strong>d<del>e</del><iframe src=//f></iframe><script>g</script>",
        ];
        drive("html", html, seeds);
    }

    #[test]
    fn the_database_can_store_every_date() {
        let seeds: &[&[u8]] = &[
            b"2024-02-29T10:11:12.123456Z",
            b"2024-02-29 23:11 -05:00",
            b"2016-12-31t23:59:60.999999999z",
            b"9999-12-31T23:59:59-01:00",
            b"posts/2014/12/12/2015-01-02-x.md",
            b"0001-01-01 UTC",
        ];
        drive("date", date, seeds);
    }
}
