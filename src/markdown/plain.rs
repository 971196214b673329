//! The plain text of Markdown, for the index and for snippets. Owns which parts count as text and
//! where words end; the search splits words into terms.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::raw::{self, Budget, Inline};
use super::{is_inline, parse, sanitize, visible, words};

/// The text of `markdown`, including code, with one line for each block.
///
/// It is the text that a reader sees: without the targets of links, and with only the visible part
/// of raw HTML. Escape it before you show it on a page. A text that is too intricate to render is
/// returned as it is.
pub fn plain(markdown: &str) -> String {
    let Some(events) = parse(markdown) else { return markdown.to_owned() };
    let mut text = String::with_capacity(markdown.len());
    let (mut block, mut budget) = (String::new(), Budget::new());
    for event in words(events.into_iter()) {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::Start(Tag::HtmlBlock) => block.clear(),
            Event::Html(part) => block.push_str(&part),
            Event::End(TagEnd::HtmlBlock) => {
                if budget.take(&block) {
                    visible::push(&sanitize::block(&block), &mut text);
                } else {
                    text.push_str(&block);
                }
                text.push('\n');
            }
            Event::InlineHtml(tag) => match raw::inline(&tag) {
                Inline::Unknown => text.push_str(&tag),
                Inline::Single(_) => text.push(' '),
                Inline::Open(..) | Inline::Close(_) | Inline::Comment => {}
            },
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
    fn only_the_visible_part_of_html_is_text() {
        let text = plain(
            "<div class=\"secretclass\">visible</div><!-- hiddencomment -->\n\n\
             a <b title=\"secret\">b</b>c <!-- hidden --> <foo> d<br>e\n\n<!-- open\n\nhidden",
        );
        assert_eq!(
            text.split_whitespace().collect::<Vec<_>>(),
            ["visible", "a", "bc", "<foo>", "d", "e"]
        );
        assert_eq!(plain("<script>x</script> word").trim(), "word");
        let cells = plain("<table><tr><td>a</td><td>b &amp; c</td></tr></table>");
        assert_eq!(cells.split_whitespace().collect::<Vec<_>>(), ["a", "b", "&", "c"]);
    }

    #[test]
    fn entities_become_their_characters() {
        assert_eq!(plain("a &lt; b &amp;c").trim(), "a < b &c");
    }
}
