//! The settings that `_index.md` files above a page make for it: Hugo's `cascade`, Zola's `draft`
//! and `sort_by`. Each is read once while walking through the folder. A folder has one for each
//! language.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::config::{Cascade, cascades_of};
use super::{Generator, Place, Site};
use crate::import::file;
use crate::import::front_matter::{self, node::Fields};

/// Maximum size of a section file in bytes.
const MAX_FILE: u64 = 2 * 1024 * 1024;

/// The extensions of section files.
const ENDINGS: [&str; 3] = [".md", ".markdown", ".html"];

/// Maximum number of section files in a folder.
const MOST: usize = 100;

/// The settings that a section makes for the pages below it.
#[derive(Debug, Default)]
pub(in crate::import) struct Section {
    /// The path of its file relative to the site's folder.
    pub(in crate::import) path: String,
    /// Its folders that are part of addresses, as in [`Place`].
    pub(in crate::import) folders: Vec<String>,
    /// The section's language. Its settings apply to pages in that language.
    pub(in crate::import) language: Option<String>,
    /// Whether everything below it is hidden.
    pub(in crate::import) draft: bool,
    /// Its folder.
    pub(in crate::import) folder: PathBuf,
    /// The field that pages directly below it need to be visible.
    pub(in crate::import) needs: Option<&'static str>,
    /// Default values for pages below it.
    pub(in crate::import) cascades: Vec<Cascade>,
}

/// The sections on the path from the site's folder to the folder asked for last.
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

/// The sections of a folder, one for each language that has one. Ignores a file that cannot be
/// read; the walk notes it.
fn read(site: &Site, folder: &Path) -> Vec<Section> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.file_name());
    let mut names: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with("_index.") && ENDINGS.iter().any(|it| name.ends_with(it)))
        .collect();
    // If there are two for one language, `.md` wins.
    names.sort_unstable_by(|one, other| other.cmp(one));
    let mut found: Vec<Section> = Vec::new();
    for name in names.iter().take(MOST) {
        let file = folder.join(name);
        let Ok(Some(text)) = file::read(&file, MAX_FILE) else { continue };
        let Ok(front) = front_matter::parse(&text.text) else { continue };
        let path = file.strip_prefix(&site.root).unwrap_or(&file).to_string_lossy().into_owned();
        let place = Place::of(site, &path);
        // If the suffix is not one of the site's languages, it is part of the name.
        if place.name == "_index" && found.iter().all(|it| it.language != place.language) {
            let own = section(site.generator, path, &front.fields);
            let (folders, language) = (place.folders, place.language);
            found.push(Section { folders, language, folder: folder.to_owned(), ..own });
        }
    }
    found
}

/// Zola hides everything below a draft section, Hugo only pages for which `cascade` says so
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
