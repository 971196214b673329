//! Hugo's configuration (<https://gohugo.io/configuration/>), in one file or in the parts of
//! `config/_default`.

mod hides;

use super::{
    Cascade, Config, Content, Glob, MAX_ENTRIES, Paths, Permalinks, Reader, base, folder, texts,
};
use crate::import::front_matter::node::{Field, Fields, Node};

/// The extensions of configuration files.
pub(super) const FORMATS: &[&str] = &["toml", "yaml", "yml", "json"];

/// The parts of a configuration that are read from their own files.
const PARTS: [&str; 6] =
    ["permalinks", "languages", "taxonomies", "cascade", "frontmatter", "module"];

/// Keys that distinguish a Hugo site's `config.toml` from other files of that name.
const KEYS: [&str; 10] = [
    "baseurl",
    "languagecode",
    "theme",
    "params",
    "menu",
    "menus",
    "permalinks",
    "contentdir",
    "taxonomies",
    "markup",
];

/// Keys that may hide a page.
const HIDE: [&str; 8] =
    ["draft", "build", "_build", "publishDate", "expiryDate", "published", "pubdate", "headless"];

pub(super) fn is_one(fields: &Fields) -> bool {
    KEYS.iter().any(|key| fields.get(key).is_some())
}

/// The configuration of a site that has it only in `config/_default`.
pub(super) fn of_parts(reader: &mut Reader<'_>) -> Option<Fields> {
    let names = ["config/_default/hugo", "config/_default/config"];
    let fields = names.iter().find_map(|name| reader.any(name, FORMATS))?;
    Some(with_parts(fields, reader))
}

/// The configuration, with the parts that are in their own files.
pub(super) fn with_parts(mut fields: Fields, reader: &mut Reader<'_>) -> Fields {
    for part in PARTS {
        if let Some(found) = reader.any(&format!("config/_default/{part}"), FORMATS) {
            let found = Field { key: part.to_owned(), line: 1, value: Node::Map(found) };
            fields.0.retain(|field| !field.key.eq_ignore_ascii_case(part));
            fields.0.push(found);
        }
    }
    fields
}

pub(super) fn config(fields: &Fields, reader: &mut Reader<'_>) -> Config {
    let (base, host) = base(fields.text("baseURL"));
    let languages: Vec<&Field> = fields
        .map("languages")
        .map_or(&[][..], |languages| &languages.0)
        .iter()
        .take(MAX_ENTRIES)
        .collect();
    let ugly = fields.get("uglyURLs").and_then(|field| field.value.truth()) == Some(true);
    let dates = fields.map("frontmatter");
    let date = |name| dates.and_then(|dates| dates.value(name)).map(|node| texts(Some(node)));
    Config {
        base,
        host,
        content: content(fields, &languages),
        zone: reader.zone(fields.text("timeZone")),
        future: fields.truth("buildFuture") == Some(true),
        taxonomies: match fields.map("taxonomies") {
            Some(taxonomies) => {
                let names = taxonomies.0.iter().take(MAX_ENTRIES);
                names.filter_map(|field| field.value.text().map(str::to_owned)).collect()
            }
            None => vec!["tags".to_owned(), "categories".to_owned()],
        },
        default_language: fields.text("defaultContentLanguage").unwrap_or("en").to_owned(),
        languages: hides::languages(fields, &languages),
        paths: Paths {
            ugly,
            no_accents: fields.truth("removePathAccents") == Some(true),
            keep_case: fields.truth("disablePathToLower") == Some(true),
            default_in_folder: fields.truth("defaultContentLanguageInSubdir") == Some(true),
            ..Paths::default()
        },
        permalinks: permalinks(fields, reader),
        dates: [date("date"), date("lastmod"), date("publishDate"), date("expiryDate")],
        cascades: cascades(fields.value("cascade"), reader),
        left_out: hides::left_out(fields, reader),
        disabled: hides::disabled(fields, &languages),
        no_pages: hides::has_no_pages(fields),
        ..Config::default()
    }
}

/// The folders of pages: `contentDir`, also of each language, and module mounts.
fn content(fields: &Fields, languages: &[&Field]) -> Vec<Content> {
    let mut found = Vec::new();
    let mounts = fields.map("module").and_then(|module| module.value("mounts"));
    for mount in mounts.map_or(&[][..], Node::list).iter().take(MAX_ENTRIES) {
        let Some((source, target)) =
            mount.map().and_then(|mount| Some((mount.text("source")?, mount.text("target")?)))
        else {
            continue;
        };
        let target = folder(target);
        if let Some(below) = target.strip_prefix("content").filter(|rest| !rest.starts_with('.')) {
            found.push(Content {
                folder: folder(source),
                target: folder(below),
                language: mount.map().and_then(|mount| mount.text("lang")).map(str::to_owned),
            });
        }
    }
    for language in languages {
        if let Some(dir) = language.value.map().and_then(|values| values.text("contentDir")) {
            let language = Some(language.key.clone());
            found.push(Content { folder: folder(dir), language, ..Content::default() });
        }
    }
    if found.is_empty() {
        let dir = fields.text("contentDir").unwrap_or("content");
        found.push(Content { folder: folder(dir), ..Content::default() });
    }
    found.sort_by_key(|content| std::cmp::Reverse(content.folder.len()));
    found
}

/// Reads a map of sections, directly or under `page`, or a list of patterns with their targets.
fn permalinks(fields: &Fields, reader: &mut Reader<'_>) -> Vec<Permalinks> {
    let mut found = Vec::new();
    match fields.value("permalinks") {
        Some(Node::Map(sections)) => {
            let pages = sections.map("page").map_or(&[][..], |pages| &pages.0);
            for field in pages.iter().chain(&sections.0).take(MAX_ENTRIES) {
                if let Some(pattern) = field.value.text() {
                    found.push(Permalinks {
                        section: Some(field.key.clone()),
                        path: None,
                        pattern: pattern.to_owned(),
                    });
                }
            }
        }
        other => {
            for entry in other.map_or(&[][..], Node::list).iter().take(MAX_ENTRIES) {
                let Some(entry) = entry.map() else { continue };
                let Some(pattern) = entry.text("pattern") else { continue };
                let Target::Pages(path) = target(entry, reader) else { continue };
                found.push(Permalinks { section: None, path, pattern: pattern.to_owned() });
            }
        }
    }
    found
}

/// The default values in a configuration or in a section's front matter.
pub(in super::super) fn cascades_of(node: Option<&Node>) -> Vec<Cascade> {
    let mut noted = Vec::new();
    let mut reader = Reader { folder: std::path::Path::new(""), noted: &mut noted };
    cascades(node, &mut reader)
}

fn cascades(node: Option<&Node>, reader: &mut Reader<'_>) -> Vec<Cascade> {
    let mut found = Vec::new();
    for entry in node.map_or(&[][..], Node::list).iter().take(MAX_ENTRIES) {
        let Some(entry) = entry.map() else { continue };
        match target(entry, reader) {
            Target::Pages(path) => {
                found.push(Cascade { path, fields: entry.clone(), ..Cascade::default() });
            }
            Target::NoPages => {}
            // If the target is unclear, settings that may hide a page apply to all pages.
            Target::Unclear => {
                let mut fields = entry.clone();
                fields.0.retain(|field| HIDE.iter().any(|key| field.key.eq_ignore_ascii_case(key)));
                found.push(Cascade { fields, ..Cascade::default() });
            }
        }
    }
    found
}

/// The pages to which an entry applies.
enum Target {
    /// Pages that match this pattern; all if there is none.
    Pages(Option<Glob>),
    /// No pages.
    NoPages,
    /// Unknown, because a pattern is invalid.
    Unclear,
}

fn target(entry: &Fields, reader: &mut Reader<'_>) -> Target {
    let Some(target) = entry.map("target").or_else(|| entry.map("_target")) else {
        return Target::Pages(None);
    };
    if let Some(kind) = target.text("kind") {
        match reader.glob(kind) {
            None => return Target::Unclear,
            Some(kind) if !kind.is_match("page") => return Target::NoPages,
            Some(_) => {}
        }
    }
    match target.text("path").map(|path| reader.glob(path)) {
        None => Target::Pages(None),
        Some(None) => Target::Unclear,
        Some(glob) => Target::Pages(glob),
    }
}
