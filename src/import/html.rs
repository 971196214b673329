//! HTML files with front matter, which Hugo and Jekyll treat as pages. Markdown passes HTML through
//! if its lines do not look like code.

/// Whether a file's name has an HTML extension.
pub(super) fn is_html(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.eq_ignore_ascii_case("html") || ending.eq_ignore_ascii_case("htm")
}

/// Removes the indentation from HTML, which Markdown would read as code; preformatted text keeps
/// it.
pub(super) fn as_block(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut is_preformatted = false;
    for line in html.split_inclusive('\n') {
        let lower = line.to_ascii_lowercase();
        out.push_str(if is_preformatted { line } else { line.trim_start_matches([' ', '\t']) });
        for (at, _) in lower.match_indices('<') {
            let tag = lower.get(at + 1..).unwrap_or_default();
            if tag.starts_with("pre") || tag.starts_with("textarea") {
                is_preformatted = true;
            } else if tag.starts_with("/pre") || tag.starts_with("/textarea") {
                is_preformatted = false;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_html_is_not_code() {
        let html = "<div>\n\n      <p>Hi</p>\n<pre>\n    as is\n</pre>\n    <b>x</b>\n</div>";
        assert_eq!(
            as_block(html),
            "<div>\n\n<p>Hi</p>\n<pre>\n    as is\n</pre>\n<b>x</b>\n</div>"
        );
        assert!(is_html("a/b.HTML") && is_html("x.htm") && !is_html("html") && !is_html("a.md"));
    }
}
