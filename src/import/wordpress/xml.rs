//! Reads WXR as a stream of items. Refuses a DOCTYPE and entities other than XML's own; recognises
//! namespaces by their addresses. Holds only the current item and the field being read.

use std::io::BufRead;
use std::rc::Rc;

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use super::bytes::{Clean, Counts};
use super::item::{Comment, Field, Item};
use crate::import::ImportError;
use crate::import::dump::Text;
use crate::import::report::Note;

/// The maximum nesting depth of elements.
const DEPTH: usize = 64;

/// The maximum bytes of a tag.
const TAG: usize = 16 * 1024;

/// A part of the file.
pub(super) enum Part {
    /// An author: the login and the display name.
    Author(String, String),
    /// An address of the site.
    Base(String),
    Item(Box<Item>),
}

/// Reads the whole file, and returns notes on its bytes.
pub(super) fn read(
    text: &Text,
    input: &mut dyn BufRead,
    take: &mut dyn FnMut(Part) -> Result<(), ImportError>,
) -> Result<Vec<Note>, ImportError> {
    let counts = Rc::new(Counts::default());
    let mut reader = NsReader::from_reader(Clean::new(input, Rc::clone(&counts)));
    reader.config_mut().expand_empty_elements = true;
    let mut state = State::new(text, take);
    let (mut buffer, mut version) = (Vec::new(), XmlVersion::Implicit1_0);
    loop {
        buffer.clear();
        counts.next();
        state.line = counts.line.get();
        let refused = |why: String| text.refused(Some(counts.line.get()), why);
        let damaged = |error: &dyn std::fmt::Display| refused(format!("it is damaged: {error}"));
        let (space, event) =
            reader.read_resolved_event_into(&mut buffer).map_err(|error| damaged(&error))?;
        match event {
            Event::Decl(declaration) => {
                version = declaration.xml_version().map_err(|error| damaged(&error))?;
                let encoding = declaration.encoding().and_then(Result::ok);
                if encoding.is_some_and(|it| !it.eq_ignore_ascii_case("utf-8")) {
                    return Err(refused(
                        "it is not UTF-8; convert it, for example with iconv".into(),
                    ));
                }
            }
            Event::DocType(_) => {
                return Err(refused("it has a DOCTYPE, which no export of WordPress has".into()));
            }
            Event::Start(tag) => {
                if tag.len() > TAG {
                    return Err(refused("a tag is longer than 16 KiB".into()));
                }
                let space = Space::of(&space).map_err(refused)?;
                state.start(space, &tag, version).map_err(refused)?;
            }
            Event::End(_) => state.end()?,
            Event::Text(part) => state.text(&part.xml_content(version)),
            Event::CData(part) => state.text(&part.xml_content(version)),
            Event::GeneralRef(name) => {
                let c = match name.resolve_char_ref().map_err(|error| damaged(&error))? {
                    Some(c) => c,
                    None => match &*name {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        other => {
                            let name: String = other.chars().take(40).collect();
                            return Err(refused(format!("the entity &{name}; is unknown")));
                        }
                    },
                };
                state.text(c.encode_utf8(&mut [0; 4]));
            }
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
    let line = Some(counts.line.get());
    if !state.open.is_empty() || !state.is_complete {
        return Err(text.refused(line, "it ends early or is not a WordPress export"));
    }
    if !state.has_version {
        return Err(text.refused(None, "it is not a WordPress export: wp:wxr_version is missing"));
    }
    let told = [
        ("bytes that are not UTF-8, replaced", counts.replaced.get()),
        ("control characters, left out", counts.dropped.get()),
    ];
    let told = told.into_iter().filter(|(_, (times, _))| *times > 0);
    Ok(told
        .map(|(what, (times, line))| Note::lost(what, format!("{times} in all")).on(line))
        .collect())
}

/// A known namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    Rss,
    WordPress,
    Excerpt,
    Content,
    DublinCore,
    Other,
}

impl Space {
    fn of(found: &ResolveResult<'_>) -> Result<Space, String> {
        match found {
            ResolveResult::Unbound => Ok(Space::Rss),
            ResolveResult::Bound(Namespace(address)) => Ok(match address.trim_end_matches('/') {
                "http://purl.org/rss/1.0/modules/content" => Space::Content,
                "http://purl.org/dc/elements/1.1" => Space::DublinCore,
                other if !other.starts_with("http://wordpress.org/export/") => Space::Other,
                other if other.ends_with("/excerpt") => Space::Excerpt,
                _ => Space::WordPress,
            }),
            ResolveResult::Unknown(prefix) => {
                let prefix: String = prefix.chars().take(40).collect();
                Err(format!("the prefix {prefix}: has no namespace"))
            }
        }
    }
}

/// An open element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Rss,
    Channel,
    Item,
    Author,
    Meta,
    Comment,
    Field(Field),
    /// An unknown element; everything in it is ignored.
    Other,
}

struct State<'a> {
    text: &'a Text,
    take: &'a mut dyn FnMut(Part) -> Result<(), ImportError>,
    open: Vec<Open>,
    line: usize,
    /// The text of the open field.
    value: String,
    is_cut: bool,
    item: Item,
    comment: Comment,
    author: (String, String),
    meta: (String, String),
    term: (String, String),
    has_version: bool,
    is_complete: bool,
}

impl<'a> State<'a> {
    fn new(text: &'a Text, take: &'a mut dyn FnMut(Part) -> Result<(), ImportError>) -> State<'a> {
        State {
            text,
            take,
            open: Vec::new(),
            line: 1,
            value: String::new(),
            is_cut: false,
            item: Item::default(),
            comment: Comment::default(),
            author: Default::default(),
            meta: Default::default(),
            term: Default::default(),
            has_version: false,
            is_complete: false,
        }
    }

    fn start(
        &mut self,
        space: Space,
        tag: &BytesStart<'_>,
        version: XmlVersion,
    ) -> Result<(), String> {
        if self.open.len() >= DEPTH {
            return Err(format!("elements nest deeper than {DEPTH}"));
        }
        let name = tag.local_name();
        let open = match (self.open.last(), space, name.as_ref()) {
            (None, Space::Rss, "rss") if !self.is_complete => Open::Rss,
            (None, ..) => {
                return Err("it is not a WordPress export: it does not begin with <rss>".to_owned());
            }
            (Some(Open::Rss), Space::Rss, "channel") => Open::Channel,
            (Some(Open::Channel), Space::Rss, "item") => {
                self.item = Item { line: self.line, ..Item::default() };
                Open::Item
            }
            (Some(Open::Channel), Space::WordPress, "author") => {
                self.author = Default::default();
                Open::Author
            }
            (Some(Open::Item), Space::WordPress, "postmeta") => {
                self.meta = Default::default();
                Open::Meta
            }
            (Some(Open::Item), Space::WordPress, "comment") => {
                self.comment = Comment { line: self.line, ..Comment::default() };
                Open::Comment
            }
            (Some(within), space, name) => {
                field(*within, space, name).map_or(Open::Other, Open::Field)
            }
        };
        if let Open::Field(field) = open {
            self.value.clear();
            self.is_cut = false;
            if field == Field::Term {
                let value = |name| {
                    let found = tag.try_get_attribute(name).map_err(|error| error.to_string())?;
                    let value = found.map(|found| found.normalized_value(version));
                    let value = value.transpose().map_err(|error| error.to_string())?;
                    Ok::<_, String>(value.map(|value| value.into_owned()).unwrap_or_default())
                };
                self.term = (value("domain")?, value("nicename")?);
            }
        }
        self.open.push(open);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let Some(Open::Field(field)) = self.open.last() else { return };
        let left = field.most().saturating_sub(self.value.len());
        let kept = text.get(..text.floor_char_boundary(left)).unwrap_or_default();
        self.is_cut |= kept.len() < text.len();
        self.value.push_str(kept);
    }

    fn end(&mut self) -> Result<(), ImportError> {
        let value = match self.open.last() {
            Some(Open::Field(_)) => std::mem::take(&mut self.value),
            _ => String::new(),
        };
        match self.open.pop() {
            Some(Open::Rss) => self.is_complete = true,
            Some(Open::Item) => {
                let item = std::mem::take(&mut self.item);
                (self.take)(Part::Item(Box::new(item)))?;
            }
            Some(Open::Author) => {
                let (login, name) = std::mem::take(&mut self.author);
                (self.take)(Part::Author(login, name))?;
            }
            Some(Open::Meta) => {
                let (key, value) = std::mem::take(&mut self.meta);
                self.item.meta(&key, value);
            }
            Some(Open::Comment) => self.item.comment(std::mem::take(&mut self.comment)),
            Some(Open::Field(field)) => return self.field(field, value),
            _ => {}
        }
        Ok(())
    }

    fn field(&mut self, field: Field, value: String) -> Result<(), ImportError> {
        match (self.open.last(), field) {
            (_, Field::Version) => {
                self.has_version = true;
                if !value.trim().starts_with("1.") {
                    let version: String = value.trim().chars().take(20).collect();
                    return Err(self.text.refused(
                        Some(self.line),
                        format!("version {version:?} of the format is unsupported; use 1.x"),
                    ));
                }
            }
            (Some(Open::Channel), _) => (self.take)(Part::Base(value))?,
            (Some(Open::Author), Field::Login) => self.author.0 = value,
            (Some(Open::Author), _) => self.author.1 = value,
            (Some(Open::Meta), Field::MetaKey) => self.meta.0 = value,
            (Some(Open::Meta), _) => self.meta.1 = value,
            (Some(Open::Comment), field) => {
                self.comment.set(field, value);
            }
            (Some(Open::Item), Field::Term) => {
                let (domain, slug) = std::mem::take(&mut self.term);
                self.item.term(domain, slug, value);
            }
            (Some(Open::Item), field) => {
                if self.is_cut {
                    self.item.cut = Some(field);
                }
                self.item.set(field, value);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The field that an element is inside `within`.
fn field(within: Open, space: Space, name: &str) -> Option<Field> {
    Some(match (within, space, name) {
        (Open::Channel, Space::WordPress, "wxr_version") => Field::Version,
        (Open::Channel, Space::WordPress, "base_site_url" | "base_blog_url") => Field::Base,
        (Open::Channel, Space::Rss, "link") => Field::Base,
        (Open::Author, Space::WordPress, "author_login") => Field::Login,
        (Open::Author, Space::WordPress, "author_display_name") => Field::DisplayName,
        (Open::Meta, Space::WordPress, "meta_key") => Field::MetaKey,
        (Open::Meta, Space::WordPress, "meta_value") => Field::MetaValue,
        (Open::Comment, Space::WordPress, "comment_author") => Field::CommentAuthor,
        (Open::Comment, Space::WordPress, "comment_date") => Field::CommentDate,
        (Open::Comment, Space::WordPress, "comment_date_gmt") => Field::CommentDateGmt,
        (Open::Comment, Space::WordPress, "comment_content") => Field::CommentContent,
        (Open::Comment, Space::WordPress, "comment_approved") => Field::CommentApproved,
        (Open::Comment, Space::WordPress, "comment_type") => Field::CommentKind,
        (Open::Item, Space::Rss, "title") => Field::Title,
        (Open::Item, Space::Rss, "link") => Field::Link,
        (Open::Item, Space::Rss, "pubDate") => Field::Published,
        (Open::Item, Space::Rss, "guid") => Field::Guid,
        (Open::Item, Space::Rss, "category") => Field::Term,
        (Open::Item, Space::DublinCore, "creator") => Field::Creator,
        (Open::Item, Space::Content, "encoded") => Field::Content,
        (Open::Item, Space::Excerpt, "encoded") => Field::Excerpt,
        (Open::Item, Space::WordPress, "post_id") => Field::Id,
        (Open::Item, Space::WordPress, "post_date") => Field::Date,
        (Open::Item, Space::WordPress, "post_date_gmt") => Field::DateGmt,
        (Open::Item, Space::WordPress, "post_modified") => Field::Modified,
        (Open::Item, Space::WordPress, "post_modified_gmt") => Field::ModifiedGmt,
        (Open::Item, Space::WordPress, "comment_status") => Field::Comments,
        (Open::Item, Space::WordPress, "post_name") => Field::Name,
        (Open::Item, Space::WordPress, "status") => Field::Status,
        (Open::Item, Space::WordPress, "post_type") => Field::Kind,
        (Open::Item, Space::WordPress, "post_password") => Field::Password,
        (Open::Item, Space::WordPress, "attachment_url") => Field::Attachment,
        _ => return None,
    })
}
