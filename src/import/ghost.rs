//! Ghost's export file: JSON with the tables of its database
//! (<https://docs.ghost.org/migration/custom>). Posts and pages become entries.
//!
//! Memory holds only the text of the file; a row is parsed when it is imported.

mod body;
mod gated;
mod post;
mod tables;

use std::collections::{BTreeSet, HashMap};

use self::post::Rows;
use self::tables::Tables;
use super::ImportError;
use super::dump::Text;
use super::dump::site::{Media, Site};
#[cfg(any(test, feature = "fuzzing"))]
use super::entry::Entry;
use super::intake::Intake;
use super::report::Note;
use crate::models::now;

/// The maximum size of a file in bytes: all of it is in memory.
const MOST: u64 = 256 * 1024 * 1024;

/// A checked file, with its rows not parsed yet.
pub(super) struct Export {
    text: Text,
    json: String,
    media: Media,
    /// The number of posts and pages in the file.
    pub(super) pages: usize,
}

/// Whether a file with these first bytes may be a Ghost export.
pub(super) fn is_export(begins: &[u8]) -> bool {
    let text = String::from_utf8_lossy(begins);
    ["\"db\"", "\"data\"", "\"meta\""].iter().any(|key| text.contains(key))
}

/// Reads and checks all of a file.
pub(super) fn open(text: Text, media: Media) -> Result<Export, ImportError> {
    let bytes = text.read(MOST + 1, |input| {
        let mut bytes = Vec::new();
        let read = input.read_to_end(&mut bytes);
        read.map_err(|error| text.refused(None, error.to_string()))?;
        Ok(bytes)
    })?;
    if bytes.len() as u64 > MOST {
        return Err(text.refused(None, "it is larger than 256 MiB"));
    }
    let json = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        text.refused(Some(line), "it is not UTF-8")
    })?;
    let json = match json.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => json,
    };
    let tables = Tables::read(&json).map_err(|error| text.refused(error.line, error.why))?;
    let pages = tables.posts.len();
    Ok(Export { text, json, media, pages })
}

impl Export {
    /// Imports its posts and pages.
    pub(super) fn import(self, intake: &mut Intake<'_>) -> Result<(), ImportError> {
        let Export { text, json, media, .. } = self;
        let tables = Tables::read(&json).map_err(|error| text.refused(error.line, error.why))?;
        let mut notes = Vec::new();
        let rows = Rows::of(&tables, &mut notes);
        let mut site = Site {
            // The file does not give the site's address: it has `__GHOST_URL__` instead.
            hosts: BTreeSet::new(),
            media_hosts: BTreeSet::new(),
            numbers: HashMap::new(),
            media,
        };
        let now = now();
        for (n, row) in tables.posts.iter().enumerate() {
            intake.next()?;
            match rows.page(row, n) {
                Ok(page) => {
                    let name = page.name.clone();
                    intake.take(name, page.entry(&site, now), None, &mut site)?;
                }
                Err((name, note)) => intake.take(name, Err(note), None, &mut site)?,
            }
        }
        intake.note(&text.name(), notes);
        Ok(())
    }
}

/// The entries in a file, without media. For tests and fuzz targets.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn entries(json: &str) -> Result<Vec<Result<Entry, Note>>, String> {
    let tables = Tables::read(json).map_err(|error| error.why)?;
    let rows = Rows::of(&tables, &mut Vec::new());
    let site = Site {
        hosts: BTreeSet::new(),
        media_hosts: BTreeSet::new(),
        numbers: HashMap::new(),
        media: Media { archive: None, folder: None },
    };
    let (posts, now) = (tables.posts.iter().enumerate(), now());
    let entries = posts.map(|(n, row)| match rows.page(row, n) {
        Ok(page) => page.entry(&site, now),
        Err((_, note)) => Err(note),
    });
    Ok(entries.collect())
}

/// A note for any number of occurrences.
fn several(what: &str, times: usize) -> Note {
    Note::lost(what, if times == 1 { String::new() } else { format!("{times} times") })
}
