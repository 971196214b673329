//! Which site a folder belongs to: its generator, and what its configuration says that decides
//! what a page is. A folder without one is a site of no known generator, and each file speaks for
//! itself.

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

/// Most folders above the imported one that are looked at for a configuration.
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
    /// None that is known: what any of them would hide is hidden.
    #[default]
    Unknown,
}

/// A site.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Its folder.
    pub root: PathBuf,
    /// What it is made with.
    pub generator: Generator,
    /// What its configuration says.
    pub config: Config,
}

/// The sites in and around the imported folder, found on the way through it.
pub(super) struct Sites {
    folder: PathBuf,
    /// The site that the whole folder belongs to, if any.
    around: Option<Rc<Site>>,
    none: Rc<Site>,
    /// The way from the imported folder to the one that was asked for last.
    way: Vec<(PathBuf, Option<Rc<Site>>)>,
    /// What was not understood of configurations.
    pub(super) noted: Vec<Finding>,
}

impl Sites {
    /// The sites around this folder, whose path has no links in it.
    pub(super) fn around(folder: &Path) -> Sites {
        let mut noted = Vec::new();
        let around = folder.ancestors().take(ABOVE).find_map(|above| {
            let site = config::read(above, &mut noted)?;
            let below = folder.strip_prefix(above).ok()?;
            // Somebody's `config.toml` far above is another thing.
            let inside = below.as_os_str().is_empty() || site.config.holds(below);
            inside.then(|| Rc::new(site))
        });
        if around.is_none() {
            noted.clear();
        }
        let none = Rc::new(Site { root: folder.to_owned(), ..Site::default() });
        Sites { folder: folder.to_owned(), around, none, way: Vec::new(), noted }
    }

    /// The folder of the export that the whole folder belongs to, if any.
    pub(super) fn export(&self) -> Option<&Path> {
        let around = self.around.as_ref()?;
        (around.generator == Generator::Kilonova).then_some(&*around.root)
    }

    /// The site of the files in `folder`. A site in a site is part of it.
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
