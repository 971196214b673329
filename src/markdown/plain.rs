//! The plain text of Markdown: what is indexed and what snippets are cut from. Owns which parts
//! count as text and where words end; leaves how they are cut into terms to the search.

use pulldown_cmark::{Event, TagEnd};

use super::{has_too_many_marks, is_inline, parser, words};

/// The text of `markdown`, code included, a line for each block.
///
/// Where a link leads is not part of it. HTML stands in it as it was written; whoever shows the
/// text on a page must escape it, as any other text. A text that is too intricate to parse is its own
/// plain text.
pub fn plain(markdown: &str) -> String {
    if has_too_many_marks(markdown) {
        return markdown.to_owned();
    }
    let mut text = String::with_capacity(markdown.len());
    for event in words(parser(markdown)) {
        match event {
            Event::Text(part) | Event::Code(part) | Event::Html(part) | Event::InlineHtml(part) => {
                text.push_str(&part)
            }
            Event::SoftBreak => text.push(' '),
            Event::HardBreak | Event::Rule => text.push('\n'),
            Event::End(TagEnd::TableCell) => text.push(' '),
            Event::End(end) if !is_inline(end) => text.push('\n'),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_words_keep_their_ends() {
        let text = plain(
            "# The *un*canny\n\nA [link](https://example.com/hidden)\nand `code`.\n\n- one\n- two\n\n```rust\nfn f() {}\n```",
        );
        assert_eq!(
            text.split_whitespace().collect::<Vec<_>>().join(" "),
            "The uncanny A link and code. one two fn f() {}"
        );
    }

    #[test]
    fn cells_and_rows_are_apart() {
        let text = plain("|a|b|\n|-|-|\n|c|d|\n");
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn html_stays_as_text() {
        assert_eq!(plain("<script>x</script> word").trim(), "<script>x</script> word");
    }

    #[test]
    fn entities_are_what_they_stand_for() {
        assert_eq!(plain("a &lt; b &amp;c").trim(), "a < b &c");
    }
}
