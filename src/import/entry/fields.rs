//! The fields of a page, with defaults from its sections and its site's configuration.

use std::rc::Rc;

use chrono::{NaiveDateTime, SecondsFormat};

use crate::import::front_matter::node::{Fields, Node};
use crate::import::report::Note;
use crate::import::site::{Cascade, Place, Section, Site};
use crate::models::slug;

/// Maximum length of an author's name in characters, as in the model.
const AUTHOR: usize = 1000;

/// A page's own fields, and the defaults for those that it lacks.
pub(in crate::import) struct Layers<'a> {
    pub(in crate::import) own: &'a Fields,
    /// The defaults, the nearest first, each with its origin: a file or a description.
    pub(in crate::import) below: &'a [(&'a Fields, &'a str)],
}

/// A value and its origin.
#[derive(Clone, Copy)]
pub(in crate::import) struct Found<'a> {
    pub(in crate::import) value: &'a Node,
    /// The line, if the value is in the page's own front matter.
    pub(super) line: Option<usize>,
    /// The origin otherwise.
    pub(super) from: &'a str,
}

impl<'a> Layers<'a> {
    /// The value of the first of these keys that has one.
    pub(in crate::import) fn get(&self, keys: &[&str]) -> Option<Found<'a>> {
        if let Some(field) = self.own.first(keys) {
            return Some(Found { value: &field.value, line: Some(field.line), from: "" });
        }
        self.below.iter().find_map(|(fields, from)| {
            let field = fields.first(keys)?;
            Some(Found { value: &field.value, line: None, from })
        })
    }

    /// The text of this key.
    pub(in crate::import) fn text(&self, key: &str) -> Option<&'a str> {
        self.get(&[key])?.value.text()
    }
}

impl Found<'_> {
    /// The note, with the value's line or origin.
    pub(in crate::import) fn noted(&self, note: Note) -> Note {
        match self.line {
            Some(line) => note.on(line),
            None if note.detail.is_empty() => Note { detail: self.from.to_owned(), ..note },
            None => Note { detail: format!("{}, from {}", note.detail, self.from), ..note },
        }
    }

    /// The start of the value's text.
    pub(in crate::import) fn words(&self) -> String {
        let text = self.value.text().unwrap_or("not a text");
        text.chars().take(60).collect()
    }
}

/// The sections in a page's language.
pub(super) fn sections(site: &Site, place: &Place, above: &[Rc<Section>]) -> Vec<Rc<Section>> {
    let default = &site.config.default_language;
    let own = place.language.as_ref().unwrap_or(default);
    let is_own = |section: &&Rc<Section>| {
        section.language.as_ref().unwrap_or(default).eq_ignore_ascii_case(own)
    };
    above.iter().filter(is_own).cloned().collect()
}

/// The defaults for a page: from its sections, the nearest first, then from the site's
/// configuration.
pub(super) fn cascades<'a>(
    site: &'a Site,
    place: &Place,
    sections: &'a [Rc<Section>],
) -> Vec<(&'a Fields, &'a str)> {
    let logical = place.logical();
    let fits = |cascade: &&Cascade| {
        cascade.path.as_ref().is_none_or(|glob| match cascade.kind {
            None => glob.is_match(&logical) || glob.is_match(&place.path),
            Some(_) => glob.is_match(&place.path),
        }) && place.path.starts_with(&cascade.prefix)
            && cascade.kind.as_deref().is_none_or(|kind| kind == place.type_name())
    };
    let of_sections = sections.iter().flat_map(|section| {
        section.cascades.iter().filter(fits).map(|cascade| (&cascade.fields, &*section.path))
    });
    let of_site = site.config.cascades.iter().filter(fits);
    let of_site = of_site.map(|cascade| (&cascade.fields, "the site's configuration"));
    of_sections.chain(of_site).collect()
}

/// The names of the page's authors, in order and joined.
pub(super) fn author(layers: &Layers<'_>, notes: &mut Vec<Note>) -> Option<String> {
    let own = layers.get(&["authors"]).or_else(|| layers.get(&["author"]));
    // Hugo's own examples put authors there.
    let params = layers.get(&["params"]).and_then(|found| found.value.map());
    let other = params.and_then(|params| params.first(&["authors", "author"]));
    let taxonomy = layers.get(&["taxonomies"]).and_then(|found| found.value.map()?.get("authors"));
    let value = own.map(|found| found.value);
    let value = value.or_else(|| other.or(taxonomy).map(|field| &field.value))?;
    // Jekyll uses `false` and Hugo `true` for other purposes.
    let mut names: Vec<&str> = Vec::new();
    for name in value.names() {
        if !matches!(name, "true" | "false") && !names.contains(&name) && names.len() < 100 {
            names.push(name);
        }
    }
    joined(&names).unwrap_or_else(|note| {
        notes.push(match own {
            Some(found) => found.noted(note),
            None => note,
        });
        None
    })
}

/// Joins the names of authors.
pub(in crate::import) fn author_of(names: &[String], notes: &mut Vec<Note>) -> Option<String> {
    let names: Vec<&str> = names.iter().map(String::as_str).take(100).collect();
    joined(&names).unwrap_or_else(|note| {
        notes.push(note);
        None
    })
}

fn joined(names: &[&str]) -> Result<Option<String>, Note> {
    let names = names.join(", ");
    if names.chars().count() > AUTHOR || names.contains(char::is_control) {
        return Err(Note::lost("author too long or with control characters, left out", ""));
    }
    Ok((!names.is_empty()).then_some(names))
}

/// The page's slug, if a post may have it.
pub(super) fn slug(layers: &Layers<'_>) -> Option<String> {
    let slug = layers.own.text("slug")?;
    slug::is_valid(slug).then(|| slug.to_owned())
}

/// The time in the form that a changeset takes.
pub(in crate::import) fn rfc3339(time: NaiveDateTime) -> String {
    time.and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
