//! The site's own addresses in a text. A text says `/posts/1` or `/uploads/X`, wherever the site is
//! served; if the site is served below a path, its readers need that path in front.

use std::borrow::Cow;

use crate::models::upload;

/// The first segments of the paths to which texts link. Any other path, such as `/shop`, may belong
/// to something else on the same host.
const SECTIONS: [&str; 9] =
    ["archive", "authors", "feed.xml", "notes", "posts", "search", "static", "tags", "uploads"];

/// The address for readers of the site below `root`, which is empty or a path without a slash at
/// its end. Only a relative address changes.
pub(super) fn placed<'a>(address: &'a str, root: &str) -> Cow<'a, str> {
    if !address.starts_with('/') || address.starts_with("//") {
        return Cow::Borrowed(address);
    }
    // A file is named by its content, so it is the same file even if the text was written below
    // another path.
    if let Some(own) = upload::own(address) {
        return match own.len() + root.len() == address.len() && address.starts_with(root) {
            true => Cow::Borrowed(address),
            false => Cow::Owned(format!("{root}{own}")),
        };
    }
    // No site is served below a path that begins with one of these.
    let first = address[1..].split(['/', '?', '#']).next();
    match first.is_some_and(|first| SECTIONS.contains(&first)) {
        true => Cow::Owned(format!("{root}{address}")),
        false => Cow::Borrowed(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "/uploads/0123456789abcdef0123456789abcdef01234567.png";

    #[test]
    fn the_sites_own_addresses_are_below_its_path() {
        for (address, at_a, at_root) in [
            ("/posts/1-title#comment-2", "/a/posts/1-title#comment-2", "/posts/1-title#comment-2"),
            ("/notes", "/a/notes", "/notes"),
            ("/tags/x?after=y", "/a/tags/x?after=y", "/tags/x?after=y"),
            ("/search?q=/a/", "/a/search?q=/a/", "/search?q=/a/"),
            (FILE, &format!("/a{FILE}"), FILE),
            (&format!("/a{FILE}"), &format!("/a{FILE}"), FILE),
            (&format!("/b/c{FILE}"), &format!("/a{FILE}"), FILE),
        ] {
            assert_eq!(placed(address, "/a"), at_a);
            assert_eq!(placed(address, ""), at_root);
        }
    }

    #[test]
    fn other_addresses_do_not_change() {
        for address in [
            "",
            "/",
            "//",
            "/a/posts/1",
            "//posts/1",
            "/postscript",
            "/shop",
            "posts/1",
            "#posts",
            "?a=/posts/",
            "../posts/1",
            "/b/uploads/x.png",
            "/\u{e9}/",
            "/POSTS/1",
            &format!("//evil.example{FILE}"),
            &format!("/shop?next={FILE}"),
        ] {
            assert_eq!(placed(address, "/a"), address);
            assert_eq!(placed(address, ""), address);
        }
    }
}
