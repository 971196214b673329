//! A site's configuration: `hugo.toml`, `zola.toml`, a `config.toml` of either, or `_config.yml`.
//! Reads only the settings that decide whether, when and where a page is visible. Reading is
//! bounded; a setting that is not understood gets a note, and the rest applies.

mod hugo;
mod jekyll;
mod zola;

use std::path::Path;

pub(super) use self::hugo::cascades_of;
use super::glob::Glob;
use super::left_out::LeftOut;
use super::{Generator, Site};
use crate::export::format::MARK;
use crate::import::date::Zone;
use crate::import::file;
use crate::import::front_matter::Format;
use crate::import::front_matter::node::{Fields, Node};
use crate::import::report::{Finding, Note};

/// Maximum size of a configuration in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// Maximum number of entries read from a list: languages, patterns, collections, excluded folders.
const MAX_ENTRIES: usize = 200;

/// The settings of a site. The default is that of a site without a configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The path with which all addresses begin: empty, or for example `/blog`.
    pub base: String,
    /// The host of the site's addresses, in lower case; empty if unknown.
    pub host: String,
    /// The folders of pages, longest path first.
    pub content: Vec<Content>,
    /// The time zone of times without an offset.
    pub zone: Zone,
    /// Whether pages dated in the future are visible.
    pub future: bool,
    /// The fields whose entries become tags, in this order.
    pub taxonomies: Vec<String>,
    /// The languages of pages.
    pub languages: Vec<String>,
    /// The default language, which has no folder in addresses unless `paths` says so.
    pub default_language: String,
    /// How names become addresses.
    pub paths: Paths,
    /// The patterns of addresses.
    pub permalinks: Vec<Permalinks>,
    /// The fields that give dates: date, change, publication, expiry. `None` means the generator's
    /// own.
    pub dates: [Option<Vec<String>>; 4],
    /// Default values for the pages that match a pattern, the nearest first.
    pub cascades: Vec<Cascade>,
    /// Jekyll's collections.
    pub collections: Vec<Collection>,
    /// Files and folders that are not part of the site.
    pub left_out: LeftOut,
    /// The languages whose pages are hidden.
    pub disabled: Vec<String>,
    /// Whether the site has only lists, no pages (Hugo).
    pub no_pages: bool,
}

/// A folder of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The path relative to the site's folder, with `/`; empty for that folder itself.
    pub folder: String,
    /// The path of its pages on the site; empty for the top.
    pub target: String,
    /// The language of its pages, if they share one.
    pub language: Option<String>,
}

/// How names become addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Whether pages end in `.html`.
    pub ugly: bool,
    /// Whether capitals are kept (Hugo).
    pub keep_case: bool,
    /// Whether letters lose their diacritical marks (Hugo).
    pub no_accents: bool,
    /// Whether the default language also has a folder.
    pub default_in_folder: bool,
    /// Whether signs and non-ASCII letters are kept (Zola's `slugify.paths` is not `on`).
    pub keep_signs: bool,
    /// Whether dates in names are kept in addresses (Zola).
    pub keep_dates: bool,
}

/// A pattern for the addresses of some pages.
#[derive(Clone, Debug)]
pub struct Permalinks {
    /// The section or collection to which it applies; `None` for all.
    pub section: Option<String>,
    /// The paths of pages to which it applies.
    pub path: Option<Glob>,
    /// The pattern.
    pub pattern: String,
}

/// Default values for pages.
#[derive(Clone, Debug, Default)]
pub struct Cascade {
    /// The paths, without extension, of the pages to which it applies; `None` for all.
    pub path: Option<Glob>,
    /// The prefix of the paths of the files to which it applies (Jekyll).
    pub prefix: String,
    /// The kind of page to which it applies: `posts`, `drafts`, `pages` or a collection (Jekyll).
    pub kind: Option<String>,
    /// The values.
    pub fields: Fields,
}

/// A Jekyll collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// The name of its folder, without the underscore.
    pub label: String,
    /// Whether its documents are pages.
    pub output: bool,
    /// Whether its documents dated in the future are visible.
    pub future: bool,
}

impl Config {
    /// Whether pages are read from this folder, given relative to the site's.
    pub(super) fn holds(&self, below: &Path) -> bool {
        self.content.iter().any(|content| {
            below.starts_with(&content.folder) || Path::new(&content.folder).starts_with(below)
        })
    }
}

/// Reads the configuration of the site in this folder; `None` if there is no site in it.
pub(super) fn read(folder: &Path, noted: &mut Vec<Finding>) -> Option<Site> {
    let mark = folder.join(MARK).symlink_metadata();
    if mark.is_ok_and(|mark| mark.is_file()) {
        // `exported` reads this folder; no rule of a generator applies.
        let config = Config { content: vec![Content::default()], ..Config::default() };
        return Some(Site { root: folder.to_owned(), generator: Generator::Kilonova, config });
    }
    let mut reader = Reader { folder, noted };
    let (generator, config) = if let Some(fields) = reader.any("zola", &["toml"]) {
        (Generator::Zola, zola::config(&fields, &mut reader))
    } else if let Some(fields) = reader.any("_config", &["yml", "yaml", "toml"]) {
        (Generator::Jekyll, jekyll::config(&fields, &mut reader))
    } else {
        let fields = match reader.any("hugo", hugo::FORMATS) {
            Some(fields) => hugo::with_parts(fields, &mut reader),
            None => match reader.any("config", hugo::FORMATS) {
                Some(fields) if fields.0.iter().any(|field| field.key == "base_url") => {
                    let config = zola::config(&fields, &mut reader);
                    return Some(Site {
                        root: folder.to_owned(),
                        generator: Generator::Zola,
                        config,
                    });
                }
                Some(fields) => {
                    hugo::is_one(&fields).then(|| hugo::with_parts(fields, &mut reader))?
                }
                None => hugo::of_parts(&mut reader)?,
            },
        };
        (Generator::Hugo, hugo::config(&fields, &mut reader))
    };
    Some(Site { root: folder.to_owned(), generator, config })
}

/// Reads files in a site's folder and notes errors in them.
struct Reader<'a> {
    folder: &'a Path,
    noted: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    /// The first existing file of this name; empty if it cannot be read.
    fn any(&mut self, name: &str, endings: &[&str]) -> Option<Fields> {
        endings.iter().find_map(|ending| self.file(&format!("{name}.{ending}")))
    }

    fn file(&mut self, name: &str) -> Option<Fields> {
        let format = match name.rsplit_once('.')?.1 {
            "toml" => Format::Toml,
            "json" => Format::Json,
            _ => Format::Yaml,
        };
        let read = file::read(&self.folder.join(name), MAX_BYTES);
        let fields = read.transpose()?.and_then(|file| format.read(&file.text));
        Some(fields.unwrap_or_else(|note| {
            let what = format!("site configuration: {}", note.what);
            self.note(name, Note { what, ..note });
            Fields::default()
        }))
    }

    fn note(&mut self, name: &str, note: Note) {
        self.noted.push(Finding { path: self.folder.join(name), note });
    }

    /// A pattern; an invalid one gets a note.
    fn glob(&mut self, pattern: &str) -> Option<Glob> {
        self.pattern(pattern, Glob::new)
    }

    /// The pattern as `read` compiles it; an invalid one gets a note.
    fn pattern<T>(&mut self, pattern: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let found = read(pattern);
        if found.is_none() {
            let short = pattern.chars().take(80).collect::<String>();
            self.note("", Note::lost("site configuration: invalid pattern", short));
        }
        found
    }

    /// A time zone; an unknown one gets a note, and UTC is used.
    fn zone(&mut self, name: Option<&str>) -> Zone {
        let Some(name) = name else { return Zone::default() };
        Zone::named(name).unwrap_or_else(|| {
            let short = name.chars().take(80).collect::<String>();
            self.note("", Note::lost("site configuration: unknown time zone", short));
            Zone::default()
        })
    }
}

/// The path and the host of an address; either may be empty.
fn base(address: Option<&str>) -> (String, String) {
    let address = address.unwrap_or_default();
    let rest = address.split_once("//").map_or(address, |(_, rest)| rest);
    let (host, path) = match rest.split_once('/') {
        _ if !address.contains("//") => ("", rest),
        Some((host, path)) => (host, path),
        None => (rest, ""),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    (path, host.to_ascii_lowercase())
}

/// The texts of a list.
fn texts(node: Option<&Node>) -> Vec<String> {
    let values = node.map_or(&[][..], Node::list);
    values.iter().take(MAX_ENTRIES).filter_map(Node::text).map(str::to_owned).collect()
}

/// A folder's path, without slashes around it and `./` before it.
fn folder(name: &str) -> String {
    name.trim_start_matches("./").trim_matches('/').trim_start_matches("./").to_owned()
}
