//! Finds the site that a folder belongs to: its generator, and the configuration that decides what
//! a page is. A folder without one is a site of an unknown generator, and only its files decide.

mod bundles;
mod config;
pub mod glob;
mod left_out;
mod place;
mod sections;

use std::path::{Path, PathBuf};
use std::rc::Rc;

pub(super) use self::bundles::Bundles;
pub use self::config::{Cascade, Collection, Config, Content, Paths, Permalinks};
pub use self::left_out::{LeftOut, Mount, Names};
pub(super) use self::place::{ELSEWHERE, UNREAD, is_special};
pub use self::place::{Kind, Place};
pub(super) use self::sections::{Section, Sections};
use super::report::Finding;

/// Maximum number of folders searched upwards for a configuration, from the imported one.
const ABOVE: usize = 16;

/// A static site generator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generator {
    /// <https://gohugo.io>
    Hugo,
    /// <https://jekyllrb.com>
    Jekyll,
    /// <https://www.getzola.org>
    Zola,
    /// `kilonova export`.
    Kilonova,
    /// Unknown: pages that any generator would hide are hidden.
    #[default]
    Unknown,
}

/// A site.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Its folder.
    pub root: PathBuf,
    /// The generator that builds it.
    pub generator: Generator,
    /// Its configuration.
    pub config: Config,
}

/// The sites that contain the imported folder or are in it, found while walking through it.
pub(super) struct Sites {
    folder: PathBuf,
    /// The site that the whole folder belongs to, if any.
    around: Option<Rc<Site>>,
    none: Rc<Site>,
    /// The path from the imported folder to the folder asked for last.
    way: Vec<(PathBuf, Option<Rc<Site>>)>,
    /// Notes on configurations that were not understood.
    pub(super) noted: Vec<Finding>,
}

impl Sites {
    /// The sites around this folder, whose path must contain no symbolic links.
    pub(super) fn around(folder: &Path) -> Sites {
        let mut noted = Vec::new();
        let around = folder.ancestors().take(ABOVE).find_map(|above| {
            let site = config::read(above, &mut noted)?;
            let below = folder.strip_prefix(above).ok()?;
            // An unrelated `config.toml` far above does not count.
            let inside = below.as_os_str().is_empty() || site.config.holds(below);
            inside.then(|| Rc::new(site))
        });
        if around.is_none() {
            noted.clear();
        }
        let none = Rc::new(Site { root: folder.to_owned(), ..Site::default() });
        Sites { folder: folder.to_owned(), around, none, way: Vec::new(), noted }
    }

    /// The folder of the Kilonova export that contains the whole folder, if there is one.
    pub(super) fn export(&self) -> Option<&Path> {
        let around = self.around.as_ref()?;
        (around.generator == Generator::Kilonova).then_some(&*around.root)
    }

    /// The site of the files in `folder`. A site inside a site is part of the outer one.
    pub(super) fn of(&mut self, folder: &Path) -> Rc<Site> {
        if let Some(site) = &self.around {
            return Rc::clone(site);
        }
        while self.way.last().is_some_and(|(last, _)| !folder.starts_with(last)) {
            self.way.pop();
        }
        if let Some(site) = self.way.iter().find_map(|(_, site)| site.as_ref()) {
            return Rc::clone(site);
        }
        let from = self.way.last().map_or(0, |(last, _)| last.components().count());
        let top = self.folder.components().count();
        let mut new: Vec<&Path> = folder
            .ancestors()
            .take_while(|above| {
                let depth = above.components().count();
                depth > from && depth >= top
            })
            .collect();
        new.reverse();
        for folder in new {
            let site = config::read(folder, &mut self.noted).map(Rc::new);
            self.way.push((folder.to_owned(), site.clone()));
            if let Some(site) = site {
                return site;
            }
        }
        Rc::clone(&self.none)
    }
}

#[cfg(test)]
mod tests;
