//! What the `_index.md` files above a page say about it: Hugo's `cascade`, Zola's `draft` and
//! `sort_by`. Each is read once, on the way through the folder.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::config::{Cascade, cascades_of};
use super::{Generator, Site};
use crate::import::file;
use crate::import::front_matter::{self, node::Fields};

/// Largest section file in bytes.
const MAX_FILE: u64 = 2 * 1024 * 1024;

/// What a section says about the pages below it.
#[derive(Debug, Default)]
pub(in crate::import) struct Section {
    /// Its file below the site's folder.
    pub(in crate::import) path: String,
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
pub(in crate::import) struct Sections(Vec<(PathBuf, Option<Rc<Section>>)>);

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
            let section = read(site, &folder).map(Rc::new);
            self.0.push((folder, section));
        }
        let within = self.0.iter().rev().take_while(|(folder, _)| folder.starts_with(&site.root));
        within.filter_map(|(_, section)| section.clone()).collect()
    }
}

/// The section of a folder, if it is one. A file that cannot be read says nothing here; the walk
/// names it.
fn read(site: &Site, folder: &Path) -> Option<Section> {
    let names = ["_index.md", "_index.markdown", "_index.html"];
    let found = names.iter().find_map(|name| {
        let path = folder.join(name);
        let text = file::read(&path, MAX_FILE).ok()??;
        let fields = front_matter::parse(&text.text).ok()?.fields;
        Some((path, fields))
    });
    let (path, fields) = found?;
    let path = path.strip_prefix(&site.root).unwrap_or(&path).to_string_lossy().into_owned();
    Some(Section { folder: folder.to_owned(), ..section(site.generator, path, &fields) })
}

/// Zola hides what is below a draft section, Hugo only what `cascade` says so of
/// (<https://www.getzola.org/documentation/content/section/#drafting>,
/// <https://gohugo.io/content-management/front-matter/#cascade>).
fn section(generator: Generator, path: String, fields: &Fields) -> Section {
    let hidden = fields.value("draft").is_some_and(|draft| draft.truth() != Some(false));
    Section {
        path,
        folder: PathBuf::new(),
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
    }
}
