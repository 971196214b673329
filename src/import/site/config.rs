//! A site's configuration: `hugo.toml`, `zola.toml`, `config.toml` of either, `_config.yml`. Of it
//! only what decides whether, when and where a page shows. Read within bounds; what is not
//! understood is named, and the rest counts.

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

/// Largest configuration in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// Most entries of a list that are looked at: languages, patterns, collections, excluded folders.
const MAX_ENTRIES: usize = 200;

/// What a configuration says. The default is that of a site without one.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The path that all addresses begin with: nothing, or `/blog`.
    pub base: String,
    /// The host that addresses are of, in lower case; empty when it is not known.
    pub host: String,
    /// The folders of pages below the site's, longest first.
    pub content: Vec<Content>,
    /// The zone of times without an offset.
    pub zone: Zone,
    /// Whether pages of the future show.
    pub future: bool,
    /// The fields whose entries become tags, in this order.
    pub taxonomies: Vec<String>,
    /// The languages of pages, and which has no folder of its own among the addresses.
    pub languages: Vec<String>,
    /// See `languages`.
    pub default_language: String,
    /// How names become addresses.
    pub paths: Paths,
    /// The patterns of addresses.
    pub permalinks: Vec<Permalinks>,
    /// The fields in which dates are looked for: date, change, publication, expiry. None: the
    /// generator's own.
    pub dates: [Option<Vec<String>>; 4],
    /// Values for the pages that a pattern names, the nearest first.
    pub cascades: Vec<Cascade>,
    /// Jekyll's collections.
    pub collections: Vec<Collection>,
    /// Files and folders that are no part of the site.
    pub left_out: LeftOut,
    /// The languages whose pages do not show.
    pub disabled: Vec<String>,
    /// Whether no page shows, but lists of them (Hugo).
    pub no_pages: bool,
}

/// A folder of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Below the site's folder, with `/`; empty for that folder itself.
    pub folder: String,
    /// Where its pages are on the site; empty for the top.
    pub target: String,
    /// The language of its pages, if it is one's.
    pub language: Option<String>,
}

/// How names become addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Pages end in `.html`.
    pub ugly: bool,
    /// Capitals stay (Hugo).
    pub keep_case: bool,
    /// Letters lose their marks (Hugo).
    pub no_accents: bool,
    /// The default language has a folder, too.
    pub default_in_folder: bool,
    /// Signs and letters beyond ASCII stay (Zola's `slugify.paths` is not `on`).
    pub keep_signs: bool,
    /// Dates in names stay in addresses (Zola).
    pub keep_dates: bool,
}

/// A pattern for the addresses of some pages.
#[derive(Clone, Debug)]
pub struct Permalinks {
    /// The section or the collection that it is for; `None` for all.
    pub section: Option<String>,
    /// The pages that it is for, by their path.
    pub path: Option<Glob>,
    /// The pattern.
    pub pattern: String,
}

/// Values for pages that do not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Cascade {
    /// The pages that it is for, by their path without ending: all, if there is none.
    pub path: Option<Glob>,
    /// The beginning of their files' paths (Jekyll).
    pub prefix: String,
    /// `posts`, `drafts`, `pages` or a collection (Jekyll).
    pub kind: Option<String>,
    /// The values.
    pub fields: Fields,
}

/// A collection of Jekyll's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its folder, without the underscore.
    pub label: String,
    /// Whether its documents are pages.
    pub output: bool,
    /// Whether its documents of the future show.
    pub future: bool,
}

impl Config {
    /// Whether pages are read from this folder below the site's.
    pub(super) fn holds(&self, below: &Path) -> bool {
        self.content.iter().any(|content| {
            below.starts_with(&content.folder) || Path::new(&content.folder).starts_with(below)
        })
    }
}

/// Reads the configuration of the site whose folder this is; `None` when it is no site's.
pub(super) fn read(folder: &Path, noted: &mut Vec<Finding>) -> Option<Site> {
    let mark = folder.join(MARK).symlink_metadata();
    if mark.is_ok_and(|mark| mark.is_file()) {
        // Nothing in it is what a generator means by it: `exported` reads it.
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

/// Reads files of a site's folder, and notes what is wrong with them.
struct Reader<'a> {
    folder: &'a Path,
    noted: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    /// The first of the files of this name that is there: empty when it cannot be read.
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
            let what = format!("configuration of the site {}", note.what);
            self.note(name, Note { what, ..note });
            Fields::default()
        }))
    }

    fn note(&mut self, name: &str, note: Note) {
        self.noted.push(Finding { path: self.folder.join(name), note });
    }

    /// A pattern; one that is none is named.
    fn glob(&mut self, pattern: &str) -> Option<Glob> {
        self.pattern(pattern, Glob::new)
    }

    /// What `read` makes of a pattern; one that is none is named.
    fn pattern<T>(&mut self, pattern: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let found = read(pattern);
        if found.is_none() {
            let short = pattern.chars().take(80).collect::<String>();
            self.note(
                "",
                Note::lost("configuration of the site has a pattern that is none", short),
            );
        }
        found
    }

    /// A zone; one that is none is named, and UTC.
    fn zone(&mut self, name: Option<&str>) -> Zone {
        let Some(name) = name else { return Zone::default() };
        Zone::named(name).unwrap_or_else(|| {
            let short = name.chars().take(80).collect::<String>();
            self.note("", Note::lost("configuration of the site has an unknown time zone", short));
            Zone::default()
        })
    }
}

/// The path and the host of an address, each perhaps empty.
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

/// A folder's name, without slashes and dots around it.
fn folder(name: &str) -> String {
    name.trim_start_matches("./").trim_matches('/').trim_start_matches("./").to_owned()
}
