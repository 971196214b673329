//! A page's title: its own, or one made from its file name as its generator does.

use unicode_segmentation::UnicodeSegmentation;

use super::fields::Layers;
use crate::changeset::is_blank;
use crate::import::date;
use crate::import::report::Note;
use crate::import::site::{Generator, Kind, Place, Site};

/// Maximum length of a title in characters, as in the model.
const LONGEST: usize = 200;

/// Maximum length of a title in bytes, as in the model.
const MAX_BYTES: usize = 4096;

pub(super) fn of(layers: &Layers<'_>, site: &Site, place: &Place, notes: &mut Vec<Note>) -> String {
    let own = layers.get(&["title"]);
    let line = own.and_then(|found| Some((found, one_line(found.value.text()?))));
    let Some((found, title)) = line.filter(|(_, title)| !is_blank(title)) else {
        let title = one_line(&of_name(site, place));
        let title = if is_blank(&title) { "Untitled".to_owned() } else { title };
        let (title, _) = cut(title);
        notes.push(Note::told("no title; the file's name is used", &*title));
        return title;
    };
    let (title, is_whole) = cut(title);
    if !is_whole {
        let what = format!("title is longer than {LONGEST} characters, cut");
        notes.push(found.noted(Note::lost(what, "")));
    }
    title
}

/// The title of an exported page; if it has none, one made from its slug.
pub(in crate::import) fn title_of(own: &str, slug: &str, notes: &mut Vec<Note>) -> String {
    let title = one_line(own);
    if is_blank(&title) {
        let words = one_line(&slug.replace(['-', '_'], " "));
        let words = if is_blank(&words) { "Untitled".to_owned() } else { words };
        let (title, _) = cut(words);
        notes.push(Note::told("no title; the words of its address are used", &*title));
        return title;
    }
    let (title, is_whole) = cut(title);
    if !is_whole {
        notes.push(Note::lost(format!("title is longer than {LONGEST} characters, cut"), ""));
    }
    title
}

/// Joins a text to one line, without control characters.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Cuts a title to the maximum length; also returns whether it was short enough.
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

/// Jekyll capitalises the words of a post's file name (`titleize_slug`,
/// <https://jekyllrb.com/docs/posts/>). Hugo and Zola leave such pages without a title; their file
/// name becomes one with a capital first letter.
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

/// Capitalises as Ruby does: only the first letter becomes upper case.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.flat_map(char::to_lowercase)).collect()
}
