//! What the `_index.md` files above a page say about it: Hugo's `cascade`, Zola's `draft` and
//! `sort_by`. Each is read once, on the way through the folder. A folder has one for each language.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::config::{Cascade, cascades_of};
use super::{Generator, Place, Site};
use crate::import::file;
use crate::import::front_matter::{self, node::Fields};

/// Largest section file in bytes.
const MAX_FILE: u64 = 2 * 1024 * 1024;

/// How their names end.
const ENDINGS: [&str; 3] = [".md", ".markdown", ".html"];

/// Most section files of a folder.
const MOST: usize = 100;

/// What a section says about the pages below it.
#[derive(Debug, Default)]
pub(in crate::import) struct Section {
    /// Its file below the site's folder.
    pub(in crate::import) path: String,
    /// Its folders that make addresses, as a page's.
    pub(in crate::import) folders: Vec<String>,
    /// Its language, as a page's: what it says is of pages in that one.
    pub(in crate::import) language: Option<String>,
    /// Whether nothing below it shows.
    pub(in crate::import) draft: bool,
    /// Its folder.
    pub(in crate::import) folder: PathBuf,
    /// What pages right below it must have to show.
    pub(in crate::import) needs: Option<&'static str>,
    /// Values for pages that do not say otherwise.
    pub(in crate::import) cascades: Vec<Cascade>,
}

/// The sections on the way from the site's folder to the one that was asked for last.
#[derive(Default)]
pub(in crate::import) struct Sections(Vec<(PathBuf, Vec<Rc<Section>>)>);

impl Sections {
    /// The sections above the files of `folder`, the nearest first.
    pub(in crate::import) fn of(&mut self, site: &Site, folder: &Path) -> Vec<Rc<Section>> {
        if site.generator == Generator::Jekyll {
            return Vec::new();
        }
        while self.0.last().is_some_and(|(last, _)| !folder.starts_with(last)) {
            self.0.pop();
        }
        let from = self.0.last().map_or(0, |(last, _)| last.components().count());
        let top = site.root.components().count();
        let above = folder.ancestors().take_while(|above| {
            let depth = above.components().count();
            depth > from && depth >= top
        });
        let mut new: Vec<PathBuf> = above.map(Path::to_owned).collect();
        new.reverse();
        for folder in new {
            let sections = read(site, &folder).into_iter().map(Rc::new).collect();
            self.0.push((folder, sections));
        }
        let within = self.0.iter().rev().take_while(|(folder, _)| folder.starts_with(&site.root));
        within.flat_map(|(_, sections)| sections).cloned().collect()
    }
}

/// The sections of a folder, one for each language that has one. A file that cannot be read says
/// nothing here; the walk names it.
fn read(site: &Site, folder: &Path) -> Vec<Section> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.file_name());
    let mut names: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with("_index.") && ENDINGS.iter().any(|it| name.ends_with(it)))
        .collect();
    // Of two of a language `.md` counts.
    names.sort_unstable_by(|one, other| other.cmp(one));
    let mut found: Vec<Section> = Vec::new();
    for name in names.iter().take(MOST) {
        let file = folder.join(name);
        let Ok(Some(text)) = file::read(&file, MAX_FILE) else { continue };
        let Ok(front) = front_matter::parse(&text.text) else { continue };
        let path = file.strip_prefix(&site.root).unwrap_or(&file).to_string_lossy().into_owned();
        let place = Place::of(site, &path);
        // What is no language of the site's is part of the name.
        if place.name == "_index" && found.iter().all(|it| it.language != place.language) {
            let own = section(site.generator, path, &front.fields);
            let (folders, language) = (place.folders, place.language);
            found.push(Section { folders, language, folder: folder.to_owned(), ..own });
        }
    }
    found
}

/// Zola hides what is below a draft section, Hugo only what `cascade` says so of
/// (<https://www.getzola.org/documentation/content/section/#drafting>,
/// <https://gohugo.io/content-management/front-matter/#cascade>).
fn section(generator: Generator, path: String, fields: &Fields) -> Section {
    let hidden = fields.value("draft").is_some_and(|draft| draft.truth() != Some(false));
    Section {
        path,
        draft: hidden && generator != Generator::Hugo,
        needs: match fields.text("sort_by") {
            Some("date" | "update_date") if generator == Generator::Zola => Some("date"),
            Some("weight") if generator == Generator::Zola => Some("weight"),
            _ => None,
        },
        cascades: match generator {
            Generator::Hugo | Generator::Unknown | Generator::Kilonova => {
                cascades_of(fields.value("cascade"))
            }
            Generator::Zola | Generator::Jekyll => Vec::new(),
        },
        ..Section::default()
    }
}
