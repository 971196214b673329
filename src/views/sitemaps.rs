//! Sitemaps (sitemaps.org) and `robots.txt`, for search engines.

use askama::Template;

use super::filters;
use crate::models::post::Location;
use crate::reach::Address;

/// Paths that search engines should not index: forms, searches, accounts, and the API.
const APART: [&str; 9] = [
    "/api/",
    "/account",
    "/login",
    "/moderation",
    "/notes/*/edit",
    "/posts/*/edit",
    "/posts/new",
    "/register",
    "/search",
];

/// A sitemap: addresses of pages.
#[derive(Debug, Template)]
#[template(path = "sitemap.xml")]
pub struct Sitemap<'a> {
    /// The site's address.
    pub address: &'a Address,
    /// True if the front page is in this sitemap.
    pub front: bool,
    /// The posts.
    pub posts: Vec<Location>,
}

/// An index of sitemaps.
#[derive(Debug, Template)]
#[template(path = "sitemaps.xml")]
pub struct Index<'a> {
    /// The site's address.
    pub address: &'a Address,
    /// The numbers of the sitemaps.
    pub parts: Vec<i64>,
}

impl Index<'_> {
    fn of(&self, part: &i64) -> String {
        self.address.to(&format!("/sitemaps/{part}.xml"))
    }
}

/// The `robots.txt` of the site at this address.
pub fn robots(address: &Address) -> String {
    let mut text = "User-agent: *\n".to_owned();
    for path in APART {
        text += &format!("Disallow: {}{path}\n", address.path());
    }
    text += &format!("\nSitemap: {}\n", address.to("/sitemap.xml"));
    text
}
