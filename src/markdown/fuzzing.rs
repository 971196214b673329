//! A fuzz target for Markdown: no input may break the page that shows it.

use std::collections::HashSet;

use ammonia::Url;
use unicode_segmentation::UnicodeSegmentation;

use super::headings::is_of_pages;
use super::{Container, excerpt, plain, render};

/// Elements without an end tag.
const VOID: [&str; 6] = ["br", "col", "hr", "img", "input", "wbr"];

/// Elements that no text may contain.
const REFUSED: [&str; 20] = [
    "script", "style", "iframe", "object", "embed", "form", "base", "meta", "link", "svg", "math",
    "textarea", "noscript", "title", "button", "select", "template", "h1", "body", "html",
];

/// Attributes that no element may have, besides those that run a script.
const REFUSED_ATTRIBUTES: [&str; 5] = ["style", "name", "srcset", "formaction", "target"];

/// Renders a text of Markdown and checks the page.
pub fn markdown(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let html = render(&text, &Container { id: "post-1", top: 2, is_page: true, root: "" });
    check(&html);
    let plain = plain(&text);
    assert!(plain.len() <= 4 * text.len() + 64, "{} bytes of {}", plain.len(), text.len());
    let excerpt = excerpt(&text);
    assert!(excerpt.graphemes(true).count() <= 281, "{excerpt}");
    assert!(!excerpt.contains(char::is_control), "{excerpt:?}");
}

/// Checks that each element ends in the right place, and that nothing runs.
fn check(html: &str) {
    let mut open = Vec::new();
    let mut ids = HashSet::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, behind) = tag(after).unwrap_or_else(|| panic!("a tag has no end: {html}"));
        rest = behind;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "an element ends where it must not: {html}");
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(is_name && !REFUSED.contains(&name), "<{name}> in {html}");
        check_attributes(attributes, &mut ids);
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} have no end: {html}");
}

/// The inside of a tag, whose values may contain `>`, and the text after it.
fn tag(text: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let end = text.find(|c| {
        is_quoted ^= c == '"';
        c == '>' && !is_quoted
    })?;
    Some((&text[..end], &text[end + 1..]))
}

fn check_attributes<'a>(mut attributes: &'a str, ids: &mut HashSet<&'a str>) {
    while let Some((name, rest)) = attributes.split_once("=\"") {
        let (value, rest) = rest.split_once('"').unwrap_or((rest, ""));
        attributes = rest;
        let name = name.trim();
        assert!(!name.starts_with("on") && !REFUSED_ATTRIBUTES.contains(&name), "{name}");
        if name == "id" {
            assert!(ids.insert(value), "two elements are called {value}");
            assert!(value.starts_with("post-1-") || !is_of_pages(value), "{value} is the page's");
            assert!(
                !value.contains(|c: char| c.is_whitespace() || "\"'<>&".contains(c)),
                "{value}"
            );
        }
        if matches!(name, "href" | "src" | "cite") {
            let address = value.replace("&amp;", "&");
            let scheme = Url::parse(&address).map(|url| url.scheme().to_owned());
            let is_safe = scheme.is_ok_and(|it| ["http", "https", "mailto"].contains(&&*it));
            assert!(is_safe || Url::parse(&address).is_err(), "{name} leads to {address}");
        }
    }
    assert!(attributes.trim().is_empty(), "{attributes:?} has no value");
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn a_page_stays_a_page_whatever_is_in_a_text() {
        let seeds: &[&[u8]] = &[
            b"# One\n\nA *b* **c** ~~d~~ `e` [f](https://a.example/ \"g\") ![h](i.png)\n\
              \n- [x] j\n",
            b"| a | b |\n|:-:|--:|\n| 1 | <b>2 |\n\nx[^n]\n\n[^n]: note\n",
            b"<div><p>raw <b>html</div>\n\n> quote\n> - list\n>   1. one\n\n\
              ```rust\nfn f() {}\n```\n",
            b"x <script>alert(1)</script> <img src=x onerror=alert(1)> <svg/onload=alert(1)>\n",
            b"[x](javascript:alert(1)) <a href=\"java&#10;script:alert(1)\" onclick=a>x</a>\n",
            b"<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>\n",
            b"<!--><noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">-->\n",
            b"<b id=\"post-1-fn-1\" class=scroll>\n",
            b"> [!NOTE]\n> a\n>\n> > [!tip]\n> > b https://a.example/_b_(c). www.d.example\n",
            b"## a {#main}\n\n## a {#main .b}\n\n#### [a](#main)\n\n# {#__proto__}\n",
            b"a\n: b[^n] e@f.example\n: c[^n]\n\n[^n]: d[^m]\n\n\
              \x20   ```c++\n    int e;\n    ```\n\n[^m]: f\n",
            b"```js\n`${1}` /* a */\n```\n\n```sql\nselect 'a\n```\n",
            b"_",
            b"#",
            b"{#a}",
            b"http://",
            b"@",
            b": ",
            b"```c\n",
            b"&lt;&#x6a;&nbsp;",
            b"\n\n",
            b"***",
            b"[^n]",
            b"](",
            b"> ",
            b"- ",
            b"|",
            b"<b>",
            b"</b>",
            b"<table>",
            b"<td>",
            b"\"'>",
        ];
        drive("markdown", markdown, seeds);
    }
}
