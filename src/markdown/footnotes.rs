//! The footnotes of a text. Owns which of them are shown, in which order, and their ids. A note
//! without references is not shown, as on GitHub.

use std::collections::HashMap;

use pulldown_cmark::{CowStr, Event, Tag, TagEnd};

/// Maximum number of links back from a note: each link is fifty times as long as a reference.
const MAX_BACK: usize = 20;

/// The notes of a text that are shown.
pub(super) struct Footnotes<'p> {
    /// The container's id, the prefix of all ids.
    id: &'p str,
    /// The number of each note, by its label.
    numbers: HashMap<String, usize>,
    /// The number of references to each note, and the number already written.
    references: Vec<(usize, usize)>,
}

/// The events of one note.
pub(super) type Note<'a> = Vec<Event<'a>>;

impl<'p> Footnotes<'p> {
    /// Separates the notes from a text. Returns the remaining text, and the notes in the order of
    /// their first references.
    pub(super) fn collect<'a>(
        events: Vec<Event<'a>>,
        id: &'p str,
    ) -> (Footnotes<'p>, Vec<Event<'a>>, Vec<Note<'a>>) {
        let (text, mut defined) = separated(events);
        let mut footnotes = Footnotes { id, numbers: HashMap::new(), references: Vec::new() };
        let mut notes = Vec::new();
        footnotes.refer(&text, &mut defined, &mut notes);
        let mut at = 0;
        while at < notes.len() {
            let note: Note<'a> = std::mem::take(&mut notes[at]);
            footnotes.refer(&note, &mut defined, &mut notes);
            notes[at] = note;
            at += 1;
        }
        (footnotes, text, notes)
    }

    /// Numbers the notes whose first reference is in these events.
    fn refer<'a>(
        &mut self,
        events: &[Event<'a>],
        defined: &mut HashMap<String, Note<'a>>,
        notes: &mut Vec<Note<'a>>,
    ) {
        for event in events {
            let Event::FootnoteReference(label) = event else { continue };
            let label = key(label);
            if let Some(note) = defined.remove(&label) {
                notes.push(note);
                self.references.push((0, 0));
                self.numbers.insert(label.clone(), notes.len());
            }
            if let Some(number) = self.numbers.get(&label) {
                self.references[number - 1].0 += 1;
            }
        }
    }

    /// The next reference to a note as HTML; `None` if there is no note with this label.
    pub(super) fn reference(&mut self, label: &str) -> Option<String> {
        let number = *self.numbers.get(&key(label))?;
        let written = &mut self.references[number - 1].1;
        *written += 1;
        let (id, own) = (self.id, reference_id(self.id, number, *written));
        Some(format!(
            "<sup id=\"{own}\"><a href=\"#{id}-fn-{number}\" aria-label=\"Footnote {number}\">\
             {number}</a></sup>"
        ))
    }

    /// The start of the note with this number.
    pub(super) fn start(&self, number: usize) -> String {
        format!("<li id=\"{}-fn-{number}\">", self.id)
    }

    /// The links from a note back to its references.
    pub(super) fn back(&self, number: usize) -> String {
        let count = self.references[number - 1].0.min(MAX_BACK);
        (1..=count)
            .map(|nth| {
                let target = reference_id(self.id, number, nth);
                let (name, sign) = match nth {
                    1 => (number.to_string(), String::new()),
                    _ => (format!("{number}-{nth}"), format!("<sup>{nth}</sup>")),
                };
                // The second character selects the text form of the arrow, not the emoji.
                format!(
                    " <a href=\"#{target}\" aria-label=\"Back to reference {name}\">\
                     ↩\u{fe0e}{sign}</a>"
                )
            })
            .collect()
    }
}

/// Labels are case-insensitive, as in the parser.
fn key(label: &str) -> String {
    label.to_lowercase()
}

fn reference_id(id: &str, number: usize, nth: usize) -> String {
    if nth == 1 { format!("{id}-fnref-{number}") } else { format!("{id}-fnref-{number}-{nth}") }
}

/// Splits a text into the rest and the notes by label. Of two notes with one label, the first
/// counts.
fn separated(events: Vec<Event<'_>>) -> (Vec<Event<'_>>, HashMap<String, Note<'_>>) {
    let mut text = Vec::with_capacity(events.len());
    let mut notes = HashMap::new();
    let mut open: Vec<(CowStr<'_>, Note<'_>)> = Vec::new();
    for event in events {
        match event {
            Event::Start(Tag::FootnoteDefinition(label)) => open.push((label, Vec::new())),
            Event::End(TagEnd::FootnoteDefinition) => {
                if let Some((label, note)) = open.pop() {
                    notes.entry(key(&label)).or_insert(note);
                }
            }
            other => match open.last_mut() {
                Some((_, note)) => note.push(other),
                None => text.push(other),
            },
        }
    }
    (text, notes)
}
