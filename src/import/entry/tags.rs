//! A page's tags: the terms of its site's taxonomies as written. Tags come first, then categories,
//! then other taxonomies.

use unicode_segmentation::UnicodeSegmentation;

use super::fields::{Found, Layers};
use crate::import::report::Note;
use crate::import::site::{Generator, Kind, Place, Site};

/// Maximum number of tags, as in the model.
const MOST: usize = 20;

/// Maximum length of a tag in characters, as in the model.
const LONGEST: usize = 50;

/// Maximum length of a tag in bytes, as in the model.
const MAX_BYTES: usize = 400;

pub(super) fn of(
    layers: &Layers<'_>,
    site: &Site,
    place: &Place,
    notes: &mut Vec<Note>,
) -> Vec<String> {
    let mut tags = Tags { kept: Vec::new(), notes };
    let generator = site.generator;
    let mut names: Vec<&str> = site.config.taxonomies.iter().map(String::as_str).collect();
    if matches!(generator, Generator::Unknown | Generator::Zola) {
        names.extend(["tags", "categories"]);
    }
    names.sort_by_key(|name| match *name {
        "tags" => 0,
        "categories" => 1,
        _ => 2,
    });
    names.dedup();
    let taxonomies = layers.get(&["taxonomies"]);
    for name in names.into_iter().filter(|name| *name != "authors") {
        // Jekyll also reads a single term under the singular key.
        let one = match name {
            "tags" => Some("tag"),
            "categories" => Some("category"),
            _ => None,
        };
        let one = one.filter(|_| matches!(generator, Generator::Jekyll | Generator::Unknown));
        if let Some(found) = one.and_then(|one| layers.get(&[one])) {
            tags.add(found, found.value.names());
        }
        if generator != Generator::Zola
            && let Some(found) = layers.get(&[name])
        {
            tags.add(found, terms(found, generator));
        }
        if let Some(found) = taxonomies.filter(|_| generator != Generator::Jekyll)
            && let Some(value) = found.value.map().and_then(|fields| fields.value(name))
        {
            let found = Found { value, ..found };
            tags.add(found, found.value.names());
        }
        // "Any directory above `_posts` will be read-in as a category" (Jekyll, Posts).
        if name == "categories"
            && generator == Generator::Jekyll
            && matches!(place.kind, Kind::Post | Kind::Draft)
        {
            place.folders.iter().for_each(|folder| tags.one(folder, None));
        }
    }
    tags.kept
}

/// The tags of a page that names each of them.
pub(in crate::import) fn tags_of<'a>(
    terms: impl Iterator<Item = &'a str>,
    notes: &mut Vec<Note>,
) -> Vec<String> {
    let mut tags = Tags { kept: Vec::new(), notes };
    terms.for_each(|term| tags.one(term, None));
    tags.kept
}

/// A page's categories as Jekyll puts them into its address: those of its folders, then its own.
pub(in crate::import) fn categories(
    layers: &Layers<'_>,
    site: &Site,
    place: &Place,
) -> Vec<String> {
    let folders = place.folders.iter().filter(|_| site.generator == Generator::Jekyll);
    let mut found: Vec<String> = folders.cloned().collect();
    if let Some(one) = layers.get(&["category"]) {
        found.extend(one.value.names().into_iter().map(str::to_owned));
    } else if let Some(several) = layers.get(&["categories"]) {
        found.extend(terms(several, Generator::Jekyll).into_iter().map(str::to_owned));
    }
    found
}

/// The terms of a field. A list has one term in each entry. Jekyll reads each word of a text as a
/// term (<https://jekyllrb.com/docs/posts/#tags>), Hugo the whole text as one.
fn terms<'a>(found: Found<'a>, generator: Generator) -> Vec<&'a str> {
    let Some(text) = found.value.text() else { return found.value.names() };
    match generator {
        Generator::Hugo => vec![text],
        Generator::Jekyll => {
            text.split_whitespace().map(|word| word.trim_end_matches(',')).collect()
        }
        _ if text.contains(',') => text.split(',').map(str::trim).collect(),
        _ => text.split_whitespace().collect(),
    }
}

struct Tags<'a> {
    kept: Vec<String>,
    notes: &'a mut Vec<Note>,
}

impl Tags<'_> {
    fn add(&mut self, found: Found<'_>, terms: Vec<&str>) {
        terms.into_iter().for_each(|term| self.one(term, Some(found)));
    }

    fn one(&mut self, term: &str, found: Option<Found<'_>>) {
        let term = term.trim();
        if term.is_empty() || self.kept.iter().any(|known| known == term) {
            return;
        }
        let what = if term.contains(char::is_control) {
            "a tag with control characters, left out".to_owned()
        } else if term.len() > MAX_BYTES || term.graphemes(true).count() > LONGEST {
            format!("a tag is longer than {LONGEST} characters, left out")
        } else if self.kept.len() == MOST {
            format!("a tag beyond the limit of {MOST}, left out")
        } else {
            return self.kept.push(term.to_owned());
        };
        let note = Note::lost(what, term.chars().take(80).collect::<String>());
        self.notes.push(found.map_or(note.clone(), |found| found.noted(note)));
    }
}
