use super::*;

fn markdown_of(html: &str) -> String {
    let mut notes = Vec::new();
    converted(html, Lines::Spaces, &mut notes)
}

fn classic(text: &str) -> String {
    converted(text, Lines::Breaks, &mut Vec::new())
}

#[test]
fn html_that_markdown_can_express_becomes_markdown() {
    for (html, expected) in [
        ("<p>One</p>\n<p>Two &amp; <b>three</b>.</p>", "One\n\nTwo & **three**."),
        ("<h1>A</h1><h3 id=\"x\">B <em>c</em></h3>", "# A\n\n### B _c_"),
        ("<p>a<br>b<br/></p>", "a\\\nb"),
        ("<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>", "- a\n- b\n  1. c"),
        ("<ul>\n<li><p>a</p></li>\n<li><p>b</p></li></ul>", "- a\n\n- b"),
        ("<ol start=\"3\"><li>a<li>b</ol>", "3. a\n4. b"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<p><a href=\"/x y?a=1&amp;b=2\">z</a></p>", "[z](/x%20y?a=1&b=2)"),
        (
            "<figure><img src=\"a.png\" alt=\"A [b]\"><figcaption>C</figcaption></figure>",
            "![A \\[b\\]](a.png)\n\nC",
        ),
        (
            "<pre><code class=\"language-rust\">fn a() {}\n\n```\n</code></pre>",
            "````rust\nfn a() {}\n\n```\n````",
        ),
        ("<p>snake_case 2 * 3 <code>a`b</code> # 1. x</p>", "snake_case 2 \\* 3 ``a`b`` # 1. x"),
        (
            "<p>1. no list</p><p># no title</p><p>- no item</p>",
            "1\\. no list\n\n\\# no title\n\n\\- no item",
        ),
        ("<p>H<sub>2</sub>O</p><hr>", "H<sub>2</sub>O\n\n---"),
        (
            "<table><thead><tr><th>a</th><th>b|c</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>",
            "| a | b\\|c |\n| --- | --- |\n| 1 | 2 |",
        ),
        (
            "<p>un<strong>believ</strong>able <strong> spaced </strong>x</p>",
            "un**believ**able **spaced** x",
        ),
        ("<p><strong><em>x</em></strong></p>", "**_x_**"),
        ("<p>&lt;b&gt; &amp;amp; a < b</p>", "\\<b> &amp;amp; a < b"),
    ] {
        assert_eq!(markdown_of(html), expected, "{html}");
    }
}

#[test]
fn html_that_markdown_cannot_express_stays_html_block_by_block() {
    let text = markdown_of(
        "<p>Before</p><table><tr><td colspan=2>x</td></tr></table><p>After <i>it</i></p>",
    );
    let expected =
        "Before\n\n<table>\n<tr>\n<td colspan=\"2\">x</td>\n</tr>\n</table>\n\nAfter _it_";
    assert_eq!(text, expected);
    let text = markdown_of("<dl><dt>a</dt><dd><pre>b\n\nc</pre></dd></dl>");
    assert_eq!(text, "<dl>\n<dt>a</dt>\n<dd><pre>b&#10;&#10;c</pre></dd>\n</dl>");
}

#[test]
fn lines_count_as_wordpress_has_them() {
    for (source, expected) in [
        ("One\ntwo\n\nThree <b>four\n\nfive</b>", "One\\\ntwo\n\nThree **four**\n\n**five**"),
        ("<h2>A</h2>\nText\n<ul>\n <li>x</li>\n</ul>\nmore", "## A\n\nText\n\n- x\n\nmore"),
        ("<pre>a\n\nb</pre>\nx", "```\na\n\nb\n```\n\nx"),
        ("a\n<!--more-->\n\nb", "a\n\nb"),
        ("<!-- wp:paragraph -->\n<p>a\nb</p>\n<!-- /wp:paragraph -->\n\nc\nd", "a b\n\nc\\\nd"),
    ] {
        assert_eq!(classic(source), expected, "{source}");
    }
}

#[test]
fn forbidden_elements_are_noted_and_embedded_ones_become_links() {
    let mut notes = Vec::new();
    let text = converted(
        "<p>a</p><script>alert('<p>')</script><iframe src=\"//video.example/1\"></iframe>\
         <video src=\"/v/film.mp4\"></video><form><input></form><img src=\"data:x\">",
        Lines::Spaces,
        &mut notes,
    );
    assert_eq!(
        text,
        "a\n\n[https://video.example/1](https://video.example/1) [film.mp4](/v/film.mp4)"
    );
    let notes: Vec<_> = notes.iter().map(|note| (note.what.as_str(), note.lost)).collect();
    assert_eq!(
        notes,
        [
            ("with <input> left out", true),
            ("with <script> left out", true),
            ("with a link that replaces <iframe>", false),
            ("with a link that replaces <video>", false),
            ("with a picture from a data: URL, left out", true),
        ]
    );
}

#[test]
fn misnested_elements_keep_their_words() {
    for html in ["<b><i>a</b>b</i>", "<b>a<p>b</p>c</b>", "</p>a</div>", "<a href=x>a<a href=y>b"] {
        let text = markdown_of(html);
        for letter in ['a', 'b'].iter().filter(|letter| html.contains(**letter)) {
            assert!(text.contains(*letter), "{html}: {text}");
        }
    }
}

#[test]
fn hostile_html_takes_time_in_proportion() {
    let many = |part: &str| part.repeat((1 << 20) / part.len());
    let distinct: String = (0..40_000).map(|n| format!("<b id={n}><p>")).collect();
    for html in [
        many("<b>"),
        many("<div>"),
        many("<blockquote>"),
        many("<ul><li>"),
        many("a "),
        many("</b>"),
        many("<p>x"),
        many("x\n\n"),
        many("*_`[<&"),
        format!("<a {}>", many("a=1 b=2 ")),
        format!("<p>{}", many("<!-- x ")),
        distinct,
    ] {
        let start = std::time::Instant::now();
        let lines = if html.len() % 2 == 0 { Lines::Spaces } else { Lines::Breaks };
        let text = converted(&html, lines, &mut Vec::new());
        assert!(text.len() < 8 << 20);
        assert!(start.elapsed().as_secs() < 60, "{:?} for {}", start.elapsed(), &html[..20]);
    }
}
