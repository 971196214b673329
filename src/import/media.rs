//! What the links of an entry become: the files that they lead to are brought along as uploads, and
//! its text leads to them; pages and other addresses of the old site are asked for where they were.
//!
//! A post's page is one level below the site, so every new destination begins with `..`: it holds
//! under any path that the site has in front of its own.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::ImportError;
use super::file;
use super::links::{self, Inner, Target};
use super::report::Note;
use super::store::New;
use crate::models::upload::{self, NewUpload, Upload};
use crate::pictures::{self, Unfit};

/// The largest file that is brought along, as that of an upload by a flag's default.
const MAX: u64 = 10 * 1024 * 1024;

/// The most files of one page.
const MOST: usize = 1000;

/// The media type of a file that is none of the pictures: browsers save it.
const ANY: &str = "application/octet-stream";

/// What a destination in Markdown, or in an attribute, writes in another way.
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

/// Where an entry's links lead now.
#[derive(Default)]
pub(super) struct Brought {
    /// Files that are uploads now, by the paths at which the site had them.
    pub(super) addresses: BTreeMap<String, String>,
    /// Files that were brought along.
    pub(super) files: usize,
    /// Links that were rewritten.
    pub(super) links: usize,
}

/// Rewrites the links of an entry. `root` is its site's folder; `page` gives the address that a page
/// of the site had; `keep` keeps an upload.
pub(super) fn bring(
    new: &mut New,
    root: &Path,
    mut page: impl FnMut(&str) -> Option<String>,
    mut keep: impl FnMut(NewUpload) -> Result<(), ImportError>,
) -> Result<Brought, ImportError> {
    let mut brought = Brought::default();
    let mut destinations: HashMap<usize, String> = HashMap::new();
    let mut known: HashMap<String, Option<String>> = HashMap::new();
    let entry = &mut new.entry;
    for (at, inner) in entry.links.iter().enumerate() {
        let led = match &inner.target {
            Target::Address(path) => Some(beside(path)),
            Target::Page(path) => {
                let address = page(path);
                if address.is_none() {
                    let what = "a link to a page that is not imported";
                    entry.notes.push(Note::lost(what, path.clone()));
                }
                address.map(|address| beside(&address))
            }
            Target::File(path) if !known.contains_key(path) && known.len() == MOST => {
                entry.notes.push(Note::lost("more than 1,000 files of one page", path.clone()));
                None
            }
            Target::File(path) => {
                if !known.contains_key(path) {
                    let (found, note) = match read(&root.join(path), path, inner.link.is_image) {
                        Ok((found, note)) => (Some(found), note),
                        Err(note) => (None, Some(note)),
                    };
                    entry.notes.extend(note.map(|note| named(note, path)));
                    let led = found.as_ref().map(|found| found.upload.path());
                    if let Some(found) = found {
                        brought.files += 1;
                        keep(found)?;
                    }
                    known.insert(path.clone(), led);
                }
                let led = known.get(path).cloned().flatten();
                if let (Some(led), Some(old)) = (&led, address_of(inner, entry.addresses.first()))
                    && let Some(digest) = upload::digests(led).first()
                {
                    brought.addresses.insert(old, (*digest).to_owned());
                }
                led.map(|led| format!("..{led}"))
            }
        };
        if let Some(led) = led {
            destinations.insert(at, led + fragment(inner));
        }
    }
    brought.links = destinations.len();
    let links = std::mem::take(&mut entry.links);
    let mut at = 0;
    entry.post.body = links::rewritten(&entry.post.body, &links, |_| {
        at += 1;
        destinations.remove(&(at - 1))
    });
    Ok(brought)
}

/// The destination from a post's page to a path of the site.
fn beside(path: &str) -> String {
    format!("..{}", utf8_percent_encode(path, WRITTEN))
}

/// The part of the page that a link leads to; what a query asked for is not there any more.
fn fragment(inner: &Inner) -> &str {
    inner.suffix.find('#').and_then(|at| inner.suffix.get(at..)).unwrap_or_default()
}

fn named(note: Note, path: &str) -> Note {
    match note.detail.as_str() {
        "" => Note { detail: path.to_owned(), ..note },
        detail => Note { detail: format!("{path}: {detail}"), ..note },
    }
}

/// The path at which the old site had a file, as a link on a page with this address asks for it.
fn address_of(inner: &Inner, page: Option<&String>) -> Option<String> {
    let base = Url::parse("http://site/").ok()?;
    let page = page.map_or("/", String::as_str);
    let base = base.join(&utf8_percent_encode(page, WRITTEN).to_string()).ok()?;
    let asked = base.join(&inner.link.destination).ok()?;
    let path = percent_decode_str(asked.path()).decode_utf8().ok()?;
    (asked.host_str() == Some("site")).then(|| path.into_owned())
}

/// A file as an upload, and what is to be said of it.
fn read(file: &Path, path: &str, shown: bool) -> Result<(NewUpload, Option<Note>), Note> {
    let missing = || Note::lost("a file that a page leads to is gone", "");
    let bytes = file::bytes(file, MAX)?.ok_or_else(missing)?.bytes;
    let name = path.rsplit('/').next().unwrap_or(path);
    let (bytes, media_type, name, size, note) = match pictures::clean(&bytes) {
        Ok(picture) => {
            let size = (i32::try_from(picture.width).ok(), i32::try_from(picture.height).ok());
            (picture.bytes, picture.format.media_type(), None, size, None)
        }
        Err(unfit) => {
            let note = match unfit {
                Unfit::Unknown if !shown => None,
                Unfit::Unknown => Some(Note::lost("a picture that is shown nowhere", "")),
                unfit => Some(Note::lost("a picture that cannot be read", unfit.to_string())),
            };
            (bytes, ANY, Some(name.to_owned()), (None, None), note)
        }
    };
    let upload = Upload {
        digest: upload::digest(&bytes),
        media_type: media_type.to_owned(),
        name,
        width: size.0,
        height: size.1,
        length: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
    };
    Ok((NewUpload { upload, bytes, user_id: None }, note))
}
