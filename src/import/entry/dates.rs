//! A page's dates, each from the first field that its generator reads for it.

use chrono::NaiveDateTime;

use super::fields::{Found, Layers};
use crate::import::date::{self, When};
use crate::import::front_matter::node::Node;
use crate::import::report::Note;
use crate::import::site::{Generator, Kind, Place, Site};

/// The fields of a page's date, change, publication and expiry in Hugo
/// (<https://gohugo.io/configuration/front-matter/#dates>).
const HUGO: [&[&str]; 4] = [
    &["date", "publishdate", "pubdate", "published", "lastmod", "modified"],
    &["lastmod", "modified", "date", "publishdate", "pubdate", "published"],
    &["publishdate", "pubdate", "published", "date"],
    &["expirydate", "unpublishdate"],
];

/// The fields in Jekyll and Zola, and the fields of plugins that give the date of a change.
const OTHERS: [&[&str]; 4] =
    [&["date"], &["updated", "lastmod", "last_modified_at", "modified"], &["date"], &[]];

/// The fields if the generator is unknown.
const ALL: [&[&str]; 4] = [
    &["date", "publishdate", "pubdate"],
    &["updated", "lastmod", "last_modified_at", "modified"],
    &["publishdate", "pubdate", "date"],
    &["expirydate", "unpublishdate"],
];

/// The dates of a page.
#[derive(Default)]
pub(in crate::import) struct Dates {
    /// Its date, in UTC.
    pub(in crate::import) date: Option<NaiveDateTime>,
    /// Its local time, which is used in its address.
    pub(in crate::import) local: Option<NaiveDateTime>,
    /// The time of its last change.
    pub(in crate::import) updated: Option<NaiveDateTime>,
    /// The time at which it becomes visible.
    pub(in crate::import) published: Option<NaiveDateTime>,
    /// The time at which it expires.
    pub(in crate::import) expired: Option<NaiveDateTime>,
    /// Whether a field that decides its visibility is not understood.
    pub(in crate::import) unclear: bool,
    /// Whether Hugo takes the date from the file's name, and with it the slug.
    pub(in crate::import) by_name: bool,
}

pub(super) fn of(layers: &Layers<'_>, site: &Site, place: &Place, notes: &mut Vec<Note>) -> Dates {
    let mut reader = Reader { layers, site, place, notes, told: Vec::new(), by_name: false };
    let (date, is_clear) = reader.first(0);
    let by_name = reader.by_name;
    let (updated, _) = reader.first(1);
    let (published, is_clear_too) = reader.first(2);
    let (expired, is_clear_at_last) = reader.first(3);
    let zone = &site.config.zone;
    let utc = |when: Option<When>| when.and_then(|when| when.utc(zone));
    let elsewhere = || {
        let path = layers.own.text("path").and_then(date::in_path);
        path.or_else(|| date::split_name(&place.name).map(|(date, _)| date))
            .or_else(|| date::in_path(&place.path))
            .map(|local| When { local, offset: None })
    };
    let when = date.or_else(elsewhere);
    Dates {
        date: utc(when),
        local: when.map(|when| match site.generator {
            // Hugo uses a date's own offset in addresses.
            Generator::Hugo if when.offset.is_some() => when.local,
            _ => when.local_in(zone),
        }),
        updated: utc(updated),
        published: utc(published).or_else(|| utc(when)),
        expired: utc(expired),
        unclear: !(is_clear && is_clear_too && is_clear_at_last),
        by_name,
    }
}

struct Reader<'a> {
    layers: &'a Layers<'a>,
    site: &'a Site,
    place: &'a Place,
    notes: &'a mut Vec<Note>,
    /// The fields that already have a note.
    told: Vec<String>,
    by_name: bool,
}

impl Reader<'_> {
    /// The first date of this kind, and whether all fields before it were understood.
    fn first(&mut self, kind: usize) -> (Option<When>, bool) {
        let own = match self.site.generator {
            Generator::Hugo => HUGO,
            Generator::Jekyll | Generator::Zola => OTHERS,
            Generator::Unknown | Generator::Kilonova => ALL,
        };
        let own = own.get(kind).copied().unwrap_or_default();
        let chosen = self.site.config.dates.get(kind).and_then(Option::as_ref);
        let mut keys: Vec<&str> = Vec::new();
        match chosen {
            None => keys.extend(own),
            Some(chosen) => {
                for key in chosen.iter().take(20) {
                    match key.as_str() {
                        ":default" => keys.extend(own),
                        key => keys.push(key),
                    }
                }
            }
        }
        let mut is_clear = true;
        for key in keys {
            if key == ":filename" {
                if let Some((local, _)) = date::split_name(&self.place.name) {
                    self.by_name |= kind == 0;
                    return (Some(When { local, offset: None }), is_clear);
                }
                continue;
            }
            let Some(found) = self.layers.get(&[key]) else { continue };
            // In Jekyll, this field says whether the page is visible.
            let is_flag = key == "published" && found.value.truth().is_some();
            if is_flag || matches!(found.value, Node::Text(text) if text.trim().is_empty()) {
                continue;
            }
            match self.read(found) {
                Some(when) => return (Some(when), is_clear),
                None => {
                    is_clear &= kind == 1;
                    self.tell(key, found);
                }
            }
        }
        (None, is_clear)
    }

    fn read(&self, found: Found<'_>) -> Option<When> {
        let text = found.value.text()?;
        let when = When::parse(text).or_else(|| {
            // Ruby reads the day first; elsewhere the order is unknown.
            let is_jekyll = self.site.generator == Generator::Jekyll;
            is_jekyll.then(|| date::day_first(text)).flatten()
        })?;
        when.utc(&self.site.config.zone).map(|_| when)
    }

    fn tell(&mut self, key: &str, found: Found<'_>) {
        if !self.told.iter().any(|told| told == key) {
            self.told.push(key.to_owned());
            let what = format!("{key} is not understood");
            self.notes.push(found.noted(Note::lost(what, found.words())));
        }
    }
}

/// Whether Jekyll treats a file in `_posts` as a post: its name must begin with a date
/// (<https://jekyllrb.com/docs/posts/#creating-posts>).
pub(super) fn is_post(place: &Place) -> bool {
    place.kind != Kind::Post || date::split_name(&place.name).is_some()
}
