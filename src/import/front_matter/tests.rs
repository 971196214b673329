//! Front matter found in the wild, and hostile front matter.

use super::node::Node;
use super::*;

fn good(text: &str) -> FrontMatter {
    parse(text).unwrap_or_else(|note| panic!("{note:?}: {text}"))
}

fn bad(text: &str) -> Note {
    parse(text).expect_err("it should be refused")
}

fn texts(read: &FrontMatter, key: &str) -> Vec<String> {
    let list = read.fields.value(key).map_or(&[][..], Node::list);
    list.iter().map(|node| node.text().unwrap_or("?").to_owned()).collect()
}

#[test]
fn each_language_is_read() {
    for (text, format, line) in [
        ("+++\ntitle = \"One — two\"\ntags = ['a b', 'c']\n+++\n\nBody\n", Format::Toml, 6),
        ("---\ntitle: One — two\ntags: [a b, c]\n---\nBody\n", Format::Yaml, 5),
        ("{\n \"title\": \"One — two\",\n \"tags\": [\"a b\", \"c\"]\n}\nBody", Format::Json, 5),
    ] {
        let read = good(text);
        assert_eq!((read.format, read.body_line), (format, line), "{text}");
        assert_eq!(read.fields.text("title"), Some("One — two"), "{text}");
        assert_eq!(texts(&read, "tags"), ["a b", "c"], "{text}");
        assert_eq!(read.fields.get("tags").map(|field| field.line), Some(3), "{text}");
        assert_eq!(read.body, "Body", "{text}");
    }
}

/// `007`, `3.10` and `1e3` may be tags; YAML's types do not apply to them.
#[test]
fn values_keep_their_spelling() {
    let read = good("---\nt: [007, 3.10, 1e3, yes, 7.0, 2024-01-01, ~, 0x10]\n---\n");
    assert_eq!(texts(&read, "t"), ["007", "3.10", "1e3", "yes", "7.0", "2024-01-01", "?", "0x10"]);
    let read = good("+++\nt = [7.0, 1_000, true, 2024-01-01, 0x10, 1e3]\n+++\n");
    assert_eq!(texts(&read, "t"), ["7.0", "1_000", "true", "2024-01-01", "0x10", "1e3"]);
    let read = good("{\"t\": [7.0, 1e3, true, null]}");
    assert_eq!(texts(&read, "t"), ["7.0", "1e3", "true", "?"]);
}

/// "Hugo reads keys in any case"; an exact match wins.
#[test]
fn keys_are_found_in_any_case() {
    let read = good("---\nDraft: true\nTITLE: a\ntitle: b\n---\n");
    assert_eq!(read.fields.truth("draft"), Some(true));
    assert_eq!(read.fields.text("title"), Some("b"));
}

#[test]
fn anchors_and_merges_are_followed() {
    let read = good("---\nbase: &b {x: 1, y: 2}\nt: {<<: *b, y: 3}\nu: *b\n---\n");
    let map = read.fields.map("t").expect("a map");
    assert_eq!((map.text("x"), map.text("y")), (Some("1"), Some("3")));
    assert_eq!(read.fields.map("u").and_then(|map| map.text("y")), Some("2"));
}

/// Ruby's YAML takes the last one; other parsers refuse the file.
#[test]
fn the_last_of_two_equal_keys_counts_and_is_noted() {
    let read = good("---\ntitle: a\ndate: x\ntitle: b\n---\n");
    assert_eq!(read.fields.text("title"), Some("b"));
    assert_eq!(read.repeated, [Repeated { line: 4, key: "title".to_owned() }]);
}

#[test]
fn a_byte_order_mark_blank_lines_and_windows_line_ends_do_not_matter() {
    let text = "\u{feff}\r\n+++ \r\ntitle = 'T'\r\n+++\r\n\r\n    code\r\nline\r\n";
    let read = good(text);
    assert_eq!(read.fields.text("title"), Some("T"));
    assert_eq!((read.body.as_str(), read.body_line), ("    code\nline", 6));
}

#[test]
fn empty_front_matter_has_no_fields() {
    for text in ["+++\n+++", "---\n---\n", "---\n\n# nothing\n---\n", "---\r\n~\r\n---\r\n"] {
        let read = good(text);
        assert_eq!((read.fields, read.body), (Fields::default(), String::new()));
    }
}

#[test]
fn a_file_without_front_matter_is_reported() {
    for text in ["", "# Title", "{{< x >}}", "{% x %}", "----\ntitle: x\n----\n", "+++ title", "\0"]
    {
        assert_eq!(bad(text).what, "no front matter", "{text}");
    }
    for text in ["+++", "---\ntitle: x\n", "+++\ntitle = 'x'\n---\n", "---\n ---\n"] {
        assert_eq!(bad(text).what, "front matter has no end", "{text}");
    }
}

#[test]
fn invalid_front_matter_says_why_and_on_which_line() {
    for (text, what, line) in [
        ("+++\na = 1\ntitle = \n+++\n", "front matter is not valid TOML", 3),
        ("---\na: 1\ntitle: [x\n---\n", "front matter is not valid YAML", 3),
        ("---\na: 1\n? [x]\n: b\n---\n", "front matter is not valid YAML", 3),
        ("---\njust text\n---\n", "front matter is not valid YAML", 2),
        ("---\na: *b\n---\n", "front matter is not valid YAML", 2),
        ("{\n\"a\": 1,\n}", "front matter is not valid JSON", 3),
        ("{\"a\": 1", "front matter is not valid JSON", 1),
    ] {
        let note = bad(text);
        assert_eq!(note.what, what, "{text}");
        assert!(note.line.is_some_and(|found| found.abs_diff(line) <= 1), "{note:?} {text}");
        assert!(!note.detail.is_empty() && note.detail.len() < 200, "{note:?}");
        // The message comes from the language, not from the library's options.
        assert!(!note.detail.contains("Policy") && !note.detail.contains("::"), "{note:?}");
    }
    assert!(bad(&format!("+++\ntitle = ['{}']x\n+++\n", "x".repeat(5000))).detail.len() < 250);
}

#[test]
fn front_matter_is_bounded() {
    let line = "x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
    let text = format!("---\n{}---\n", line.repeat(2000));
    assert_eq!(bad(&text).what, "front matter is larger than 64 KiB");
    let text = format!("{{\"x\": \"{}\"}}", "a".repeat(70_000));
    assert_eq!(bad(&text).what, "front matter is larger than 64 KiB");
    let keys = (0..2000).map(|n| format!("k{n}:\n")).collect::<String>();
    assert_eq!(bad(&format!("---\n{keys}---\n")).detail, "a map has too many keys");
    let endless = format!("+++\n{}", "x".repeat(200_000));
    assert_eq!(bad(&endless).what, "front matter has no end");
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
    let deep_json = format!("{{\"t\": {}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let chain =
        (1..900).map(|n| format!("b{n}: &b{n} {}*b{}{}\n", "[".repeat(30), n - 1, "]".repeat(30)));
    let chain = format!("---\nb0: &b0 x\n{}---\n", chain.collect::<String>());
    for text in [bomb, deep_yaml, deep_blocks, deep_toml, deep_json, chain] {
        assert!(bad(&text).what.starts_with("front matter is"), "{:?}", bad(&text));
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}
