//! The place of a file on its site: the kind of page, its section and its name. Pure.

use super::left_out::starts;
use super::{Generator, Site};

/// Why a file is not part of the site: it is outside the folders of pages.
pub(in crate::import) const ELSEWHERE: &str = "outside the site's folder of pages";

/// Why Jekyll does not read a file.
pub(in crate::import) const UNREAD: &str = "in a folder that Jekyll does not read";

/// How the generator treats a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A page.
    Page,
    /// In Jekyll's `_posts`.
    Post,
    /// In Jekyll's `_drafts`.
    Draft,
    /// A document of this Jekyll collection.
    Document(String),
    /// Zola's and Hugo's `_index.md`: a list of pages, not a page.
    Section,
    /// Not part of the site, for this reason.
    Outside(&'static str),
}

/// A file's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its path relative to the site's folder, with `/`.
    pub path: String,
    /// How the generator treats it.
    pub kind: Kind,
    /// The folders of its section: those in its path that are part of its address, without the
    /// folder of pages and without the bundle's folder.
    pub folders: Vec<String>,
    /// Its name without extension and language; for a bundle, the name of its folder.
    pub name: String,
    /// Its language, if its name or its folder gives one of the site's.
    pub language: Option<String>,
    /// Whether it is the `index.md` of its folder.
    pub bundle: bool,
}

impl Place {
    /// The place of a file on its site.
    pub fn of(site: &Site, path: &str) -> Place {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let config = &site.config;
        let within = config
            .content
            .iter()
            .find_map(|content| Some((content, strip(folder, &content.folder)?)));
        let (mut language, below) = match within {
            Some((content, below)) => {
                let target = content.target.split('/').chain(below.split('/'));
                let names = target.filter(|name| !name.is_empty()).map(str::to_owned);
                (content.language.clone(), names.collect())
            }
            None => (None, names(folder, site.generator)),
        };
        let mut folders: Vec<String> = below;
        let mut name = file.rsplit_once('.').map_or(file, |(name, _)| name).to_owned();
        if let Some((start, end)) = name.rsplit_once('.')
            && config.languages.iter().any(|known| known.eq_ignore_ascii_case(end))
        {
            language = Some(end.to_ascii_lowercase());
            name = start.to_owned();
        }
        let kind = if within.is_none() && !config.content.is_empty() {
            Kind::Outside(ELSEWHERE)
        } else if let Some(why) = config.left_out.why(&site.root, path) {
            Kind::Outside(why)
        } else if site.generator == Generator::Jekyll {
            jekyll(site, &folders, file)
        } else {
            kind(site, &folders, &name)
        };
        let bundle = site.generator != Generator::Jekyll && name == "index";
        if bundle && let Some(own) = folders.pop() {
            name = own;
        }
        if matches!(kind, Kind::Post | Kind::Draft) {
            let special = |name: &String| name == "_posts" || name == "_drafts";
            folders = folders.split(special).next().unwrap_or_default().to_vec();
        }
        Place { path: path.to_owned(), kind, folders, name, language, bundle }
    }

    /// The path by which Hugo's cascades match pages: from the top, without extension.
    pub fn logical(&self) -> String {
        let names = self.folders.iter().chain([&self.name]);
        names.fold(String::new(), |path, name| format!("{path}/{}", name.to_lowercase()))
    }

    /// The name of its kind in Jekyll's front matter defaults.
    pub fn type_name(&self) -> &str {
        match &self.kind {
            Kind::Post => "posts",
            Kind::Draft => "drafts",
            Kind::Document(label) => label,
            _ => "pages",
        }
    }
}

/// The folders of a page of an unknown generator: those after the last one named `content`, if any.
fn names(folder: &str, generator: Generator) -> Vec<String> {
    let all: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    let from = match generator {
        Generator::Unknown => {
            all.iter().rposition(|name| *name == "content").map_or(0, |at| at + 1)
        }
        _ => 0,
    };
    all.into_iter().skip(from).map(str::to_owned).collect()
}

pub(super) fn strip<'a>(folder: &'a str, start: &str) -> Option<&'a str> {
    if start.is_empty() {
        return Some(folder);
    }
    let rest = folder.strip_prefix(start)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn kind(site: &Site, folders: &[String], name: &str) -> Kind {
    let is_unknown = site.generator == Generator::Unknown;
    if is_unknown && folders.iter().any(|name| name == "_drafts") {
        return Kind::Draft;
    }
    if is_unknown && folders.iter().any(|name| name == "_posts") {
        return Kind::Post;
    }
    if name == "_index" { Kind::Section } else { Kind::Page }
}

/// Whether a name begins with a character that makes Jekyll ignore it.
pub(in crate::import) fn is_special(name: &str) -> bool {
    name.starts_with(['_', '#', '~', '.'])
}

/// The kind of a file in Jekyll, which ignores special names except the folders of posts, drafts
/// and collections (`EntryFilter`, <https://jekyllrb.com/docs/configuration/options/>).
fn jekyll(site: &Site, folders: &[String], file: &str) -> Kind {
    let left_out = &site.config.left_out;
    let below = folders.iter().map(String::as_str).chain([file]).collect::<Vec<_>>().join("/");
    if left_out.excludes(&below) {
        return Kind::Outside("excluded by the site's configuration");
    }
    let collections = strip(&below, &left_out.collections);
    let mut kind = Kind::Page;
    for (path, name) in starts(&below).zip(below.split('/')) {
        let is_folder = path.len() < below.len();
        let label = name.strip_prefix('_').filter(|_| is_folder && kind == Kind::Page);
        let is_top =
            collections.is_some_and(|it| path.len() + it.len() == below.len() + name.len());
        let mut known = site.config.collections.iter();
        match label {
            Some("posts") => kind = Kind::Post,
            Some("drafts") => kind = Kind::Draft,
            Some(label) if is_top && known.any(|it| it.label == label) => {
                kind = Kind::Document(label.to_owned());
            }
            _ if is_special(name) && !left_out.includes(path) => {
                return Kind::Outside(match is_folder {
                    true => UNREAD,
                    false => "a file whose name Jekyll does not read",
                });
            }
            _ => {}
        }
    }
    kind
}
