//! The visible text of sanitized HTML. Owns where its words end.

/// Appends the visible text of `html` to `text`. `html` must come from
/// [`sanitize`](super::sanitize): its tags are closed, comments and scripts are gone, and only four
/// characters are written as entities.
pub(super) fn push(html: &str, text: &mut String) {
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(tag) = rest.strip_prefix('<') {
            let end = tag_end(tag);
            if !is_within_words(&tag[..end]) {
                text.push('\n');
            }
            rest = tag[end..].strip_prefix('>').unwrap_or_default();
        } else {
            const ENTITIES: [(&str, char); 4] =
                [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&nbsp;", '\u{a0}')];
            let entity = ENTITIES.iter().find(|(name, _)| rest.starts_with(name));
            let (name, character) = entity.copied().unwrap_or(("&", '&'));
            text.push(character);
            rest = &rest[name.len()..];
        }
    }
    text.push_str(rest);
}

/// The position at which the tag at the start of `tag` ends: not inside an attribute's value.
fn tag_end(tag: &str) -> usize {
    let mut is_quoted = false;
    let end = tag.bytes().position(|byte| {
        is_quoted ^= byte == b'"';
        byte == b'>' && !is_quoted
    });
    end.unwrap_or(tag.len())
}

/// Whether a tag does not separate words.
fn is_within_words(tag: &str) -> bool {
    const NAMES: [&str; 22] = [
        "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "em", "i", "ins", "kbd", "mark",
        "q", "s", "small", "span", "strong", "sub", "sup", "u", "wbr",
    ];
    let name = tag.trim_start_matches('/');
    let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    NAMES.contains(&&name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(html: &str) -> String {
        let mut text = String::new();
        push(html, &mut text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tags_go_and_words_keep_their_ends() {
        assert_eq!(visible("<p>un<b>believ</b>able</p><p>b</p>c<br>d"), "unbelievable b c d");
        assert_eq!(visible("<table><tr><td>a</td><td>b</td></tr></table>"), "a b");
    }

    #[test]
    fn attributes_are_not_text() {
        assert_eq!(visible("<a title=\"a > b\" href=\"x\">c</a> <img alt=\"<\">d"), "c d");
    }

    #[test]
    fn entities_become_their_characters() {
        assert_eq!(visible("a &lt;b&gt; &amp;amp; c&nbsp;d & e &x;"), "a <b> &amp; c d & e &x;");
    }
}
