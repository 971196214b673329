//! Markdown as GitHub and site generators render it.

use super::super::{Container, excerpt, headings, plain, render};
use super::show;

/// Renders a text as part of a list, like a comment's text.
fn listed(markdown: &str) -> String {
    render(markdown, &Container { id: "comment-1", top: 3, is_page: false, root: "" }).to_string()
}

#[track_caller]
fn assert_has(html: &str, part: &str) {
    assert!(html.contains(part), "{part}\nnot in\n{html}");
}

/// The headings of some HTML, as `2#id`.
fn outline(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tag in html.split("<h").skip(1).filter_map(|rest| rest.split('>').next()) {
        if let (Some(level), Some((_, id))) = (tag.get(..1), tag.split_once("id=\"")) {
            found.push(format!("{level}#{}", id.split('"').next().unwrap_or_default()));
        }
    }
    found
}

#[test]
fn a_typical_page_from_elsewhere_is_rendered_completely() {
    let html = show(
        "[to it](#概要) [custom](#b)\n\n## 概要\n\n## A title {#b}\n\n- [ ] open\n- [x] done\n\n\
         https://example.org/bare\n\n> [!NOTE]\n> An alert.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n\
         ```rust\nfn main() { println!(\"{}\", 1); }\n```\n",
    );
    for part in [
        "<a href=\"#%E6%A6%82%E8%A6%81\"",
        "<a href=\"#b\"",
        "<h2 id=\"概要\" dir=\"auto\">概要</h2>",
        "<h2 id=\"b\" dir=\"auto\">A title</h2>",
        "aria-label=\"Incomplete task\"> open",
        "checked=\"\" aria-label=\"Completed task\"> done",
        "<a href=\"https://example.org/bare\" rel=\"nofollow ugc noopener\">\
         https://example.org/bare</a>",
        "<div class=\"alert alert-note\"><p class=\"alert-title\" dir=\"auto\">Note</p>",
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table",
        "<pre tabindex=\"0\" role=\"group\" aria-label=\"Code\"><code>\
         <span class=\"hl-keyword\">fn</span> <span class=\"hl-function\">main</span>",
    ] {
        assert_has(&html, part);
    }
}

#[test]
fn a_page_keeps_its_only_top_heading_and_no_level_is_skipped() {
    let levels = |html: &str| -> String {
        outline(html).iter().filter_map(|heading| heading.chars().next()).collect()
    };
    assert_eq!(levels(&show("# a\n\n## b\n\n### c\n\n## d\n\n# e")), "22322");
    assert_eq!(levels(&show("#### a\n\n###### b\n\n##### c\n\n## d\n\n###### e")), "23323");
    assert_eq!(levels(&listed("# a\n\n## b\n\n###### c")), "334");
    assert!(!show("<h1>raw</h1>").contains("<h1"));
}

#[test]
fn a_heading_has_the_id_that_github_gives_it() {
    for (title, id) in [
        ("Hello, World!", "hello-world"),
        ("C++ & C#", "c--c"),
        ("`fn main()` in _Rust_", "fn-main-in-rust"),
        ("snake_case and-hyphens", "snake_case-and-hyphens"),
        ("Über Größe", "über-größe"),
        ("हिन्दी में", "हिन्दी-में"),
        ("العربية", "العربية"),
        ("!!!", "section"),
    ] {
        assert_eq!(outline(&show(&format!("## {title}"))), [format!("2#{id}")], "{title}");
    }
}

#[test]
fn ids_are_unique_and_those_that_a_writer_sets_count() {
    let html = show("## a\n\n## a\n\n## a-1\n\n## b {#a}\n\n## c {#My.Id .big}\n\n## {1, 2} {x}");
    let ids = ["2#a", "2#a-1", "2#a-1-1", "2#a-2", "2#My.Id", "2#1-2-x"];
    assert_eq!(outline(&html), ids);
    assert_has(&html, ">c</h2>");
    // Braces with any other content are part of the title.
    assert_has(&html, ">{1, 2} {x}</h2>");
    assert_eq!(outline(&show("Title {#t}\n===")), ["2#t"]);
    assert_eq!(outline(&show("## a {#\"><script>}")), ["2#a-"]);
    assert_eq!(outline(&show("## a {#b\"'\u{202e}onload=}")), ["2#bonload"]);
    assert_eq!(outline(&show("## a {#__proto__}\n\n## a {#\"}")), ["2#__proto__", "2#a"]);
}

#[test]
fn no_heading_takes_an_id_of_the_page_and_links_still_find_it() {
    let ids = "comment-1 post-1 note-7 live main comments write-comment post-1-fn-1";
    for id in ids.split(' ') {
        let html = show(&format!("[a](#{id}) [b](#other)\n\n## Title {{#{id}}}"));
        assert_eq!(outline(&html), [format!("2#post-1--{id}")]);
        assert_has(&html, &format!("<a href=\"#post-1--{id}\""));
        assert_has(&html, "<a href=\"#other\"");
    }
    assert_eq!(outline(&show("## Comments")), ["2#post-1--comments"]);
    assert_eq!(outline(&show("## Comments on this")), ["2#comments-on-this"]);
    // A comment shares its page with other texts.
    let html = listed("[a](#%C3%BCber) [b](#über)\n\n## Über");
    assert_eq!(outline(&html), ["3#comment-1--über"]);
    assert_eq!(html.matches("href=\"#comment-1--%C3%BCber\"").count(), 2, "{html}");
}

#[test]
fn links_written_for_other_generators_find_their_headings() {
    let html = show(
        "[a](#what-s-next) [b](#What-Is-1-0) [c](#main) [d](#none) [e](#)\n\n## {#-}\n\n\
         ## What's next?\n\n\
         ## What is 1.0?\n\n## Ma in",
    );
    for link in ["#whats-next", "#what-is-10", "#main", "#none", "#"] {
        assert_has(&html, &format!("<a href=\"{link}\""));
    }
}

#[test]
fn the_ids_of_pages_are_known() {
    let templates = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/");
    let mut found = 0;
    for name in [
        "layout.html",
        "../static/icon.svg",
        "notes/show.html",
        "posts/show.html",
        "posts/_comment.html",
        "posts/_moderate.html",
        "posts/_tags.html",
        "posts/_writer.html",
    ] {
        let template = std::fs::read_to_string(format!("{templates}{name}")).expect(name);
        for (_, id) in
            template.match_indices(" id=\"").map(|(at, it)| template.split_at(at + it.len()))
        {
            let id = id.split('"').next().unwrap_or_default();
            let id = id
                .split("{{")
                .next()
                .map(|kind| if kind == id { id.into() } else { format!("{kind}1") });
            let id: String = id.unwrap_or_default();
            assert!(headings::is_of_pages(&id), "{name}: {id}");
            found += 1;
        }
        for (_, call) in template
            .match_indices("fields::errors(\"")
            .map(|(at, it)| template.split_at(at + it.len()))
        {
            let id = format!("{}-errors", call.split('"').next().unwrap_or_default());
            assert!(headings::is_of_pages(&id), "{name}: {id}");
            found += 1;
        }
    }
    assert!(found > headings::OF_PAGES.len(), "{found}");
}

#[test]
fn alerts_have_titles_and_other_quotes_stay_quotes() {
    for (kind, title) in [
        ("NOTE", "Note"),
        ("tip", "Tip"),
        ("Important", "Important"),
        ("WARNING", "Warning"),
        ("CAUTION", "Caution"),
    ] {
        let class = title.to_lowercase();
        let html = show(&format!("> [!{kind}]\n> *Text*\n>\n> - list"));
        let start = format!(
            "<div class=\"alert alert-{class}\"><p class=\"alert-title\" dir=\"auto\">{title}</p>"
        );
        assert_has(&html, &start);
        assert_has(&html, "<em>Text</em>");
        assert!(html.trim_end().ends_with("</ul>\n</div>"), "{html}");
    }
    for quote in ["> [!OTHER]\n> x", "> [!NOTE] x", "> x"] {
        assert_has(&show(quote), "<blockquote dir=\"auto\">");
    }
    // A writer's HTML cannot make an alert.
    assert!(!show("<div class=\"alert alert-note\">x</div>").contains("alert"));
}

#[test]
fn bare_addresses_are_links_to_their_last_letter() {
    for (text, address) in [
        ("see https://a.example/b.", "https://a.example/b"),
        ("(https://a.example/b_(c))", "https://a.example/b_(c)"),
        ("\"http://localhost:8080/x\"", "http://localhost:8080/x"),
        ("**https://a.example/b**", "https://a.example/b"),
        ("https://a.example/__init__.py", "https://a.example/__init__.py"),
        ("https://a.example/_b_/*c*/d_e!", "https://a.example/_b_/*c*/d_e"),
        ("https://a.example/?q=x&hl=en&copy;", "https://a.example/?q=x&amp;hl=en©"),
        ("| https://a.example/b |\n|-|", "https://a.example/b"),
        ("見よhttps://a.example/本", "https://a.example/本"),
        ("HTTPS://A.EXAMPLE", "HTTPS://A.EXAMPLE"),
        ("a https://a.example\\\nb", "https://a.example\\"),
    ] {
        let html = show(text);
        let shown = html.split("noopener\">").nth(1).and_then(|rest| rest.split("</a>").next());
        if address.ends_with('\\') {
            assert_eq!(shown, Some("https://a.example"), "{html}");
        } else {
            assert_eq!(shown, Some(address), "{html}");
        }
        assert_eq!(html.matches("<a ").count(), 1, "{html}");
    }
    assert_has(&show("www.a.example/x"), "<a href=\"http://www.a.example/x\"");
    assert_has(&show("x+y@a.example."), "<a href=\"mailto:x+y@a.example\"");
    assert_has(&show("mailto:x@a.example"), "<a href=\"mailto:x@a.example\"");
    assert_has(&show("https://a.example/__b__ c *d*"), "/__b</a>__ c <em>d</em>");
    for text in [
        "`https://a.example`",
        "    https://a.example",
        "javascript://a.example",
        "xhttps://a.example",
        "www.",
        "awww.a.example",
        "http://",
        "https://a_b.example_x",
        "a@b",
        "@a.example",
        "a@b..c",
    ] {
        assert!(!show(text).contains("<a "), "{text}: {}", show(text));
    }
    let html = show("[x https://a.example](https://b.example) <https://c.example>");
    assert_eq!(html.matches("<a ").count(), 2, "{html}");
}

#[test]
fn footnotes_are_numbered_as_they_are_referred_to_and_lead_back() {
    let html = show(
        "[^b]: Second, *twice*.\n\n[^none]: Nobody refers to it.\n\nOne[^a], two[^b], two[^B].\n\n\
         > [^a]: First[^c].\n\n[^c]:\n    ```\n    code\n    ```\n\n[^b]: Again.\n\nEnd.",
    );
    let text = html.find("End.").expect("the text");
    let start = html.find("<ol class=\"footnotes\" aria-label=\"Footnotes\"").expect("the notes");
    assert!(text < start, "{html}");
    let (text, notes) = html.split_at(start);
    assert_has(
        text,
        "One<sup id=\"post-1-fnref-1\"><a href=\"#post-1-fn-1\" aria-label=\"Footnote 1\"",
    );
    assert_has(text, "<sup id=\"post-1-fnref-2-2\"><a href=\"#post-1-fn-2\"");
    let at = |part: &str| notes.find(part).unwrap_or_else(|| panic!("{part} not in {notes}"));
    assert!(at("First") < at("Second") && at("Second") < at("code"), "{notes}");
    assert_has(notes, "<a href=\"#post-1-fnref-1\" aria-label=\"Back to reference 1\"");
    assert_has(notes, "<a href=\"#post-1-fnref-2-2\" aria-label=\"Back to reference 2-2\"");
    assert_has(notes, "<em>twice</em>. <a href=\"#post-1-fnref-2\"");
    assert!(!html.contains("Nobody") && !html.contains("Again"), "{html}");
    assert_has(&listed("a[^1]\n\n[^1]: b"), "<li id=\"comment-1-fn-1\">");
    assert_has(&show("a[^1]"), "a[^1]");
}

#[test]
fn definitions_are_lists_of_terms() {
    let html = show("Apple\n: A *fruit*.\n: A firm.\n\nPear\n: Another.\n");
    assert_has(&html, "<dl>\n<dt dir=\"auto\">Apple</dt>\n<dd dir=\"auto\">A <em>fruit</em>.</dd>");
    assert_has(&html, "<dd dir=\"auto\">A firm.</dd>");
    assert_has(&html, "<dt dir=\"auto\">Pear</dt>");
}

#[test]
fn scrollable_parts_are_reachable_by_keyboard() {
    let reached = "tabindex=\"0\" role=\"group\" aria-label=";
    for text in [
        &format!("```\n{}\n```", "x".repeat(60)),
        &format!("```\n{}```", "x\n".repeat(30)),
        &format!("    {}", "x".repeat(60)),
        "a|b\n-|-",
        &"> ".repeat(100),
    ] {
        assert_has(&show(text), reached);
    }
    let raw = show("<pre>raw</pre>");
    assert!(raw.contains("tabindex=\"0\"") && raw.contains("role=\"group\""), "{raw}");
    assert_has(&show("<table><tr><td>raw</td></tr></table>"), "<table tabindex=\"0\"");
    assert!(!show("```\nshort\n```").contains("tabindex"), "short code needs no scrolling");
}

#[test]
fn marks_appear_neither_in_excerpts_nor_in_the_index() {
    let text =
        "> [!WARNING]\n> Hot *soup*.[^1]\n\n- [x] eaten\n\nSpoon\n: A tool.\n\n[^1]: Very.\n";
    assert_eq!(excerpt(text), "Hot soup. eaten · Spoon · A tool.");
    assert_eq!(excerpt("# Title {#id__a__ .class}"), "Title");
    // The note is far beyond the bytes that an excerpt reads.
    let long = format!("Hot.[^1] {}\n\n[^1]: Very.", "word ".repeat(4_000));
    assert!(excerpt(&long).starts_with("Hot. word "), "{}", excerpt(&long));
    let plain = plain(&format!("## A_title {{#my_id}}\n\n{text}"));
    let words: Vec<&str> = plain.split_whitespace().collect();
    assert_eq!(words.join(" "), "A_title Hot soup. eaten Spoon A tool. Very.");
}
