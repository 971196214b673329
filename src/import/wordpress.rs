//! WordPress' export files: extended RSS, called WXR (`wp-admin/includes/export.php`). Posts and
//! pages become entries, with their comments.
//!
//! A file is streamed twice. Memory holds one item at a time, and what items refer to in others,
//! such as the addresses of attachments.

mod bytes;
mod item;
mod lookup;
mod post;
mod shortcodes;
mod xml;

use std::collections::BTreeMap;

use self::lookup::Lookup;
use self::xml::Part;
use super::ImportError;
use super::dump::Text;
use super::dump::site::{Media, Site};
#[cfg(any(test, feature = "fuzzing"))]
use super::entry::Entry;
use super::intake::Intake;
use super::report::Note;
use crate::models::now;

/// The maximum size of a file in bytes.
const MOST: u64 = 16 * 1024 * 1024 * 1024;

/// The maximum number of item types that are noted.
const TYPES: usize = 50;

/// Types without text written by an author: settings, menus, earlier versions.
const SILENT: [&str; 14] = [
    "attachment",
    "custom_css",
    "customize_changeset",
    "nav_menu_item",
    "oembed_cache",
    "revision",
    "user_request",
    "wp_font_face",
    "wp_font_family",
    "wp_global_styles",
    "wp_navigation",
    "wp_template",
    "wp_template_part",
    "acf-field",
];

/// Files that were checked completely.
pub(super) struct Export {
    texts: Vec<Text>,
    lookup: Lookup,
    media: Media,
    /// The number of posts and pages in the files.
    pub(super) pages: usize,
    notes: Vec<(Text, Note)>,
}

/// Whether a file with these first bytes may be a WordPress export.
pub(super) fn is_export(begins: &[u8]) -> bool {
    String::from_utf8_lossy(begins).contains("<rss")
}

/// Reads and checks all files, which are the parts of one export.
pub(super) fn open(texts: Vec<Text>, media: Media) -> Result<Export, ImportError> {
    let mut lookup = Lookup::default();
    let (mut pages, mut notes) = (0, Vec::new());
    for text in &texts {
        let mut types: BTreeMap<String, usize> = BTreeMap::new();
        let damage = text.read(MOST, |input| {
            xml::read(text, input, &mut |part| {
                if let Part::Item(item) = &part {
                    let kind = item.kind();
                    if is_page(kind) {
                        pages += 1;
                    } else if types.len() < TYPES || types.contains_key(kind) {
                        *types.entry(kind.to_owned()).or_default() += 1;
                    }
                }
                lookup.learn(part).map_err(|why| text.refused(None, why))
            })
        })?;
        notes.extend(damage.into_iter().map(|note| (text.clone(), note)));
        notes.extend(types.into_iter().map(|(kind, times)| {
            let what = format!("items of the type {kind}, left out");
            let times = times.to_string();
            let is_silent = SILENT.contains(&kind.as_str());
            let note = if is_silent { Note::told(what, times) } else { Note::lost(what, times) };
            (text.clone(), note)
        }));
    }
    Ok(Export { texts, lookup, media, pages, notes })
}

impl Export {
    /// Imports the posts and pages of the export.
    pub(super) fn import(self, intake: &mut Intake<'_>) -> Result<(), ImportError> {
        let Export { texts, mut lookup, media, notes, .. } = self;
        for (text, note) in notes {
            intake.note(&text.name(), vec![note]);
        }
        let mut site = Site {
            hosts: lookup.hosts.clone(),
            media_hosts: lookup.media_hosts.clone(),
            numbers: std::mem::take(&mut lookup.numbers),
            media,
        };
        let now = now();
        for text in &texts {
            text.read(MOST, |input| {
                xml::read(text, input, &mut |part| {
                    let Part::Item(item) = part else { return Ok(()) };
                    if !is_page(item.kind()) {
                        return Ok(());
                    }
                    intake.next()?;
                    let name = item.name();
                    let entry = post::page(*item, &lookup).and_then(|page| page.entry(&site, now));
                    intake.take(name, entry, None, &mut site)
                })
            })?;
        }
        Ok(())
    }
}

/// The entries in a file, without media. For tests and fuzz targets.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn entries(bytes: &[u8]) -> Result<Vec<Result<Entry, Note>>, ImportError> {
    let text = Text::File("a.xml".into());
    let mut lookup = Lookup::default();
    xml::read(&text, &mut &*bytes, &mut |part| {
        lookup.learn(part).map_err(|why| text.refused(None, why))
    })?;
    let site = Site {
        hosts: lookup.hosts.clone(),
        media_hosts: lookup.media_hosts.clone(),
        numbers: std::mem::take(&mut lookup.numbers),
        media: Media { archive: None, folder: None },
    };
    let (mut entries, now) = (Vec::new(), now());
    xml::read(&text, &mut &*bytes, &mut |part| {
        if let Part::Item(item) = part {
            entries.push(post::page(*item, &lookup).and_then(|page| page.entry(&site, now)));
        }
        Ok(())
    })?;
    Ok(entries)
}

fn is_page(kind: &str) -> bool {
    matches!(kind, "post" | "page")
}
