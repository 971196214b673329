//! The headings of a text: their levels on the page, and the ids for links to them. Owns how a
//! title becomes an id, how `{#id}` is read, and which ids are reserved for pages.

use std::collections::HashMap;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Tag, TagEnd};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::Container;

/// Maximum length of an id in characters, without the number that makes it unique.
const MAX_ID: usize = 200;

/// The ids used by pages that show a single text. A test compares them with the templates.
pub(super) const OF_PAGES: [&str; 21] = [
    "announcer",
    "arrivals",
    "comment-author",
    "comment-author-errors",
    "comment-body",
    "comment-body-errors",
    "comment-body-hint",
    "comment-problem",
    "comments",
    "comments-rest",
    "comments-start",
    "comments-title",
    "icon-glow",
    "live",
    "main",
    "notice",
    "presence",
    "signed-in",
    "version",
    "write-comment",
    "write-comment-title",
];

/// The targets of a text's links to its own headings.
#[derive(Default)]
pub(super) struct Anchors {
    /// The id of each heading, by the id that its text asks for.
    exact: HashMap<String, String>,
    /// The ids by letters and digits only. Generators treat other characters differently:
    /// `#what-s-next` and `#whats-next` are the same title.
    loose: HashMap<String, String>,
}

impl Anchors {
    /// The id of the heading that a link to `#wanted` means, if there is one.
    pub(super) fn find(&self, wanted: &str) -> Option<&str> {
        let loose = || {
            let key = Some(loosely(wanted)).filter(|key| !key.is_empty() && !is_of_pages(wanted));
            self.loose.get(&key?)
        };
        self.exact.get(wanted).or_else(loose).map(String::as_str)
    }

    fn add(&mut self, wanted: String, id: String) {
        self.loose.entry(loosely(&wanted)).or_insert_with(|| id.clone());
        self.exact.insert(wanted, id);
    }
}

fn loosely(id: &str) -> String {
    id.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Sets the levels and ids of a text's headings, and removes `{#id}` from their titles.
pub(super) fn settle(events: &mut [Event<'_>], container: &Container<'_>) -> Anchors {
    let mut levels = Levels { top: container.top, open: Vec::new() };
    let mut ids = Ids::default();
    let mut anchors = Anchors::default();
    let mut start = None;
    for at in 0..events.len() {
        match &events[at] {
            Event::Start(Tag::Heading { .. }) => start = Some(at),
            Event::End(TagEnd::Heading(written)) => {
                let level = levels.of(*written);
                let Some(start) = start.take() else { continue };
                let wanted = ids.unique(&mut events[start..at]);
                let id = container.heading_id(&wanted);
                events[at] = Event::End(TagEnd::Heading(level));
                if let Event::Start(Tag::Heading { level: of_start, id: id_of_start, .. }) =
                    &mut events[start]
                {
                    *of_start = level;
                    *id_of_start = Some(CowStr::from(id.clone()));
                }
                anchors.add(wanted, id);
            }
            _ => {}
        }
    }
    anchors
}

/// Removes attributes, `{#id}` or `{#id .class}`, from the end of a heading, and returns the id
/// that they set. Braces with any other content are part of the title; the parser's own extension
/// would drop `{}`.
pub(super) fn take_attributes(heading: &mut [Event<'_>]) -> Option<String> {
    let is_begin = |event: &Event<'_>| matches!(event, Event::Text(text) if text.contains('{'));
    let begin = heading.iter().rposition(is_begin)?;
    let Event::Text(text) = &heading[begin] else { return None };
    let (title, rest) = text.rsplit_once('{')?;
    let mut written = rest.to_owned();
    for event in &heading[begin + 1..] {
        match event {
            Event::Text(text) => written.push_str(text),
            // Underscores in an id that Markdown read as emphasis.
            Event::Start(Tag::Emphasis) | Event::End(TagEnd::Emphasis) => written.push('_'),
            Event::Start(Tag::Strong) | Event::End(TagEnd::Strong) => written.push_str("__"),
            _ => return None,
        }
    }
    let attributes: Vec<&str> = written.trim_end().strip_suffix('}')?.split_whitespace().collect();
    let is_attribute = |word: &&str| word.len() > 1 && word.starts_with(['#', '.']);
    if attributes.is_empty() || !attributes.iter().all(is_attribute) {
        return None;
    }
    let id = attributes.iter().find_map(|word| word.strip_prefix('#')).unwrap_or_default();
    let title = CowStr::from(title.trim_end().to_owned());
    heading[begin..].fill(Event::Text(CowStr::Borrowed("")));
    heading[begin] = Event::Text(title);
    Some(id.chars().filter(may_be_chosen).take(MAX_ID).collect())
}

/// Whether an id is used by the page itself, or by an item listed on it.
pub(super) fn is_of_pages(id: &str) -> bool {
    let is_numbered = |kind: &&str| {
        id.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    OF_PAGES.contains(&id) || ["comment-", "note-", "post-"].iter().any(is_numbered)
}

/// Assigns levels without gaps, because screen readers build an outline from them.
struct Levels {
    top: u8,
    /// The original levels of the headings above the next one.
    open: Vec<u8>,
}

impl Levels {
    fn of(&mut self, written: HeadingLevel) -> HeadingLevel {
        // The page's only `h1` is its title: a text's `#` and `##` are both below it.
        let written = (written as u8).max(2);
        while self.open.last().is_some_and(|above| *above >= written) {
            self.open.pop();
        }
        let level = usize::from(self.top.clamp(2, 6)) + self.open.len();
        self.open.push(written);
        HeadingLevel::try_from(level).unwrap_or(HeadingLevel::H6)
    }
}

/// The ids used in a text.
#[derive(Default)]
struct Ids {
    /// Each id, with the last number appended to it.
    used: HashMap<String, usize>,
}

impl Ids {
    /// The id for a heading; removes the attributes from its title.
    fn unique(&mut self, heading: &mut [Event<'_>]) -> String {
        let chosen = take_attributes(heading).filter(|id| !id.is_empty());
        let id = chosen.unwrap_or_else(|| made(heading));
        if !self.used.contains_key(&id) {
            self.used.insert(id.clone(), 0);
            return id;
        }
        // Headings of the same title continue from the last number.
        let mut number = self.used.get(&id).copied().unwrap_or(0);
        let next = loop {
            number += 1;
            let next = format!("{id}-{number}");
            if !self.used.contains_key(&next) {
                break next;
            }
        };
        self.used.insert(id, number);
        self.used.insert(next.clone(), 0);
        next
    }
}

/// The id that GitHub makes from a title: letters, digits and marks of any script in lower case,
/// hyphens for spaces, nothing else.
fn made(heading: &[Event<'_>]) -> String {
    let texts = heading.iter().filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(&**text),
        Event::SoftBreak | Event::HardBreak => Some(" "),
        _ => None,
    });
    let mut id = String::new();
    let title: String = texts.flat_map(str::chars).take(2 * MAX_ID).collect();
    for c in title.trim().chars().flat_map(char::to_lowercase).take(MAX_ID) {
        match c {
            c if c.is_whitespace() => id.push('-'),
            c if is_of_word(c) || c == '-' => id.push(c),
            _ => {}
        }
    }
    if id.is_empty() { "section".to_owned() } else { id }
}

fn may_be_chosen(c: &char) -> bool {
    is_of_word(*c) || matches!(c, '-' | '.' | ':')
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c.general_category_group() == GeneralCategoryGroup::Mark
}
