//! The headings of a rendered text, for a table of contents. They are read from its cached HTML,
//! which contains their ids.

/// Maximum number of headings in a table of contents.
const MOST: usize = 100;

/// Maximum length of a listed heading in bytes.
const LONGEST: usize = 2048;

/// A heading of the two upper levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Whether it is on the lower of the two levels.
    pub is_below: bool,
    /// Its id, as HTML.
    pub id: String,
    /// Its words, as HTML without elements.
    pub title: String,
}

/// The first headings `h2` and `h3` with an id in HTML that [`super::render`] has written.
pub fn contents(html: &str) -> Vec<Heading> {
    let mut found = Vec::new();
    let mut rest = html;
    while found.len() < MOST
        && let Some((_, after)) = rest.split_once("<h")
    {
        rest = after;
        found.extend(heading(after));
    }
    found
}

/// The heading whose tag begins with `<h` and this text.
fn heading(text: &str) -> Option<Heading> {
    let (level, end) = match text.as_bytes().first()? {
        b'2' => (2, "</h2>"),
        b'3' => (3, "</h3>"),
        _ => return None,
    };
    let attributes = text.get(1..)?.strip_prefix(' ')?;
    let tag = attributes.get(..end_of_tag(attributes)?)?;
    let id = tag.split_once("id=\"")?.1.split_once('"')?.0;
    let inside = attributes.get(tag.len() + 1..)?;
    // Bounds the search for the end of each of many headings.
    let mut near = LONGEST.min(inside.len());
    while !inside.is_char_boundary(near) {
        near -= 1;
    }
    let (inside, _) = inside.get(..near)?.split_once(end)?;
    let title = words(inside);
    (!title.is_empty()).then(|| Heading { is_below: level == 3, id: id.to_owned(), title })
}

/// The position at which a tag ends. A value may contain `>`.
fn end_of_tag(attributes: &str) -> Option<usize> {
    let mut is_value = false;
    attributes.bytes().take(LONGEST).position(|byte| {
        is_value ^= byte == b'"';
        byte == b'>' && !is_value
    })
}

/// HTML without its elements.
fn words(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let Some(end) = end_of_tag(tag) else { return text.trim().to_owned() };
        rest = tag.get(end + 1..).unwrap_or_default();
    }
    text.push_str(rest);
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{Container, render};
    use super::*;

    fn of(markdown: &str) -> Vec<(bool, String, String)> {
        let html = render(markdown, &Container { id: "post-1", top: 2, is_page: true, root: "" });
        let all = contents(&html).into_iter();
        all.map(|heading| (heading.is_below, heading.id, heading.title)).collect()
    }

    fn owned(is_below: bool, id: &str, title: &str) -> (bool, String, String) {
        (is_below, id.to_owned(), title.to_owned())
    }

    #[test]
    fn headings_have_the_ids_that_the_text_has() {
        let text =
            "# One & two\n\n### *Deep* `<i>`\n\n#### Deeper\n\n## Äö {#own}\n\n## comments\n";
        let expected = [
            owned(false, "one--two", "One &amp; two"),
            owned(true, "deep-i", "Deep &lt;i&gt;"),
            owned(false, "own", "Äö"),
            owned(false, "post-1--comments", "comments"),
        ];
        assert_eq!(of(text), expected);
    }

    #[test]
    fn nothing_in_a_heading_becomes_markup() {
        let text = "## a [b](/x \"t > u\") ![c > d](/e.png) <b title=\"<h2 id='x'>\">f</b>\n\n\
                    ## &lt;script&gt;\n\n<h2>without an id</h2>\n\n## ![only a picture](/e.png)\n";
        for (_, id, title) in of(text) {
            assert!(!id.contains(['<', '>', '"']), "{id}");
            assert!(!title.contains('<'), "{title}");
        }
        assert_eq!(of(text).len(), 2, "{:?}", of(text));
        assert_eq!(of("<pre>\n<h2 id=\"x\">y</h2>\n</pre>\n\n`<h2 id=\"x\">y</h2>`"), []);
    }

    #[test]
    fn a_text_of_nothing_but_headings_has_a_bound() {
        assert_eq!(of(&"## a\n\n".repeat(5000)).len(), MOST);
        assert_eq!(of(&format!("## {}\n", "a".repeat(100_000))), []);
        assert_eq!(contents("<h2 id=\"a\">b"), []);
        assert_eq!(contents("<h2 "), []);
        assert_eq!(contents("<h"), []);
    }
}
