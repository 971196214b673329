//! Front matter as it is found in the wild, and hostile front matter.

use super::*;

fn good(text: &str) -> (FrontMatter, String) {
    parse(text).unwrap_or_else(|reason| panic!("{reason}: {text}"))
}

fn reason(text: &str) -> String {
    parse(text).expect_err("it should be refused")
}

#[test]
fn zola() {
    let (page, body) = good(
        "+++\ntitle = \"One — two\"\ndate = 2024-02-29T10:11:12Z\nupdated = 2024-03-01\n\
         path = \"2024/02/29/one\"\nauthors = [\"Ada\", \"Grace\"]\naliases = [\"x\"]\n\
         [taxonomies]\ntags = [\"a b\", \"c\"]\ncategories = [\"news\"]\n[extra]\nteam = 1.5\n+++\n\nBody\n",
    );
    assert_eq!(page.title.as_deref(), Some("One — two"));
    assert_eq!(page.date.as_deref(), Some("2024-02-29T10:11:12Z"));
    assert_eq!(page.updated.as_deref(), Some("2024-03-01"));
    assert_eq!(page.path.as_deref(), Some("2024/02/29/one"));
    assert_eq!(page.author().as_deref(), Some("Ada, Grace"));
    assert_eq!(page.tags(), ["a b", "c", "news"]);
    assert_eq!(page.is_draft(), Some(false));
    assert_eq!(body, "Body");
}

#[test]
fn hugo() {
    let (page, body) = good(
        "---\ntitle: \"One: two\"\ndate: 2024-02-29T10:11:12+01:00\nlastmod: 2024-03-01\ndraft: true\n\
         author:\n  name: Ada\ntags: [a b, 2024]\ncategories:\n- news\nparams: {x: [1, {y: ~}]}\n---\nBody\n\n---\n\nmore",
    );
    assert_eq!(page.title.as_deref(), Some("One: two"));
    assert_eq!(page.date.as_deref(), Some("2024-02-29T10:11:12+01:00"));
    assert_eq!(page.updated.as_deref(), Some("2024-03-01"));
    assert_eq!(page.author().as_deref(), Some("Ada"));
    assert_eq!(page.tags(), ["a b", "2024", "news"]);
    assert_eq!(page.is_draft(), Some(true));
    assert_eq!(body, "Body\n\n---\n\nmore");
}

#[test]
fn jekyll() {
    let (page, _) = good(
        "---\nlayout: post\ntitle:  Hello there\ndate:   2015-09-08 10:11:12 +0200\n\
         categories: news rust\ntags: news, big things\ncategory: Long words\npublished: false\n...\nBody",
    );
    assert_eq!(page.date.as_deref(), Some("2015-09-08 10:11:12 +0200"));
    assert_eq!(page.tags(), ["news", "big things", "rust", "Long words"]);
    assert_eq!(page.is_draft(), Some(true));
}

#[test]
fn a_byte_order_mark_blank_lines_and_windows_line_ends_do_not_matter() {
    let (page, body) =
        good("\u{feff}\r\n+++ \r\ntitle = 'T'\r\ndraft = false\r\n+++\r\n\r\n    code\r\nline\r\n");
    assert_eq!(page.title.as_deref(), Some("T"));
    assert_eq!(body, "    code\nline");
}

#[test]
fn authors_are_texts_lists_or_maps() {
    for yaml in [
        "author: Ada",
        "authors: [Ada]",
        "authors: {name: Ada}",
        "authors: [{name: Ada}, Ada, ' ']",
    ] {
        assert_eq!(
            good(&format!("---\n{yaml}\n---\n")).0.author().as_deref(),
            Some("Ada"),
            "{yaml}"
        );
    }
    for yaml in ["author: ''", "authors: []", "author:", "author: {nick: a}", "author: false"] {
        assert_eq!(good(&format!("---\n{yaml}\n---\n")).0.author(), None, "{yaml}");
    }
}

#[test]
fn a_title_keeps_its_spelling() {
    for title in ["1.10", "2024", "2024-01-01", "0x10"] {
        assert_eq!(good(&format!("---\ntitle: {title}\n---\n")).0.title.as_deref(), Some(title));
    }
}

#[test]
fn yes_and_no_have_many_spellings_and_anything_else_is_neither() {
    for (yaml, expected) in [
        ("draft: yes", Some(true)),
        ("draft: \"true\"", Some(true)),
        ("draft: No", Some(false)),
        ("draft:", Some(false)),
        ("draft: perhaps", None),
        ("draft: [true]", None),
        ("published: no", Some(true)),
        ("published: true", Some(false)),
        ("published: 2020-01-01", Some(false)),
        ("tags: [y, no]", Some(false)),
    ] {
        assert_eq!(good(&format!("---\n{yaml}\n---\n")).0.is_draft(), expected, "{yaml}");
    }
    assert_eq!(good("---\ntags: [y, no, on]\n---\n").0.tags(), ["y", "no", "on"]);
}

#[test]
fn empty_front_matter_is_one_with_nothing_in_it() {
    for text in ["+++\n+++", "---\n---\n", "---\n\n# nothing\n---\n", "---\r\n~\r\n---\r\n"] {
        assert_eq!(good(text), (FrontMatter::default(), String::new()));
    }
}

#[test]
fn a_file_without_front_matter_is_reported() {
    for text in ["", "# Title", "{\"title\": 1}", "----\ntitle: x\n----\n", "+++ title", "\0"] {
        assert_eq!(reason(text), "no front matter", "{text}");
    }
    for text in ["+++", "---\ntitle: x\n", "+++\ntitle = 'x'\n---\n", "---\n ---\n"] {
        assert_eq!(reason(text), "front matter has no end", "{text}");
    }
}

#[test]
fn invalid_front_matter_says_why_in_one_short_line() {
    for (text, start) in [
        ("+++\ntitle = \n+++\n", "front matter is not valid TOML: "),
        ("+++\ntitle = 5\n+++\n", "front matter is not valid TOML: "),
        ("+++\ndate = 5\n+++\n", "front matter is not valid TOML: "),
        ("---\ntitle: [x\n---\n", "front matter is not valid YAML: "),
        ("---\ntitle: {a: b}\n---\n", "front matter is not valid YAML: "),
        ("---\ntitle: a\ntitle: b\n---\n", "front matter is not valid YAML: "),
        ("---\njust text\n---\n", "front matter is not valid YAML: "),
    ] {
        let reason = reason(text);
        assert!(reason.starts_with(start) && reason.len() > start.len(), "{reason}");
        assert!(reason.chars().count() < 200 && !reason.contains('\n'), "{reason}");
    }
    assert!(reason(&format!("+++\ntitle = ['{}']\n+++\n", "x".repeat(5000))).len() < 250);
}

#[test]
fn front_matter_is_bounded() {
    let line = "x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
    let text = format!("---\n{}---\n", line.repeat(2000));
    assert_eq!(reason(&text), "front matter is larger than 64 KiB");
    let endless = format!("+++\n{}", "x".repeat(200_000));
    assert!(reason(&endless).starts_with("front matter "));
}

#[test]
fn aliases_and_depth_do_not_blow_up() {
    let mut bomb = String::from("---\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        let aliases = vec![format!("*a{}", n - 1); 9].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{aliases}]\n"));
    }
    bomb.push_str("tags: *a29\n---\nbody");
    let deep_yaml = format!("---\ntags: {}{}\n---\n", "[".repeat(20_000), "]".repeat(20_000));
    let deep_blocks = format!(
        "---\ntags:\n{}\n---\n",
        (0..300).map(|n| format!("{}-\n", " ".repeat(n))).collect::<String>()
    );
    let deep_toml = format!("+++\ntags = {}{}\n+++\n", "[".repeat(20_000), "]".repeat(20_000));
    let started = std::time::Instant::now();
    for text in [bomb, deep_yaml, deep_blocks, deep_toml] {
        assert!(reason(&text).starts_with("front matter is not valid"));
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}
