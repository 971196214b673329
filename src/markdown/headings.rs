//! The headings of a text: their levels on the page, and the ids by which they are linked to. Owns
//! how an id is made of a title, how `{#id}` is read, and which ids belong to pages.

use std::collections::HashMap;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Tag, TagEnd};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::Container;

/// How many characters an id has at most, without the number that makes it unique.
const MAX_ID: usize = 200;

/// The ids of the pages that show a text as their own. A test compares them with the templates.
pub(super) const OF_PAGES: [&str; 20] = [
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
    "live",
    "main",
    "notice",
    "presence",
    "signed-in",
    "version",
    "write-comment",
    "write-comment-title",
];

/// Where the links of a text to its own headings lead.
#[derive(Default)]
pub(super) struct Anchors {
    /// The id of each heading, by the one that its text asks for.
    exact: HashMap<String, String>,
    /// The same by letters and digits alone. Generators differ in what they make of the rest:
    /// `#what-s-next` and `#whats-next` are one title.
    loose: HashMap<String, String>,
}

impl Anchors {
    /// The id of the heading that a link to `#wanted` is for, if there is one.
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

/// Gives the headings of a text their levels and ids, and takes `{#id}` out of their titles.
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

/// Takes attributes, `{#id}` or `{#id .class}`, off the end of a heading, and gives the id that
/// they set. Braces with anything else in them are part of the title: the parser's own extension
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
            // Underscores of an id that Markdown has taken for emphasis.
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

/// True for an id that a page has itself, of the parts of the page or of what is listed on it.
pub(super) fn is_of_pages(id: &str) -> bool {
    let is_numbered = |kind: &&str| {
        id.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    OF_PAGES.contains(&id) || ["comment-", "note-", "post-"].iter().any(is_numbered)
}

/// The levels, so that none is skipped: screen readers tell a text's outline by them.
struct Levels {
    top: u8,
    /// The levels of the headings that the next one may be below, as they were written.
    open: Vec<u8>,
}

impl Levels {
    fn of(&mut self, written: HeadingLevel) -> HeadingLevel {
        // A page has one `h1`, its title: a text's `#` and `##` are both below it.
        let written = (written as u8).max(2);
        while self.open.last().is_some_and(|above| *above >= written) {
            self.open.pop();
        }
        let level = usize::from(self.top.clamp(2, 6)) + self.open.len();
        self.open.push(written);
        HeadingLevel::try_from(level).unwrap_or(HeadingLevel::H6)
    }
}

/// The ids that a text has used.
#[derive(Default)]
struct Ids {
    /// Each, with the last number that was put behind it.
    used: HashMap<String, usize>,
}

impl Ids {
    /// The id for a heading, whose title loses its attributes.
    fn unique(&mut self, heading: &mut [Event<'_>]) -> String {
        let chosen = take_attributes(heading).filter(|id| !id.is_empty());
        let id = chosen.unwrap_or_else(|| made(heading));
        if !self.used.contains_key(&id) {
            self.used.insert(id.clone(), 0);
            return id;
        }
        // Each heading of the same title goes on where the last one stopped.
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

/// The id that GitHub makes of a title: letters, digits and marks of any script in lower case,
/// hyphens for spaces, nothing for the rest.
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
