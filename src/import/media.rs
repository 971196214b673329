//! Rewrites the links of an entry. Files become uploads, and the text links to those. Links to
//! pages and to other addresses of the old site lead to the old addresses, which answer 301.
//!
//! A post's page is one level below the site's root, so every new destination begins with `..`: it
//! works under any path at which the site is served.

use std::collections::{BTreeMap, HashMap};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::ImportError;
use super::intake::Source;
use super::leads;
use super::links::{self, Inner, Target};
use super::report::Note;
use super::store::New;
use crate::models::upload::{NewUpload, Upload};
use crate::pictures::{self, Unfit};

/// Maximum size of an imported file, the same as an upload's default limit.
pub(super) const MAX: u64 = 10 * 1024 * 1024;

/// Maximum number of files of one page.
const MOST: usize = 1000;

/// The characters to encode in a destination, in Markdown and in attributes.
const WRITTEN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'`');

/// The result of rewriting an entry's links.
#[derive(Default)]
pub(super) struct Brought {
    /// The digests of uploads, by the paths at which the site had the files.
    pub(super) addresses: BTreeMap<String, String>,
    /// The number of files imported.
    pub(super) files: usize,
    /// The number of links rewritten.
    pub(super) links: usize,
    /// Links to addresses of the old site, with their lines.
    pub(super) leads: Vec<(String, Option<usize>)>,
}

/// A file to import.
pub(super) struct File {
    pub(super) upload: NewUpload,
    /// A note about the file.
    note: Option<Note>,
}

/// Rewrites the links of an entry. `source` gives the files and pages to which they lead; `keep`
/// stores an upload.
pub(super) fn bring(
    new: &mut New,
    source: &mut dyn Source,
    mut keep: impl FnMut(File) -> Result<(), ImportError>,
) -> Result<Brought, ImportError> {
    let mut brought = Brought::default();
    let mut destinations = Vec::new();
    let mut known: HashMap<String, Option<Upload>> = HashMap::new();
    let entry = &mut new.entry;
    let (mut line, mut counted) = (entry.first_line, 0);
    for inner in &entry.links {
        // Links come in the order of the text, so each line is counted once.
        let between = entry.post.body.get(counted..inner.link.range.start).unwrap_or_default();
        line = line.map(|line| line + between.matches('\n').count());
        counted = counted.max(inner.link.range.start);
        let led = match &inner.target {
            Target::Address(path) => {
                brought.leads.push((path.clone(), line));
                Some(beside(path))
            }
            // Resolved as a browser would resolve it on the old page.
            Target::Relative => {
                let page = entry.addresses.first();
                match page.and_then(|page| address_of(inner, Some(page))) {
                    Some(address) => {
                        brought.leads.push((address.clone(), line));
                        Some(beside(&address))
                    }
                    None => {
                        entry.notes.push(leads::nowhere(&inner.link.destination, line));
                        None
                    }
                }
            }
            Target::Page(path) => {
                let address = source.page(path);
                if address.is_none() {
                    let what = "a link to a page that is not imported";
                    let note = Note::lost(what, path.clone());
                    entry.notes.push(Note { line, ..note });
                }
                address.map(|address| beside(&address))
            }
            Target::File(path) if !known.contains_key(path) && known.len() == MOST => {
                entry.notes.push(Note::lost("more than 1,000 files of one page", path.clone()));
                None
            }
            Target::File(path) => {
                if !known.contains_key(path) {
                    let bytes = source.file(path);
                    let file = bytes.map(|bytes| File::of(bytes, path, inner.link.is_image));
                    let note = match &file {
                        Ok(file) => file.note.clone(),
                        Err(note) => Some(note.clone()),
                    };
                    entry.notes.extend(note.map(|note| named(note, path)));
                    let found = file.as_ref().ok().map(|file| file.upload.upload.clone());
                    known.insert(path.clone(), found);
                    if let Ok(file) = file {
                        brought.files += 1;
                        keep(file)?;
                    }
                }
                let found = known.get(path).and_then(Option::as_ref);
                let old = inner.address.clone();
                let old = old.or_else(|| address_of(inner, entry.addresses.first()));
                if let (Some(found), Some(old)) = (found, old) {
                    brought.addresses.insert(old, found.digest.clone());
                }
                found.map(|found| format!("..{}", found.path()))
            }
        };
        destinations.push(led.map(|led| led + fragment(inner)));
    }
    brought.links = destinations.iter().flatten().count();
    let links = std::mem::take(&mut entry.links);
    let mut destinations = destinations.into_iter();
    entry.post.body = links::rewritten(&entry.post.body, &links, |_| destinations.next().flatten());
    Ok(brought)
}

/// The destination on a post's page for a path of the site.
fn beside(path: &str) -> String {
    format!("..{}", utf8_percent_encode(path, WRITTEN))
}

/// The fragment of a link; a query has no meaning here.
fn fragment(inner: &Inner) -> &str {
    inner.suffix.find('#').and_then(|at| inner.suffix.get(at..)).unwrap_or_default()
}

fn named(note: Note, path: &str) -> Note {
    match note.detail.as_str() {
        "" => Note { detail: path.to_owned(), ..note },
        detail => Note { detail: format!("{path}: {detail}"), ..note },
    }
}

/// The path at which the old site had a file, as linked from a page with this address.
fn address_of(inner: &Inner, page: Option<&String>) -> Option<String> {
    let base = Url::parse("http://site/").ok()?;
    let page = page.map_or("/", String::as_str);
    let base = base.join(&utf8_percent_encode(page, WRITTEN).to_string()).ok()?;
    let asked = base.join(&inner.link.destination).ok()?;
    let path = percent_decode_str(asked.path()).decode_utf8().ok()?;
    (asked.host_str() == Some("site")).then(|| path.into_owned())
}

impl File {
    /// The file at this path; `shown` says whether the page shows it as a picture.
    fn of(bytes: Vec<u8>, path: &str, shown: bool) -> File {
        let name = path.rsplit('/').next().unwrap_or(path);
        let note = match pictures::clean(&bytes) {
            Ok(picture) => return File { upload: NewUpload::picture(picture, None), note: None },
            Err(Unfit::Unknown) if !shown => None,
            Err(Unfit::Unknown) => Some(Note::lost("a picture in an unknown format", "")),
            Err(unfit) => Some(Note::lost("a picture that cannot be read", unfit.to_string())),
        };
        File { upload: NewUpload::file(bytes, name), note }
    }
}
