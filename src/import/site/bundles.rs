//! Hugo's leaf bundles: in and below a folder with an `index.md`, all other files belong to that
//! page (<https://gohugo.io/content-management/page-bundles/>). Each folder is read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Generator, Site};
use crate::import::walk;

/// The extensions that Hugo treats as pages without other programs; `walk` has the others.
const ENDINGS: [&str; 5] = ["md", "markdown", "mdown", "html", "htm"];

/// The maximum number of folders that are remembered.
const MOST: usize = 10_000;

/// The folders already read, and whether each is a leaf bundle.
#[derive(Default)]
pub(in crate::import) struct Bundles(HashMap<PathBuf, bool>);

impl Bundles {
    /// Whether a file belongs to a bundle without being its page.
    pub(in crate::import) fn own(&mut self, site: &Site, file: &Path) -> bool {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return false };
        // In other generators, the front page does not make a bundle.
        let is_inside = |folder: &&Path| {
            folder.starts_with(&site.root)
                && (site.generator == Generator::Hugo || **folder != *site.root)
        };
        let name = name.to_string_lossy();
        let own = usize::from(is_index(site, &name));
        folder.ancestors().take_while(is_inside).skip(own).any(|it| self.is_leaf(site, it))
    }

    fn is_leaf(&mut self, site: &Site, folder: &Path) -> bool {
        if let Some(known) = self.0.get(folder) {
            return *known;
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let is_one = std::fs::read_dir(folder).is_ok_and(|entries| {
            let mut files = entries.flatten();
            files.any(|file| {
                is_index(site, &file.file_name().to_string_lossy())
                    && file.file_type().is_ok_and(|kind| kind.is_file())
            })
        });
        self.0.insert(folder.to_owned(), is_one);
        is_one
    }
}

/// Whether a file of this name is a bundle's page, in any of the site's languages.
fn is_index(site: &Site, name: &str) -> bool {
    let is_other = walk::is_other(name);
    let Some((name, ending)) = name.rsplit_once('.') else { return false };
    let language = match name.split_once('.') {
        None => "",
        Some((_, language)) => language,
    };
    let is_known = language.is_empty()
        || site.config.default_language.eq_ignore_ascii_case(language)
        || site.config.languages.iter().any(|known| known.eq_ignore_ascii_case(language));
    let is_page = is_other || ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending));
    is_page && is_known && name.split('.').next() == Some("index")
}
