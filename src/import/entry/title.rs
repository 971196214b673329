//! A page's title: its own, or its file's name as its generator makes a title of it.

use unicode_segmentation::UnicodeSegmentation;

use super::fields::Layers;
use crate::changeset::is_blank;
use crate::import::date;
use crate::import::report::Note;
use crate::import::site::{Generator, Kind, Place, Site};

/// The most characters of a title, as the model has it.
const LONGEST: usize = 200;

/// The most bytes of one, as the model has it.
const MAX_BYTES: usize = 4096;

pub(super) fn of(layers: &Layers<'_>, site: &Site, place: &Place, notes: &mut Vec<Note>) -> String {
    let own = layers.get(&["title"]);
    let line = own.and_then(|found| Some((found, one_line(found.value.text()?))));
    let Some((found, title)) = line.filter(|(_, title)| !is_blank(title)) else {
        let title = one_line(&of_name(site, place));
        let title = if is_blank(&title) { "Untitled".to_owned() } else { title };
        let (title, _) = cut(title);
        notes.push(Note::told("no title, so that the file's name is one", &*title));
        return title;
    };
    let (title, is_whole) = cut(title);
    if !is_whole {
        let what = format!("title is longer than {LONGEST} characters, and cut");
        notes.push(found.noted(Note::lost(what, "")));
    }
    title
}

/// The title of a page that has one or not; then the words of its address stand in.
pub(in crate::import) fn title_of(own: &str, slug: &str, notes: &mut Vec<Note>) -> String {
    let title = one_line(own);
    if is_blank(&title) {
        let words = one_line(&slug.replace(['-', '_'], " "));
        let words = if is_blank(&words) { "Untitled".to_owned() } else { words };
        let (title, _) = cut(words);
        notes.push(Note::told("no title, so that the words of its address are one", &*title));
        return title;
    }
    let (title, is_whole) = cut(title);
    if !is_whole {
        notes.push(Note::lost(format!("title is longer than {LONGEST} characters, and cut"), ""));
    }
    title
}

/// One line, whatever line breaks and control characters it has.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// What fits of a title, and whether it is all of it.
fn cut(title: String) -> (String, bool) {
    let mut ends = title.grapheme_indices(true).map(|(at, cluster)| at + cluster.len());
    let fits = |end: &usize| *end <= MAX_BYTES - '…'.len_utf8();
    match ends.clone().nth(LONGEST) {
        None if title.len() <= MAX_BYTES => (title, true),
        _ => {
            let end = ends.by_ref().take(LONGEST - 1).take_while(fits).last().unwrap_or(0);
            (format!("{}…", title.get(..end).unwrap_or_default().trim_end()), false)
        }
    }
}

/// Jekyll capitalises the words of a post's name (`titleize_slug`,
/// <https://jekyllrb.com/docs/posts/>). Hugo and Zola leave a title out; their name is read as a
/// sentence.
fn of_name(site: &Site, place: &Place) -> String {
    let name = match date::split_name(&place.name) {
        Some((_, rest)) if !rest.trim_matches(['-', '_', ' ']).is_empty() => rest,
        _ => &place.name,
    };
    let name = name.trim_matches(['-', '_', ' ', '.']);
    let is_document = matches!(place.kind, Kind::Post | Kind::Draft | Kind::Document(_));
    if site.generator == Generator::Jekyll && is_document {
        let words = name.split('-').filter(|word| !word.is_empty()).map(capitalised);
        return words.collect::<Vec<_>>().join(" ");
    }
    let words = name.replace(['-', '_'], " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// As Ruby capitalises: the first letter, and no other.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.flat_map(char::to_lowercase)).collect()
}
