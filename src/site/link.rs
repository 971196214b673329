//! The owner's links in the navigation of each page, to a page of the site or to another site.

use url::Url;

use super::{Unfit, line};

/// The most links: more do not fit next to the site's own.
pub const MOST: usize = 6;

const MAX_LABEL: usize = 40;
const MAX_ADDRESS: usize = 2000;

/// A link in the navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The text of the link, on one line.
    pub label: String,
    /// A path of the site, without the path of the public URL, or an HTTP or HTTPS URL.
    pub address: String,
    /// True if it leads to another site.
    pub is_outside: bool,
}

impl Link {
    /// Parses `LABEL=ADDRESS`, where the address begins with `/`, `https://` or `http://`.
    pub fn parse(text: &str) -> Result<Link, Unfit> {
        let (label, address) = text.split_once('=').ok_or(Unfit::Link)?;
        let label = line(label, MAX_LABEL)?;
        let address = address.trim();
        if address.len() > MAX_ADDRESS {
            return Err(Unfit::TooLong(MAX_ADDRESS));
        }
        // `//host` and `/\host` are other sites.
        let is_path = address.starts_with('/')
            && !address.get(1..).is_some_and(|rest| rest.starts_with(['/', '\\']))
            && !address.contains(|c: char| c.is_control() || c.is_whitespace());
        if is_path {
            return Ok(Link { label, address: address.to_owned(), is_outside: false });
        }
        match Url::parse(address) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => {
                Ok(Link { label, address: url.into(), is_outside: true })
            }
            _ => Err(Unfit::Link),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_page_of_the_site_or_to_another_site() {
        let link = Link::parse(" About = /posts/1-about?a=b#c ").unwrap();
        assert_eq!((&*link.label, &*link.address), ("About", "/posts/1-about?a=b#c"));
        assert!(!link.is_outside);
        let link = Link::parse("日記=https://EXAMPLE.org/ü").unwrap();
        assert_eq!(link.address, "https://example.org/%C3%BC");
        assert!(link.is_outside);
        for bad in [
            "About",
            "=/a",
            "\u{200b}=/a",
            "a\nb=/a",
            "a=",
            "a=b",
            "a=//evil.example",
            "a=/\\evil.example",
            "a=/\t/evil.example",
            "a=javascript:alert(1)",
            "a=data:text/html,x",
            "a=https://",
            "a=ftp://example.org",
        ] {
            assert!(Link::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Link::parse(&format!("a=/{}", "x".repeat(MAX_ADDRESS))).is_err());
    }
}
