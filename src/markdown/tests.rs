//! Hostile and ordinary Markdown: the HTML that reaches a page, and its cost.

use std::time::{Duration, Instant};

use super::*;

mod bounds;
mod github;
mod suites;

fn show(markdown: &str) -> String {
    render(markdown, &Container { id: "post-1", top: 2, is_page: true, root: "" }).to_string()
}

/// The tags in some HTML, as ammonia writes them: all values quoted, and no `>` in any of them.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect()
}

/// A tag without its values.
fn names(tag: &str) -> String {
    tag.split('"').step_by(2).collect()
}

#[test]
fn nothing_that_runs_gets_through() {
    let payloads = [
        "<script>alert(1)</script>",
        "x <script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "x <img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "x <svg/onload=alert(1)>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "x <a href='JaVaScRiPt:alert(1)' onclick=alert(1)>x</a>",
        "<a href=\"java&#10;script:alert(1)\">x</a>",
        "[x](javascript:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](vbscript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](javascript:alert(1))",
        "![x\" onerror=\"alert(1)](y)",
        "[x](y \"\\\" onmouseover=alert(1) \\\"\")",
        "<iframe src=//evil.example></iframe>",
        "<object data=x></object><embed src=x>",
        "<style>*{display:none}</style>",
        "<p style=\"position:fixed\">x</p>",
        "<form action=//evil.example><input name=password></form>",
        "<base href=//evil.example>",
        "<meta http-equiv=refresh content=0>",
        "<link rel=stylesheet href=//evil.example>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<textarea><img title=\"</textarea><img src=x onerror=alert(1)>\">",
        "<div><svg><desc><![CDATA[</desc><script>alert(1)</script>]]></svg></div>",
        "```<script>alert(1)</script>\n```",
        "``` \"><script>alert(1)</script>\n```",
        "<!--><script>alert(1)</script>-->",
        "[^<script>]: x\n\na[^<script>]",
        "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
        "<a id=main name=main class=skip>x</a>",
        "<b id=\"post-1-fn-1\">x</b>",
    ];
    for payload in payloads {
        let html = show(payload);
        for tag in tags(&html) {
            let names = names(tag);
            for element in ELEMENTS {
                assert!(!names.starts_with(element), "{payload}\ngave\n{html}");
            }
            for attribute in [" on", " style", " name", " srcset", " formaction", " target"] {
                assert!(!names.contains(attribute), "{payload}\ngave\n{html}");
            }
            for value in ["=\"javascript:", "=\"vbscript:", "=\"data:", "\"main\"", "\"skip\""] {
                assert!(!tag.contains(value), "{payload}\ngave\n{html}");
            }
            assert!(!tag.starts_with("b id"), "{payload}\ngave\n{html}");
        }
    }
}

const ELEMENTS: [&str; 18] = [
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "form",
    "input name",
    "base",
    "meta",
    "link",
    "svg",
    "math",
    "textarea",
    "noscript",
    "title",
    "button",
    "select",
    "h1",
];

#[test]
fn links_and_images_are_marked_and_lazy() {
    let html =
        show("[a](https://example.org/) [b](/posts/1) [c](mailto:a@example.org) ![d](e.png)");
    assert_eq!(html.matches("rel=\"nofollow ugc noopener\"").count(), 3, "{html}");
    assert!(html.contains("href=\"/posts/1\""), "{html}");
    assert!(html.contains("loading=\"lazy\""), "{html}");
}

#[test]
fn harmless_raw_html_works_and_closes_with_its_paragraph() {
    let html = show("Press <kbd>Esc</KBD>, H<sub>2</sub>O and <b>bold\n\nplain </i><mark>x");
    assert!(html.contains("<kbd>Esc</kbd>, H<sub>2</sub>O and <b>bold</b></p>"), "{html}");
    assert!(html.contains(">plain <mark>x</mark></p>"), "{html}");
    let html = show("a <blink>b</blink> <div>c");
    assert!(html.contains("a &lt;blink&gt;b&lt;/blink&gt; &lt;div&gt;c"), "{html}");
    let html = show("<details><summary>More</summary><p>inside</p></details>\n\n<div>\n\n*x*");
    assert!(
        html.contains("<details><summary>More</summary><p dir=\"auto\">inside</p></details>"),
        "{html}"
    );
    assert!(html.contains("<em>x</em>"), "{html}");
}

const MIB: usize = 1 << 20;

/// Renders a text, and returns the time that it took and the HTML.
fn time(text: &str) -> (Duration, String) {
    let started = Instant::now();
    let html = show(text);
    let short = excerpt(text);
    let name: String = text.chars().take(24).collect();
    assert!(html.len() < 16 * text.len() + 4096, "{} bytes of HTML from {name:?}", html.len());
    assert!(short.len() < 16 * 1024, "{name:?}");
    (started.elapsed(), name)
}

#[test]
fn a_mebibyte_of_marks_is_shown_in_bounded_time() {
    let lists: String = (0..1_400).map(|depth| format!("{}- a\n", " ".repeat(depth))).collect();
    let ticks: String = (1..1_400).map(|n| format!("{} ", "`".repeat(n))).collect();
    let hostile = ["> ", ">", "[", "![", "*", "*a_b", "`", "`a``b", "&", "<div>", "<b>", "|"]
        .map(|unit| unit.repeat(MIB / unit.len()))
        .into_iter()
        .chain([lists, ticks]);
    let slowest = hostile.map(|text| time(&text)).max();
    // About a second without optimisation; the bugs that this catches take minutes.
    assert!(slowest.as_ref().is_some_and(|(time, _)| time.as_secs() < 20), "{slowest:?}");
}

#[test]
fn cost_grows_in_proportion_to_length() {
    // Unoptimised code gets less of the same input.
    let most = if cfg!(debug_assertions) { MIB / 8 } else { MIB };
    let unit = |text: &str| text.repeat(most / text.len());
    let formats: String = (0..2_000).map(|n| format!("<b id={n}>")).collect();
    let mut hostile: Vec<String> = [
        "]",
        "[](",
        "[a](",
        "[^",
        "[^a]",
        "[^a]: b\n",
        "[a]: b\n",
        "**a ",
        "_a ",
        "*_",
        "~~a",
        "- ",
        "1. ",
        "* * ",
        "- [ ] ",
        "<div>\n\n",
        "x<b>",
        "a <b>\n\n",
        "<",
        "<a ",
        "<!--",
        "<?",
        "<![CDATA[",
        "&#",
        "\\",
        "a\\\n",
        "a|b\n-|-\n",
        "|\n|-",
        "#",
        "=\n",
        "\n",
        "\t",
        "a\n",
        "```\n",
        "    a\n",
        ">\n",
        "> a\n\n",
        "\0",
        "\u{202e}א",
        "e\u{301}",
        "👨‍👩‍👧",
        "\u{a0}",
        "«é»",
    ]
    .map(unit)
    .into();
    let ampersands = unit("&");
    hostile.extend([
        format!("<p>{ampersands}</p>"),
        format!("`{ampersands}`"),
        format!("    {ampersands}"),
        format!("![{ampersands}](/a.png)"),
        format!("[a](/ \"{ampersands}\")"),
        format!("[a](/?{ampersands})"),
        format!("x <a title=\"{ampersands}\">"),
        format!("{formats}{}", unit("<p>x")),
        format!("<div>{formats}\n\n{}", unit("a\n\n")),
        format!("x {formats}\n\n{}", unit("a\n\n")),
        format!("{}{}", "> ".repeat(40), unit("a\n")),
        format!("|{}\n|{}\n{}", "a|".repeat(1_000), "-|".repeat(1_000), unit("|\n")),
    ]);
    let slowest = hostile.iter().map(|text| time(text)).max();
    assert!(slowest.as_ref().is_some_and(|(time, _)| time.as_secs() < 20), "{slowest:?}");
}

#[test]
fn text_nested_too_deep_is_shown_as_written() {
    let html = show(&format!("{}<script>", "> ".repeat(100)));
    assert!(html.contains("Too complex"), "{html}");
    assert!(html.contains("&gt; &lt;script&gt;</pre>"), "{html}");
    assert!(!show(&format!("{}deep", "> ".repeat(20))).contains("Too complex"));
}

#[test]
fn an_excerpt_is_the_first_words_without_marks() {
    let text = "# Title\n\nSome *words* and [a link](https://x.example) with `code`.\n\n```\ncode\n```\n\n- item";
    assert_eq!(excerpt(text), "Some words and a link with code. item");
    assert_eq!(excerpt("# Only a heading"), "Only a heading");
    assert_eq!(
        excerpt("To buy:\n\n- flour (white)\n- *eggs*\n\n> Soon!"),
        "To buy: flour (white) · eggs · Soon!"
    );
    assert_eq!(
        excerpt("He said \"no.\"\n\nSo\nit was\n***\n&nbsp;\n\nend"),
        "He said \"no.\" So it was · end"
    );
    assert_eq!(excerpt("<script>alert(1)</script>\n\nx <b>y</b>"), "x y");
    assert_eq!(excerpt("a\\<b\\> &lt;c&gt;"), "a<b> <c>");
    assert_eq!(excerpt(""), "");
}

#[test]
fn an_excerpt_is_cut_between_words_and_never_inside_a_character() {
    let short = excerpt(&"word ".repeat(500));
    assert!(short.ends_with("word…") && short.len() <= 283, "{short}");
    let short = excerpt(&"👨‍👩‍👧".repeat(400));
    assert_eq!(short, format!("{}…", "👨‍👩‍👧".repeat(280)));
    assert_eq!(excerpt(&"x".repeat(200)), "x".repeat(200));
    assert!(excerpt(&format!("{}ü", "a".repeat(8 * 1024 - 1))).ends_with('…'));
}

#[test]
fn the_number_of_elements_has_an_exact_bound() {
    // A paragraph, and one code span each.
    let elements = |count: usize| "`a` ".repeat(count - 1);
    assert!(!show(&elements(MAX_ELEMENTS)).contains("class=\"verbatim\""));
    assert!(show(&elements(MAX_ELEMENTS + 1)).contains("class=\"verbatim\""));
}

#[test]
fn a_text_of_too_many_marks_is_not_even_parsed() {
    // They make few elements: stars surrounded by spaces have no meaning.
    let marks = |count: usize| "* a\n".repeat(10) + &"x *** ".repeat((count - 10) / 3);
    let most = MAX_MARKS - (MAX_MARKS - 10) % 3;
    assert!(!show(&marks(most)).contains("class=\"verbatim\""));
    let more = marks(most + 3);
    assert!(show(&more).contains("class=\"verbatim\""));
    assert_eq!(plain(&more), more);
}
