//! The `Content-Security-Policy` of the site's pages.

/// Returns the policy of a page that these origins may frame. Only the site's own scripts and
/// styles run on it.
pub fn content(framed_by: &[String]) -> String {
    let ancestors = if framed_by.is_empty() { "'none'".to_owned() } else { framed_by.join(" ") };
    format!(
        "default-src 'self'; img-src 'self' https: data:; style-src 'self'; script-src 'self'; \
         connect-src 'self'; frame-ancestors {ancestors}; base-uri 'none'; form-action 'self'"
    )
}

#[cfg(test)]
mod tests {
    use super::content;

    #[test]
    fn only_the_named_origins_frame_a_page() {
        assert!(content(&[]).contains("frame-ancestors 'none';"));
        let two = ["https://a.example".to_owned(), "http://localhost:81".to_owned()];
        let policy = content(&two);
        assert!(
            policy.contains("frame-ancestors https://a.example http://localhost:81;"),
            "{policy}"
        );
    }
}
