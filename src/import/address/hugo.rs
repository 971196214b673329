//! Addresses as Hugo makes them (<https://gohugo.io/content-management/urls/>,
//! <https://gohugo.io/configuration/permalinks/>).

use chrono::{Datelike, NaiveDateTime};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::pattern;
use crate::import::date;
use crate::import::entry::{Context, Dates, Layers};
use crate::import::site::{Place, Site};

pub(super) fn address(
    layers: &Layers<'_>,
    context: &Context<'_>,
    place: &Place,
    dates: &Dates,
) -> Option<String> {
    let site = context.site;
    // A folder is a section if it has a section file or is at the top.
    let depth = context.sections.first().map_or(0, |section| section.folders.len()).max(1);
    let tokens = |pattern: &str| {
        pattern::filled(pattern, |token, slice| {
            let value = value(token, slice, layers, place, dates, depth)?;
            Some(if site.config.paths.keep_case { value } else { value.to_lowercase() })
        })
    };
    if let Some(url) = layers.text("url") {
        let url = tokens(&url.replace("\\:", "\u{0}"))?.replace('\u{0}', ":");
        // A URL without a leading slash is relative to the language's root.
        let url =
            if url.starts_with('/') { url } else { format!("{}/{url}", language(site, place)) };
        return Some(super::ended(url));
    }
    let path = match permalink(site, place) {
        Some(pattern) => tokens(pattern)?,
        None => {
            let names = place.folders.iter().map(|name| named(name));
            let name = slug(layers, place, dates).unwrap_or_else(|| named(&place.name));
            let names: Vec<String> = names.chain([name]).collect();
            names.join("/")
        }
    };
    let path = path.trim_matches('/');
    let path = if site.config.paths.keep_case { path.to_owned() } else { path.to_lowercase() };
    let path = if site.config.paths.no_accents { without_accents(&path) } else { path };
    let end = if site.config.paths.ugly { ".html" } else { "/" };
    // The path is not an address yet: in an address, `#` would begin a fragment.
    Some(format!("{}/{}{end}", language(site, place), path.replace('#', "%23")))
}

/// The path of an alias. An alias with a leading slash is relative to the language's root, any
/// other to the page's own address.
pub(super) fn alias(site: &Site, place: &Place, own: Option<&str>, alias: &str) -> String {
    match alias.starts_with('/') {
        _ if alias.contains("://") => alias.to_owned(),
        true => format!("{}{alias}", language(site, place)),
        false => {
            let own = own.unwrap_or_default().trim_end_matches('/');
            let (beside, _) = own.rsplit_once('/').unwrap_or_default();
            format!("{beside}/{alias}")
        }
    }
}

/// Removes diacritical marks (`text.RemoveAccents`).
fn without_accents(path: &str) -> String {
    let is_mark = |c: &char| c.general_category() == GeneralCategory::NonspacingMark;
    let letters = DecomposingNormalizerBorrowed::new_nfd().normalize(path);
    let bare: String = letters.chars().filter(|c| !is_mark(c)).collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&bare).into_owned()
}

/// Adds the end of an alias: `.html` if the site's pages have it.
pub(super) fn ended(site: &Site, alias: String) -> String {
    let last = alias.rsplit('/').next().unwrap_or_default();
    match site.config.paths.ugly && !last.is_empty() && !last.contains('.') {
        true => format!("{alias}.html"),
        false => super::ended(alias),
    }
}

fn language(site: &Site, place: &Place) -> String {
    let default = &site.config.default_language;
    let own = place.language.as_ref().unwrap_or(default);
    match own == default && !site.config.paths.default_in_folder {
        true => String::new(),
        false => format!("/{}", own.to_lowercase()),
    }
}

fn permalink<'a>(site: &'a Site, place: &Place) -> Option<&'a str> {
    let logical = place.logical();
    let fits = site.config.permalinks.iter().find(|known| {
        let in_section = known.section.as_ref().is_none_or(|section| {
            // A page at the top is in the section `/`.
            place.folders.first().map_or(section == "/", |first| first == section)
        });
        in_section && known.path.as_ref().is_none_or(|glob| glob.is_match(&logical))
    });
    fits.map(|known| known.pattern.as_str())
}

fn slug(layers: &Layers<'_>, place: &Place, dates: &Dates) -> Option<String> {
    if let Some(slug) = layers.own.text("slug") {
        return Some(sanitized(slug));
    }
    // If the date comes from the file name, the slug does too.
    let (_, rest) = date::split_name(&place.name).filter(|_| dates.by_name)?;
    let rest = rest.trim_matches([' ', '-', '_']);
    (!rest.is_empty()).then(|| sanitized(rest))
}

fn value(
    token: &str,
    slice: Option<&str>,
    layers: &Layers<'_>,
    place: &Place,
    dates: &Dates,
    depth: usize,
) -> Option<String> {
    let day = |form: &str| dates.local.map(|local| local.format(form).to_string());
    let title = || layers.text("title").map(titled).unwrap_or_default();
    let names = || place.folders.iter().take(depth).map(|name| named(name)).collect::<Vec<_>>();
    let base = || named(&place.name);
    Some(match token {
        "year" => day("%Y")?,
        "month" => day("%m")?,
        "monthname" => day("%B")?,
        "day" => day("%d")?,
        "weekday" => day("%w")?,
        "weekdayname" => day("%A")?,
        "yearday" => dates.local.as_ref().map(NaiveDateTime::ordinal)?.to_string(),
        "section" | "sectionslug" => names().first().cloned().unwrap_or_default(),
        "sections" | "sectionslugs" => sliced(&names(), slice),
        "title" => title(),
        "slug" => slug(layers, place, dates).unwrap_or_else(title),
        "filename" | "contentbasename" => base(),
        "slugorfilename" | "slugorcontentbasename" => {
            slug(layers, place, dates).unwrap_or_else(base)
        }
        // Layouts of Go's `time` package.
        "2006" => day("%Y")?,
        "06" => day("%y")?,
        "01" => day("%m")?,
        "1" => day("%-m")?,
        "Jan" => day("%b")?,
        "January" => day("%B")?,
        "02" => day("%d")?,
        "2" => day("%-d")?,
        "Mon" => day("%a")?,
        "Monday" => day("%A")?,
        _ => return None,
    })
}

/// `[last]`, `[1]`, `[1:]`, `[:last]`, `[1:2]`: an index out of bounds becomes the nearest bound.
fn sliced(names: &[String], slice: Option<&str>) -> String {
    let Some(slice) = slice else { return names.join("/") };
    let last = names.len().saturating_sub(1);
    let index = |text: &str, none: usize| match text {
        "" => none,
        "last" => last,
        number => number.parse().unwrap_or(none),
    };
    let (from, to) = match slice.split_once(':') {
        Some((from, to)) => (index(from, 0), index(to, names.len())),
        None => {
            let at = index(slice, 0);
            (at, at.saturating_add(1))
        }
    };
    let to = to.min(names.len());
    names.get(from.min(to)..to).unwrap_or_default().join("/")
}

/// Sanitizes words for an address: whitespace becomes one hyphen, and all but a few signs are
/// dropped (`paths.Sanitize`).
fn sanitized(text: &str) -> String {
    let mut out = String::new();
    let mut is_blank = false;
    for c in text.chars() {
        let is_letter = matches!(
            c.general_category_group(),
            GeneralCategoryGroup::Letter
                | GeneralCategoryGroup::Mark
                | GeneralCategoryGroup::Number
        );
        if is_letter || "./_#+~-@".contains(c) {
            if is_blank && c != '-' {
                out.push('-');
            }
            is_blank = false;
            out.push(c);
        } else if c.is_whitespace() && !out.is_empty() && !out.ends_with('-') {
            is_blank = true;
        }
    }
    out
}

/// Sanitizes a file name for an address: each space becomes a hyphen.
fn named(name: &str) -> String {
    sanitized(&name.replace(' ', "-"))
}

/// Sanitizes a title for an address: drops more signs.
fn titled(title: &str) -> String {
    sanitized(title).replace(['#', '+', '/'], "").trim_matches('-').to_owned()
}
