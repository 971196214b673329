//! Raw HTML inside Markdown. Owns which inline tags may stay and how much HTML in blocks is worth
//! parsing; `sanitize` removes what is dangerous, from these as from everything.

/// Inline elements that a writer may use, all of them without attributes.
const INLINE: [&str; 24] = [
    "abbr", "b", "bdi", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark", "q", "s",
    "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "tt",
];

/// The budget for all of a document's blocks of raw HTML, in bytes times tags. An HTML parser may
/// copy each open formatting element into each paragraph after it, which turns a few hundred bytes
/// into gigabytes.
const BUDGET: usize = 16 << 20;

/// Maximum bytes of an address, title or inline tag: attributes are slow to write, see [`is_slow`].
pub(super) const MAX_ATTRIBUTE: usize = 4096;

/// Maximum number of elements opened by inline tags at one level.
pub(super) const MAX_OPEN: usize = 8;

/// The kind of an inline tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inline<'a> {
    /// Opens an element: its name, and the tag to write or an empty text for the name alone.
    Open(&'static str, &'a str),
    /// Closes an element.
    Close(&'static str),
    /// Has no end tag; the tag to write.
    Single(&'a str),
    /// A comment, which shows nothing.
    Comment,
    /// A tag that may not stay.
    Unknown,
}

/// Classifies an inline tag found by the Markdown parser.
pub(super) fn inline(tag: &str) -> Inline<'_> {
    if tag.len() > MAX_ATTRIBUTE {
        return Inline::Unknown;
    }
    if tag.starts_with("<!") || tag.starts_with("<?") {
        return Inline::Comment;
    }
    let (closing, rest) = match tag.strip_prefix("</") {
        Some(rest) => (true, rest),
        None => (false, tag.strip_prefix('<').unwrap_or(tag)),
    };
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
    let name = rest[..end].to_ascii_lowercase();
    match name.as_str() {
        "br" | "wbr" | "img" => Inline::Single(tag),
        "a" if closing => Inline::Close("a"),
        "a" => Inline::Open("a", tag),
        _ => match INLINE.iter().find(|known| **known == name) {
            Some(name) if closing => Inline::Close(name),
            Some(name) => Inline::Open(name, ""),
            None => Inline::Unknown,
        },
    }
}

/// The remaining budget for a document's blocks of HTML.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    /// The whole budget of a document.
    pub(super) fn new() -> Budget {
        Budget(BUDGET)
    }

    /// Subtracts the cost of a block; returns false if the budget does not cover it.
    pub(super) fn take(&mut self, block: &str) -> bool {
        let tags = block.bytes().filter(|byte| *byte == b'<').count();
        let slow = block.bytes().filter(is_slow).count();
        let cost = block.len().saturating_mul(tags + slow / 64).saturating_add(attributes(block));
        match self.0.checked_sub(cost) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

/// An upper bound on html5ever's comparisons of attribute names: it compares each name in a tag
/// with all before it.
fn attributes(html: &str) -> usize {
    let mut sum = 0_usize;
    let mut bytes = html.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'<'
            || !bytes.peek().is_some_and(|next| next.is_ascii_alphabetic() || *next == b'/')
        {
            continue;
        }
        // Every attribute follows a space, a slash, or the end of a value.
        let (mut before, mut is_value) = (0_usize, false);
        while let Some(byte) = bytes.next() {
            match byte {
                b'>' => break,
                b'"' | b'\'' if is_value => {
                    bytes.by_ref().take_while(|inside| *inside != byte).for_each(drop);
                    before += 1;
                    is_value = false;
                }
                b'=' => is_value = true,
                byte if byte.is_ascii_whitespace() => before += usize::from(!is_value),
                b'/' => (before, is_value) = (before + 1, false),
                _ => is_value = false,
            }
        }
        sum = sum.saturating_add(before.saturating_mul(before) / 2);
    }
    sum
}

/// Whether attributes make a text slow for an HTML parser.
pub(super) fn is_costly(html: &str) -> bool {
    attributes(html) > BUDGET
}

/// Whether html5ever's serializer scans the rest of its text again at this byte: an `&`, or the
/// first byte of a no-break space.
pub(super) fn is_slow(byte: &u8) -> bool {
    matches!(byte, b'&' | 0xc2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_tags_are_known_by_name_whatever_their_case_and_attributes() {
        assert_eq!(inline("<KBD onclick='x'>"), Inline::Open("kbd", ""));
        assert_eq!(inline("</kbd >"), Inline::Close("kbd"));
        assert_eq!(inline("<br/>"), Inline::Single("<br/>"));
        assert_eq!(inline("<a href=x>"), Inline::Open("a", "<a href=x>"));
        assert_eq!(inline("<!-- b -->"), Inline::Comment);
        for unknown in ["<script>", "<bx>", "<b-x>", "</div>", "<svg>", "<>"] {
            assert_eq!(inline(unknown), Inline::Unknown, "{unknown}");
        }
    }

    #[test]
    fn a_budget_lasts_for_honest_blocks_and_not_for_a_flood() {
        let mut budget = Budget::new();
        assert!(budget.take(&"<tr><td>cell</td></tr>".repeat(50)));
        assert!(!budget.take(&"<b id=1>".repeat(10_000)));
        // One tag, whatever separates its attributes, and wherever it seems to end.
        let flood =
            |separator: &str| (0..9000).map(|n| format!("{separator}a{n}")).collect::<String>();
        for (start, separator) in [
            ("<b", " "),
            ("<b", "/"),
            ("<b", "\n"),
            ("</b", "\t"),
            ("<b x='1'", "=''"),
            ("<b x=\">\"", " "),
            ("<b x= '>'", " "),
            ("<b x=y\"z", " "),
        ] {
            let tag = format!("{start}{}>", flood(separator));
            assert!(!Budget::new().take(&tag), "{start} {separator:?}");
        }
        // Words are not attributes.
        let words = "word ".repeat(9000);
        for honest in [
            format!("<p>{words}</p>"),
            format!("<img alt=\"{words}\">"),
            format!("<img alt='{words}'>a < b {words}"),
            format!("<!-- {words} -->"),
        ] {
            assert!(Budget::new().take(&honest), "{}", &honest[..20]);
        }
        assert!(budget.take("<hr>"));
    }
}
