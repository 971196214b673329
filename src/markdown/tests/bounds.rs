//! The cost of texts that use the extensions.

use std::time::Instant;

use super::super::{colour, excerpt, plain};
use super::{MIB, show, time};

#[test]
fn a_mebibyte_of_any_extension_is_shown_in_bounded_time() {
    let most = if cfg!(debug_assertions) { MIB / 8 } else { MIB };
    let unit = |text: &str| text.repeat(most / text.len());
    let nested: String = (0..400).map(|depth| format!("{}a\n", ": ".repeat(depth))).collect();
    let notes: String = (0..9_000).map(|n| format!("[^{n}]: a[^{}]\n\n", n + 1)).collect();
    let attributes: String = (0..most / 8).map(|n| format!(" a{n:x}")).collect();
    let block = format!("<div{attributes}>\n\nx\n");
    let inline = format!("x <a{}> ", attributes.get(..4000).unwrap_or(&attributes));
    let hostile = [
        "> [!NOTE]\n",
        "> > [!TIP]\n",
        "# a {#a}\n",
        "# {#",
        "{",
        "# a {.b}\n",
        "a\n: b\n\n",
        "a\n: ",
        ": ",
        "https://a.b ",
        "https://a.b/",
        "https://a.b/_c_",
        "https://a.b/*_c_*.",
        "http://(",
        "http://a_b.c_d",
        "_www.",
        "www.a_",
        "www.",
        "a@",
        "a.",
        "@a.b",
        "a@b.c ",
        "mailto:",
        "a&amp;",
        "(https://a.b/)",
        "https://a.b/)",
        "https://a.b/&a;",
        "x[^a]\n\n[^a]: y[^a]\n\n",
        "- [ ] a\n",
        "```c\n\"\n```\n",
        "```js\n`\n```\n\n",
    ]
    .map(unit)
    .into_iter()
    .chain([
        nested,
        format!("x[^0]\n\n{notes}"),
        format!("[^a]: b\n\n{}", unit("[^a]")),
        format!("https://a.b/{}", unit("*x*.")),
        format!("https://a.b/{}", unit(")")),
        format!("https://a.b/{}", unit("&a;")),
        block,
        unit(&inline),
    ]);
    for text in hostile {
        let started = Instant::now();
        let (_, name) = time(&text);
        plain(&text);
        assert!(started.elapsed().as_secs() < 10, "{name:?} took {:?}", started.elapsed());
    }
}

#[test]
fn ten_thousand_headings_of_one_name_have_ten_thousand_ids() {
    let html = show(&"# a\n".repeat(10_000));
    assert!(html.contains("id=\"a\"") && html.contains("id=\"a-9999\""));
    let taken: String = (0..5_000).map(|n| format!("# a-{n}\n")).collect();
    assert!(show(&(taken + &"# a\n".repeat(5_000))).contains("id=\"a-9998\""));
}

#[test]
fn a_note_leads_back_to_the_first_of_many_references() {
    let html = show(&format!("{}\n\n[^a]: b", "[^a] ".repeat(1_000)));
    assert_eq!(html.matches("aria-label=\"Footnote 1\"").count(), 1_000);
    assert_eq!(html.matches("aria-label=\"Back to reference").count(), 20);
}

#[test]
fn nested_alerts_and_definitions_are_bounded_like_quotes() {
    let nested = |depth: usize| format!("> [!NOTE]\n{}a", "> ".repeat(depth));
    assert!(show(&nested(20)).contains("alert-note"));
    let alerts: String = (1..100).map(|depth| format!("{}[!NOTE]\n", "> ".repeat(depth))).collect();
    assert!(show(&alerts).contains("class=\"verbatim\""));
    let definitions: String =
        (0..100).map(|depth| format!("{}a\n{0}: b\n\n", " ".repeat(2 * depth))).collect();
    assert!(show(&definitions).contains("class=\"verbatim\""));
    assert!(excerpt(&alerts).len() < 16 * 1024);
}

#[test]
fn code_is_coloured_up_to_a_bound_and_shown_whole_beyond_it() {
    let block = |lines: usize| format!("```rust\n{}```\n\n", "let x = 1;\n".repeat(lines));
    assert!(show(&block(100)).contains("<span class=\"hl-keyword\">let</span> x ="));
    let html = show(&block(100_000));
    assert!(!html.contains("hl-") && html.matches("let x = 1;").count() == 100_000);
    let html = show(&format!("```rust\n//{}\n```", "x".repeat(MIB / 4)));
    assert!(!html.contains("hl-"), "few parts, many bytes");
    // The bound applies to all blocks together.
    let html = show(&block(1_000).repeat(50));
    assert!(html.matches("hl-keyword").count() > 1_000);
    let blocks = html.matches("hl-keyword").count() + html.matches("\nlet x").count();
    assert!(blocks >= 50 * 999, "{blocks}");
    assert!(html.len() < 3 << 20, "{}", html.len());
}

#[test]
fn a_mebibyte_of_code_of_any_language_is_shown_in_bounded_time() {
    // More than is coloured.
    let most = if cfg!(debug_assertions) { MIB / 4 } else { MIB };
    let started = Instant::now();
    let mut shown = 0;
    for name in colour::tests::NAMES {
        let code = "a(\"'`/*<{[$-#0 ".repeat(most / 16);
        shown += show(&format!("````{name}\n{code}\n````")).len();
    }
    assert!(shown > (most - 16) * colour::tests::NAMES.len());
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
