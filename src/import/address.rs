//! The addresses that a page had on its old site: the one that its front matter gives or its
//! generator makes from its place, and its aliases. Pure.

mod hugo;
mod jekyll;
mod pattern;

use percent_encoding::percent_decode_str;

use super::entry::{Context, Dates, Layers};
use super::front_matter::node::Node;
use super::site::{Generator, Kind, Place, Site};

/// Maximum number of addresses of one page.
const MOST: usize = 100;

/// Maximum length of an address in bytes.
const LONGEST: usize = 1024;

/// All addresses of a page, without duplicates: its own first, then its aliases. Each begins with
/// `/` and the path of the site's base address, is decoded, and ends as the generator ends it.
pub(in crate::import) fn all(
    layers: &Layers<'_>,
    context: &Context<'_>,
    place: &Place,
    dates: &Dates,
) -> Vec<String> {
    let site = context.site;
    let own = match site.generator {
        Generator::Hugo => hugo::address(layers, context, place, dates),
        Generator::Jekyll => jekyll::address(layers, site, place, dates),
        Generator::Zola => Some(zola(layers, site, place)),
        Generator::Unknown | Generator::Kilonova => unknown(layers, site, place, dates),
    };
    let mut found: Vec<String> = Vec::new();
    let mut add = |address: Option<String>| {
        if let Some(address) = address
            && found.len() < MOST
            && !found.contains(&address)
        {
            found.push(address);
        }
    };
    add(own.as_ref().and_then(|path| clean(site, path)));
    for key in ["aliases", "alias", "redirect_from"] {
        let values = layers.own.value(key).map_or(&[][..], Node::list);
        for alias in values.iter().take(MOST).filter_map(Node::text) {
            add(match site.generator {
                Generator::Hugo => clean(site, &hugo::alias(site, place, own.as_deref(), alias))
                    .map(|path| hugo::ended(site, path)),
                Generator::Zola => clean(site, alias).map(ended),
                _ => clean(site, alias),
            });
        }
    }
    found
}

/// Zola: `path`, or the folders and the slug
/// (<https://www.getzola.org/documentation/content/page/#output-paths>).
fn zola(layers: &Layers<'_>, site: &Site, place: &Place) -> String {
    if let Some(path) = layers.own.text("path") {
        return ended(path.to_owned());
    }
    let paths = site.config.paths;
    let own = layers.own.text("slug");
    let dated = super::date::split_name(&place.name).filter(|_| !paths.keep_dates);
    let after = dated.and_then(|(_, rest)| rest.trim_start().strip_prefix(['-', '_']));
    let name = own.or(after.filter(|rest| !rest.is_empty())).unwrap_or(&place.name);
    let slug = match paths.keep_signs {
        true => name
            .trim_end_matches([' ', '.'])
            .replace(['<', '>', ':', '"', '/', '\\', '|', '?', '*'], ""),
        false => slug::slugify(name),
    };
    let language = place.language.iter().filter(|it| **it != site.config.default_language);
    let names: Vec<&str> =
        language.chain(&place.folders).map(String::as_str).chain([&*slug]).collect();
    format!("/{}/", names.join("/"))
}

/// The address that the file gives, or else the one that generators make from its place.
fn unknown(layers: &Layers<'_>, site: &Site, place: &Place, dates: &Dates) -> Option<String> {
    if let Some(explicit) = explicit(layers) {
        return Some(explicit);
    }
    match place.kind {
        Kind::Post | Kind::Draft => jekyll::address(layers, site, place, dates),
        _ => Some(zola(layers, site, place)),
    }
}

/// An address in front matter that contains no tokens.
fn explicit(layers: &Layers<'_>) -> Option<String> {
    ["permalink", "url", "path"]
        .iter()
        .find_map(|key| layers.own.text(key))
        .filter(|address| !address.contains("/:"))
        .map(str::to_owned)
}

/// Adds a slash at the end, unless the address is a file's.
fn ended(mut address: String) -> String {
    let last = address.rsplit('/').next().unwrap_or_default();
    if !last.is_empty() && !last.contains('.') {
        address.push('/');
    }
    address
}

/// An address as a path: decoded, with the site's base path, and with `.` and `..` resolved. `None`
/// if it is on another host or is not a path.
fn clean(site: &Site, address: &str) -> Option<String> {
    let address = address.trim();
    let (path, is_whole) = match address.split_once("://") {
        Some((_, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let known = &site.config.host;
            if !known.is_empty() && !host.eq_ignore_ascii_case(known) {
                return None;
            }
            (path, true)
        }
        None => (address, false),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    let end = if path.ends_with('/') && !names.is_empty() { "/" } else { "" };
    let base = if is_whole { "" } else { &site.config.base };
    let whole = format!("{base}/{}{end}", names.join("/"));
    let fits = whole.len() <= LONGEST && !whole.contains(|c: char| c.is_control() || c == '\\');
    // The front page is not a post's address.
    (fits && !names.is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests;
