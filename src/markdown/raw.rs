//! Raw HTML inside Markdown. Owns which inline tags may stay and how much HTML in blocks is worth
//! parsing; taking away what is dangerous is `sanitize`'s, for these as for everything.

/// Inline elements that a writer may use, all without attributes.
const INLINE: [&str; 24] = [
    "abbr", "b", "bdi", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark", "q", "s",
    "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "tt",
];

/// The budget for a document's blocks of raw HTML together, in bytes times tags: an HTML parser may
/// copy each open formatting element into each paragraph after it, so that a few hundred bytes
/// become gigabytes.
const BUDGET: usize = 16 << 20;

/// The longest address, title or inline tag: attributes are slow to write, see [`is_slow`].
pub(super) const MAX_ATTRIBUTE: usize = 4096;

/// The elements open at once by inline tags at one level.
pub(super) const MAX_OPEN: usize = 8;

/// The kind of an inline tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inline<'a> {
    /// Opens an element; the tag to write.
    Open(&'static str, &'a str),
    /// Closes an element.
    Close(&'static str),
    /// Stands alone; the tag to write.
    Single(&'a str),
    /// Shows nothing.
    Comment,
    /// Not one of those that may stay.
    Unknown,
}

/// Reads one inline tag, as the Markdown parser found it.
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

/// The rest of a document's budget for blocks of HTML.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    /// A document's whole budget.
    pub(super) fn new() -> Budget {
        Budget(BUDGET)
    }

    /// Takes the cost of a block; false when the budget does not cover it.
    pub(super) fn take(&mut self, block: &str) -> bool {
        let tags = block.bytes().filter(|byte| *byte == b'<').count();
        let slow = block.bytes().filter(is_slow).count();
        match self.0.checked_sub(block.len().saturating_mul(tags + slow / 64)) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

/// True for a byte at which html5ever's serializer looks through the rest of its text once more:
/// those of `&` and of the first of a no-break space.
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
        assert!(budget.take("<hr>"));
    }
}
