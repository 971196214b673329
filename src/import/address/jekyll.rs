//! Addresses as Jekyll makes them (<https://jekyllrb.com/docs/permalinks/>).

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::pattern;
use crate::import::date;
use crate::import::entry::{Dates, Layers, categories};
use crate::import::html::is_html;
use crate::import::site::{Kind, Place, Site};

/// The default style of a site.
const STYLE: &str = "/:categories/:year/:month/:day/:title:output_ext";

pub(super) fn address(
    layers: &Layers<'_>,
    site: &Site,
    place: &Place,
    dates: &Dates,
) -> Option<String> {
    let section = match &place.kind {
        Kind::Post | Kind::Draft => "posts",
        Kind::Document(label) => label,
        _ => "pages",
    };
    let configured = site.config.permalinks.iter().find(|known| {
        known.section.as_deref() == Some(section) || known.section.is_none() && section != "pages"
    });
    // "If you set a permalink via front matter defaults, it will be ignored" for pages.
    let own =
        if section == "pages" { layers.own.text("permalink") } else { layers.text("permalink") };
    let is_index = section == "pages" && place.name == "index";
    let pattern = match own {
        Some(own) => own,
        None if is_index && is_html(&place.path) => "/:path/",
        None if is_index => "/:path/",
        None => configured.map_or(STYLE, |known| &known.pattern),
    };
    let (_, name) = match date::split_name(&place.name) {
        Some((date, rest)) if section == "posts" => (Some(date), rest.trim_start_matches('-')),
        _ => (None, &*place.name),
    };
    let slug = layers.text("slug").unwrap_or(name);
    let local = dates.local;
    let day = |form: &str| local.map(|local| local.format(form).to_string()).unwrap_or_default();
    let folders = || place.folders.iter().skip_while(|name| !name.starts_with('_')).skip(1);
    pattern::filled(pattern, |token, _| {
        Some(match token {
            "title" => slugified(slug, true, true),
            "slug" => slugified(slug, false, false),
            "name" => slugified(name, false, false),
            "basename" => place.name.clone(),
            "collection" => section.to_owned(),
            "path" if section == "pages" => place.folders.join("/"),
            "path" => {
                let names: Vec<&str> =
                    folders().map(String::as_str).chain([&*place.name]).collect();
                names.join("/")
            }
            "output_ext" => ".html".to_owned(),
            "categories" => {
                joined(categories(layers, site, place).iter().map(|it| it.to_lowercase()))
            }
            "slugified_categories" => {
                joined(categories(layers, site, place).iter().map(|it| slugified(it, false, false)))
            }
            "year" => day("%Y"),
            "short_year" => day("%y"),
            "month" => day("%m"),
            "i_month" => day("%-m"),
            "short_month" => day("%b"),
            "long_month" => day("%B"),
            "day" => day("%d"),
            "i_day" => day("%-d"),
            "y_day" => day("%j"),
            "w_year" => day("%G"),
            "week" => day("%V"),
            "w_day" => day("%u"),
            "short_day" => day("%a"),
            "long_day" => day("%A"),
            "hour" => day("%H"),
            "minute" => day("%M"),
            "second" => day("%S"),
            _ => return None,
        })
    })
}

/// Joins the names, without duplicates.
fn joined(names: impl Iterator<Item = String>) -> String {
    let mut kept: Vec<String> = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept.join("/")
}

/// Keeps letters, marks and digits, and replaces the rest with hyphens; `is_pretty` keeps more
/// signs.
fn slugified(text: &str, is_pretty: bool, is_cased: bool) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        let stays = matches!(
            c.general_category_group(),
            GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark
        ) || c.general_category() == GeneralCategory::DecimalNumber
            || is_pretty && "._~!$&'()+,;=@".contains(c);
        match stays {
            true if is_cased => slug.push(c),
            true => slug.extend(c.to_lowercase()),
            false if slug.ends_with('-') => {}
            false => slug.push('-'),
        }
    }
    let slug = slug.strip_prefix('-').unwrap_or(&slug);
    slug.strip_suffix('-').unwrap_or(slug).to_owned()
}
