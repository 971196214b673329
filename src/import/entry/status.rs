//! Whether and when a page is visible. A page that a generator hides, for whatever reason, becomes
//! a draft with a note that gives the reason. A page dated in the future is scheduled.

use chrono::NaiveDateTime;

use super::Context;
use super::dates::{self, Dates};
use super::fields::{Found, Layers};
use crate::import::html;
use crate::import::report::Note;
use crate::import::site::{Generator, Kind, Place, is_special};
use crate::models::post::Status;

/// The status that a page gets.
pub(super) struct Shown {
    pub(super) status: Status,
    pub(super) publish_at: Option<NaiveDateTime>,
}

pub(super) fn of(
    layers: &Layers<'_>,
    context: &Context<'_>,
    place: &Place,
    dates: &Dates,
    body: &str,
    notes: &mut Vec<Note>,
) -> Shown {
    let draft = Shown { status: Status::Draft, publish_at: None };
    if let Some(note) = hidden(layers, context, place, dates, body) {
        notes.push(note);
        return draft;
    }
    let site = context.site;
    let time = dates.published.filter(|time| *time > context.now);
    if let Some(time) = time {
        let in_collection = |label: &str| {
            site.config.collections.iter().any(|known| known.label == label && known.future)
        };
        let words = time.format("%Y-%m-%d %H:%M UTC").to_string();
        if site.config.future || in_collection(place.type_name()) {
            notes.push(Note::told("with a future date, which its site shows", words));
        } else {
            notes.push(Note::told("scheduled", words));
            return Shown { status: Status::Scheduled, publish_at: Some(time) };
        }
    }
    if let Some(found) = build(layers, "list")
        && found.value.text().is_some_and(|list| list != "always" && list != "true")
    {
        notes.push(found.noted(Note::told("in lists, from which its site excludes it", "")));
    }
    Shown { status: Status::Published, publish_at: None }
}

/// Why a page is hidden; `None` if it is visible.
fn hidden(
    layers: &Layers<'_>,
    context: &Context<'_>,
    place: &Place,
    dates: &Dates,
    body: &str,
) -> Option<Note> {
    let said = |found: Found<'_>, what: &str| Some(found.noted(Note::told(what, "")));
    if let Some(found) = layers.get(&["draft"]) {
        match found.value.truth() {
            Some(true) => return said(found, "as a draft: draft"),
            Some(false) => {}
            // A page that may be a draft must stay hidden.
            None => {
                let note = Note::lost("as a draft: draft is neither true nor false", found.words());
                return Some(found.noted(note));
            }
        }
    }
    // Only Jekyll uses `published` as a flag; elsewhere it may be a date.
    if let Some(found) = layers.get(&["published"])
        && found.value.truth() == Some(false)
    {
        return said(found, "as a draft: not published");
    }
    if place.kind == Kind::Draft {
        return Some(Note::told("as a draft: in _drafts", ""));
    }
    if let Some(section) = context.sections.iter().find(|section| section.draft) {
        return Some(Note::told("as a draft: its section is a draft", &*section.path));
    }
    let config = &context.site.config;
    let language = place.language.as_ref();
    if language.is_some_and(|it| config.disabled.iter().any(|no| no.eq_ignore_ascii_case(it))) {
        let language = language.map_or("", String::as_str);
        return Some(Note::told("as a draft: in a language that its site disables", language));
    }
    if config.no_pages {
        return Some(Note::told("as a draft: its site shows only lists of pages", ""));
    }
    if context.site.generator == Generator::Unknown
        && let Some(note) = unknown(context, place)
    {
        return Some(note);
    }
    if context.site.generator == Generator::Jekyll {
        if !dates::is_post(place) {
            return Some(Note::told("as a draft: in _posts without a date in its name", ""));
        }
        if let Kind::Document(label) = &place.kind
            && context.site.config.collections.iter().any(|it| it.label == *label && !it.output)
        {
            return Some(Note::told("as a draft: its collection makes no pages", &**label));
        }
        if place.kind == Kind::Page && html::is_html(context.path) && body.contains("{%") {
            return Some(Note::told("as a draft: a template, not a text", ""));
        }
    }
    if let Some(found) = build(layers, "render")
        && found.value.text().is_some_and(|render| render != "always" && render != "true")
    {
        return said(found, "as a draft: never rendered");
    }
    if let Some(found) = layers.get(&["headless"])
        && place.bundle
        && found.value.truth() != Some(false)
    {
        return said(found, "as a draft: headless");
    }
    if context.site.generator != Generator::Hugo
        && let Some(found) = layers.get(&["render"])
        && found.value.truth() == Some(false)
    {
        return said(found, "as a draft: not rendered");
    }
    if let Some(note) = unsorted(layers, context, place, dates) {
        return Some(note);
    }
    if dates.unclear {
        return Some(Note::lost("as a draft: a date is not understood", ""));
    }
    if dates.expired.is_some_and(|time| time <= context.now) {
        let found = layers.get(&["expirydate", "unpublishdate"]);
        let note = Note::told("as a draft: expired", "");
        return Some(found.map_or(note.clone(), |found| found.noted(note)));
    }
    None
}

/// If the generator is unknown, hides every page that some generator does not read.
fn unknown(context: &Context<'_>, place: &Place) -> Option<Note> {
    if place.kind == Kind::Page && context.is_resource {
        return Some(Note::told("as a draft: next to an index.md, so not a page in Hugo", ""));
    }
    let is_read = |name: &str| ["_posts", "_drafts"].contains(&name) || !is_special(name);
    let all = context.path.split('/').all(is_read);
    (!all).then(|| Note::told("as a draft: Jekyll does not read this path", ""))
}

/// Zola ignores a page that its section cannot sort
/// (<https://www.getzola.org/documentation/content/section/#sorting>).
fn unsorted(
    layers: &Layers<'_>,
    context: &Context<'_>,
    place: &Place,
    dates: &Dates,
) -> Option<Note> {
    let section = context.sections.first()?;
    let needs = section.needs?;
    let path = section.folder.strip_prefix(&context.site.root).ok()?;
    let file = std::path::Path::new(context.path).parent()?;
    let above = if place.bundle { file.parent()? } else { file };
    let is_missing = match needs {
        "date" => dates.date.is_none(),
        other => layers.get(&[other]).is_none(),
    };
    let what = format!("as a draft: its section shows only pages with a {needs}");
    (path == above && is_missing).then(|| Note::told(what, &*section.path))
}

/// One of Hugo's build options, under its current or its former key
/// (<https://gohugo.io/content-management/build-options/>).
fn build<'a>(layers: &Layers<'a>, option: &str) -> Option<Found<'a>> {
    let found = layers.get(&["build", "_build"])?;
    let value = found.value.map()?.value(option)?;
    Some(Found { value, ..found })
}
