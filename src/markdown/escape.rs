//! Plain text as HTML. Owns which characters are escaped and how, for both pages and snippets.

/// Appends a text, with every character escaped that has a meaning in HTML.
pub(crate) fn escape(text: &str, html: &mut String) {
    text.chars().for_each(|character| escape_character(character, html));
}

/// Appends one character, escaped if it has a meaning in HTML text or in an attribute's value.
pub(crate) fn escape_character(character: char, html: &mut String) {
    match character {
        '&' => html.push_str("&amp;"),
        '<' => html.push_str("&lt;"),
        '>' => html.push_str("&gt;"),
        '"' => html.push_str("&quot;"),
        '\'' => html.push_str("&#39;"),
        _ => html.push(character),
    }
}
