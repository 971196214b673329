//! Addresses that a site had before it was imported, and their targets. Owns the normalized form of
//! an address and the addresses that an import may claim; `controllers::old_addresses` answers the
//! requests.

use std::collections::HashMap;
use std::hash::Hash;

use diesel::prelude::*;
use percent_encoding::percent_decode_str;

use super::{post, upload};
use crate::connection::DbConnection;
use crate::schema::old_addresses;

/// The longest old address, in bytes.
pub const MAX: usize = 1024;

/// The last segments of a path that most servers omit.
const INDEXES: [&str; 2] = ["index.html", "index.htm"];

/// First segments of paths that belong to this site, with everything below them.
const TREES: [&str; 15] = [
    "account",
    "admin",
    "api",
    "authors",
    "bin",
    "comments",
    "drafts",
    "embed",
    "health",
    "moderation",
    "notes",
    "sitemaps",
    "static",
    "tags",
    "uploads",
];

/// Paths that belong to this site, without anything below them.
const PAGES: [&str; 13] = [
    "",
    "archive",
    "feed",
    "feed.xml",
    "login",
    "logout",
    "notifications",
    "posts",
    "posts/new",
    "register",
    "robots.txt",
    "search",
    "sitemap.xml",
];

/// The suffixes of feeds' addresses in Hugo, Zola, Jekyll, WordPress and Ghost.
const FEEDS: [&str; 8] =
    ["/index.xml", "/atom.xml", "/rss.xml", "/rss", "/rss/", "/feed/atom", "/feed/rss", "/feed/"];

/// The prefixes of the addresses of tags' pages in the same programs.
const TAGS: [&str; 4] = ["/tags/", "/tag/", "/categories/", "/category/"];

/// The target of an old address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The post with this id.
    Post(i64),
    /// The upload with this digest.
    Upload(&'a str),
}

/// The outcome of an import's claim to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The address leads to the target.
    Yes,
    /// The address belongs to the site itself.
    Reserved,
    /// The address already leads to something else.
    Taken,
    /// It is not an address, or is longer than 1,024 bytes.
    Invalid,
}

/// The normalized address of a URL's path, as it is in the table. `None` if the path is not an
/// address, is not UTF-8, or is too long.
fn asked(path: &str) -> Option<String> {
    normalized(&percent_decode_str(path).decode_utf8().ok()?)
}

/// The normalized form of a decoded path, as it is in the table: without a slash or an `index.html`
/// at its end. `None` if it is not a path, or is too long.
pub fn normalized(path: &str) -> Option<String> {
    let mut path = path.strip_prefix('/')?.trim_end_matches('/');
    // Repeated, so that normalizing a normalized address does not change it.
    while let (before, last) = path.rsplit_once('/').unwrap_or(("", path))
        && INDEXES.contains(&last)
    {
        path = before.trim_end_matches('/');
    }
    let fits = path.len() < MAX && !path.contains(char::is_control);
    fits.then(|| format!("/{path}"))
}

/// The normalized form of a decoded path, or the reason why an import may not claim it.
pub fn own(path: &str) -> Result<String, Claimed> {
    match normalized(path) {
        None => Err(Claimed::Invalid),
        Some(path) if is_reserved(&path) => Err(Claimed::Reserved),
        Some(path) => Ok(path),
    }
}

/// Whether a normalized address belongs to this site, now or in future.
pub fn is_reserved(path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    let first = path.split('/').next().unwrap_or_default();
    let of_a_post = || {
        let last = path.strip_prefix("posts/")?.split('/').next()?;
        (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
    };
    TREES.contains(&first) || PAGES.contains(&path) || of_a_post().is_some()
}

/// Makes a decoded path lead to a target, unless it already leads to another.
pub fn claim(
    connection: &mut DbConnection,
    address: &str,
    target: Target<'_>,
) -> QueryResult<Claimed> {
    let path = match own(address) {
        Ok(path) => path,
        Err(refused) => return Ok(refused),
    };
    let wanted = match target {
        Target::Post(id) => (Some(id), None),
        Target::Upload(digest) => (None, Some(digest.to_owned())),
    };
    match target_of(connection, &path)? {
        Some(known) if known == wanted => Ok(Claimed::Yes),
        Some(_) => Ok(Claimed::Taken),
        None => {
            let (post_id, upload) = wanted;
            diesel::insert_into(old_addresses::table)
                .values((
                    old_addresses::path.eq(path),
                    old_addresses::post_id.eq(post_id),
                    old_addresses::upload.eq(upload),
                ))
                .execute(connection)?;
            Ok(Claimed::Yes)
        }
    }
}

/// The sorted addresses that lead to each of these posts.
pub fn of_posts(
    connection: &mut DbConnection,
    ids: &[i64],
) -> QueryResult<HashMap<i64, Vec<String>>> {
    let found = old_addresses::table.filter(old_addresses::post_id.eq_any(ids.to_vec()));
    let rows = found
        .select((old_addresses::post_id.assume_not_null(), old_addresses::path))
        .load::<(i64, String)>(connection)?;
    Ok(grouped(rows))
}

/// The sorted addresses that lead to each of these uploads.
pub fn of_uploads(
    connection: &mut DbConnection,
    digests: &[String],
) -> QueryResult<HashMap<String, Vec<String>>> {
    let found = old_addresses::table.filter(old_addresses::upload.eq_any(digests.to_vec()));
    let rows = found
        .select((old_addresses::upload.assume_not_null(), old_addresses::path))
        .load::<(String, String)>(connection)?;
    Ok(grouped(rows))
}

fn grouped<K: Eq + Hash>(rows: Vec<(K, String)>) -> HashMap<K, Vec<String>> {
    let mut all: HashMap<K, Vec<String>> = HashMap::new();
    for (target, path) in rows {
        all.entry(target).or_default().push(path);
    }
    // Sorted here, since databases collate differently.
    all.values_mut().for_each(|paths| paths.sort());
    all
}

/// The post or the upload that a normalized path leads to.
fn target_of(
    connection: &mut DbConnection,
    path: &str,
) -> QueryResult<Option<(Option<i64>, Option<String>)>> {
    old_addresses::table
        .find(path)
        .select((old_addresses::post_id, old_addresses::upload))
        .first(connection)
        .optional()
}

/// A normalized path, and the same path with or without `.html`. Site generators write both forms,
/// and an import may know only one.
pub fn forms(path: String) -> [String; 2] {
    let other = match path.strip_suffix(".html") {
        Some(bare) => bare.to_owned(),
        None => format!("{path}.html"),
    };
    [path, other]
}

/// The path that a URL's old path leads to: that of a public post, or of an upload.
pub fn lead(connection: &mut DbConnection, address: &str) -> QueryResult<Option<String>> {
    let Some(path) = asked(address) else { return Ok(None) };
    for path in forms(path) {
        match target_of(connection, &path)? {
            Some((Some(id), _)) => return post::public_path(connection, id),
            Some((None, Some(digest))) => {
                return Ok(upload::find(connection, &digest)?.map(|upload| upload.path()));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Whether a decoded path leads to something on this site, public or not.
pub fn is_known(connection: &mut DbConnection, path: &str) -> QueryResult<bool> {
    let Some(path) = normalized(path) else { return Ok(false) };
    for path in forms(path) {
        if target_of(connection, &path)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The path of the feed that replaces another program's feed at this path.
pub fn feed(path: &str) -> Option<String> {
    let of = FEEDS.iter().find_map(|end| path.strip_suffix(end))?;
    if of.is_empty() {
        return Some("/feed.xml".to_owned());
    }
    let tag = TAGS.iter().find_map(|start| of.strip_prefix(start))?;
    (!tag.is_empty() && !tag.contains('/')).then(|| format!("/tags/{tag}/feed.xml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        for (address, path) in [
            ("/2020/01/02/hello/", Some("/2020/01/02/hello")),
            ("/2020/01/02/hello/index.html", Some("/2020/01/02/hello")),
            ("/hello.html", Some("/hello.html")),
            ("/%E6%97%A5%E8%A8%98/", Some("/日記")),
            ("/a%20b", Some("/a b")),
            ("/", Some("/")),
            ("/index.html", Some("/")),
            ("/a//index.html/index.htm/", Some("/a")),
            ("hello", None),
            ("/%ff", None),
            ("/a%00b", None),
        ] {
            assert_eq!(asked(address).as_deref(), path, "{address}");
        }
        assert_eq!(normalized(&format!("/{}", "x".repeat(MAX))), None);
    }

    #[test]
    fn no_old_address_shadows_one_of_the_site() {
        for own in [
            "/",
            "/posts",
            "/posts/1",
            "/posts/0017/x",
            "/posts/new",
            "/notes/x",
            "/api/posts",
            "/feed",
            "/feed.xml",
            "/tags/rust",
            "/uploads/a.png",
            "/search",
        ] {
            assert!(is_reserved(own), "{own}");
        }
        for old in ["/posts/hello", "/posts/2020-hello", "/post/1", "/feeds", "/search/label/x"] {
            assert!(!is_reserved(old), "{old}");
        }
    }
}
