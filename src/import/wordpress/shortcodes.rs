//! WordPress' shortcodes: built-in ones become HTML where that is exact; all others stay in the
//! text and are noted. Takes time in proportion to the text.

use std::collections::BTreeMap;

use super::lookup::Lookup;
use crate::import::report::Note;
use crate::markdown::escape;

/// The longest shortcode in bytes.
const LONGEST: usize = 4096;

/// The maximum number of shortcode names that are noted.
const KINDS: usize = 20;

/// The maximum number of pictures in a gallery.
const PICTURES: usize = 500;

/// Replaces the shortcodes that have an exact meaning with HTML.
pub(super) fn translated(text: &str, lookup: &Lookup, notes: &mut Vec<Note>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    let mut closed = Closed::default();
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('[')) {
        let start = at + found;
        out.push_str(text.get(at..start).unwrap_or_default());
        let Some(code) = Code::read(text, start) else {
            out.push('[');
            at = start + 1;
            continue;
        };
        // `[[name]]` shows `[name]`.
        let is_escaped =
            out.ends_with('[') && text.get(code.end..).is_some_and(|it| it.starts_with(']'));
        if is_escaped {
            out.pop();
            out.push_str(text.get(start..code.end).unwrap_or_default());
            at = code.end + 1;
            continue;
        }
        let end = closed.end(text, &code);
        let inside = end.and_then(|(inside, _)| text.get(code.end..inside));
        if code.translate(inside, lookup, notes, &mut out).is_some() {
            at = end.map_or(code.end, |(_, after)| after);
            continue;
        }
        let is_named =
            end.is_some() || !code.attributes.is_empty() || code.name.contains(['_', '-']);
        if is_named && (left.len() < KINDS || left.contains_key(code.name)) {
            *left.entry(code.name.to_owned()).or_default() += 1;
        }
        out.push_str(text.get(start..code.end).unwrap_or_default());
        at = code.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    for (name, times) in left {
        let times = if times == 1 { String::new() } else { format!("{times} times") };
        notes.push(Note::lost(format!("with the shortcode {name} as text"), times));
    }
    out
}

/// A shortcode's opening tag.
struct Code<'a> {
    name: &'a str,
    attributes: Vec<(String, String)>,
    /// The position after it.
    end: usize,
    is_whole: bool,
}

impl<'a> Code<'a> {
    fn read(text: &'a str, start: usize) -> Option<Code<'a>> {
        let rest = text.get(start + 1..)?;
        let window = rest.get(..rest.floor_char_boundary(LONGEST))?;
        let length = window
            .find(['[', ']'])
            .filter(|at| window.get(*at..).is_some_and(|it| it.starts_with(']')))?;
        let inside = window.get(..length)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let name_end = inside.find(|c| !is_name(c)).unwrap_or(inside.len());
        let (name, rest) = inside.split_at(name_end);
        let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
            && (rest.is_empty() || rest.starts_with([' ', '\n', '/']));
        let is_whole = rest.trim_end().ends_with('/');
        let attributes = attributes(rest.trim_end().trim_end_matches('/'));
        fits.then(|| Code { name, attributes, end: start + length + 2, is_whole })
    }

    fn value(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn translate(
        &self,
        inside: Option<&str>,
        lookup: &Lookup,
        notes: &mut Vec<Note>,
        out: &mut String,
    ) -> Option<()> {
        match self.name {
            "caption" | "wp_caption" => {
                let inside = inside?;
                let (picture, rest) = picture(inside)?;
                let words = self.value("caption").unwrap_or(rest);
                out.push_str(&format!("\n\n<figure>{picture}"));
                out.push_str(&format!("<figcaption>{}</figcaption></figure>\n\n", words.trim()));
            }
            "gallery" => {
                let ids = self.value("ids").or(self.value("include"))?;
                let mut found = Vec::new();
                for id in ids.split(',').take(PICTURES) {
                    match id.trim().parse().ok().and_then(|id: u64| lookup.attachments.get(&id)) {
                        Some(picture) => found.push(picture),
                        None => notes.push(Note::lost(
                            "with a gallery picture that is missing from the file",
                            id.chars().take(20).collect::<String>(),
                        )),
                    }
                }
                out.push_str("\n\n");
                for (src, alt) in found {
                    let (src, alt) = (escaped(src), escaped(alt));
                    out.push_str(&format!("<p><img src=\"{src}\" alt=\"{alt}\"></p>\n"));
                }
                out.push('\n');
            }
            "embed" => {
                let url = escaped(inside.or(self.value("src"))?.trim());
                if !url.starts_with("http") {
                    return None;
                }
                out.push_str(&format!("\n\n<p><a href=\"{url}\">{url}</a></p>\n\n"));
            }
            name @ ("audio" | "video") => {
                let kinds =
                    ["src", "mp4", "m4v", "webm", "ogv", "wmv", "flv", "mp3", "ogg", "m4a", "wav"];
                let src = escaped(kinds.iter().find_map(|kind| self.value(kind))?);
                out.push_str(&format!("<p><{name} src=\"{src}\"></{name}></p>"));
            }
            _ => return None,
        }
        Some(())
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    escape(text, &mut out);
    out
}

/// The picture at the start of a caption, with the link around it, and the words after it.
fn picture(inside: &str) -> Option<(&str, &str)> {
    let inside = inside.trim();
    let end = if inside.starts_with("<a ") {
        inside.find("</a>")? + 4
    } else if inside.starts_with("<img") {
        inside.find('>')? + 1
    } else {
        return None;
    };
    inside.split_at_checked(end)
}

/// Finds closing tags; remembers names without one, so that each is searched for only once.
#[derive(Default)]
struct Closed {
    open: Vec<String>,
}

impl Closed {
    /// The end of the text enclosed by a shortcode, and the end of its closing tag.
    fn end(&mut self, text: &str, code: &Code<'_>) -> Option<(usize, usize)> {
        if code.is_whole || self.open.iter().any(|name| name == code.name) {
            return None;
        }
        let tag = format!("[/{}]", code.name);
        let found = text.get(code.end..).and_then(|rest| rest.find(&tag));
        match found {
            Some(at) => Some((code.end + at, code.end + at + tag.len())),
            None if self.open.len() < 1000 => {
                self.open.push(code.name.to_owned());
                None
            }
            None => None,
        }
    }
}

/// The attributes of a shortcode, with their names in lower case.
fn attributes(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && found.len() < 32 {
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(after) = after.strip_prefix('=') else {
            rest = after.trim_start();
            continue;
        };
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, behind) = match quote {
            Some(quote) => {
                let inside = after.get(1..).unwrap_or_default();
                inside.split_once(quote).unwrap_or((inside, ""))
            }
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        found.push((name.to_ascii_lowercase(), value.to_owned()));
        rest = behind.trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::markup::{Lines, converted};

    fn text(source: &str) -> (String, Vec<String>) {
        let mut lookup = Lookup::default();
        lookup.attachments.insert(7, ("https://x.org/a.png".to_owned(), "A \"b\"".to_owned()));
        let mut notes = Vec::new();
        let html = translated(source, &lookup, &mut notes);
        let text = converted(&html, Lines::Breaks, &mut Vec::new());
        (text, notes.into_iter().map(|note| note.what).collect())
    }

    #[test]
    fn shortcodes_of_wordpress_itself_become_markdown() {
        for (source, expected) in [
            (
                "[caption id=\"x\" width=\"3\"]<a href=\"b\"><img src=\"a.png\" /></a> It <i>is</i>[/caption]",
                "[![](a.png)](b)\n\nIt _is_",
            ),
            (
                "a\n[gallery ids=\"7, 7\"]\nb",
                "a\n\n![A \"b\"](https://x.org/a.png)\n\n![A \"b\"](https://x.org/a.png)\n\nb",
            ),
            ("[embed width=3]https://v.org/1[/embed]", "[https://v.org/1](https://v.org/1)"),
            ("[audio mp3='https://x.org/s.mp3'][/audio]", "[s.mp3](https://x.org/s.mp3)"),
            ("[[gallery ids=7]]", "\\[gallery ids=7\\]"),
            ("a [1] [sic] [Not] b[0]", "a \\[1\\] \\[sic\\] \\[Not\\] b\\[0\\]"),
        ] {
            assert_eq!(text(source), (expected.to_owned(), Vec::new()), "{source}");
        }
    }

    #[test]
    fn other_shortcodes_stay_and_are_noted() {
        let (text, notes) =
            text("[contact-form-7 id=\"1\"] [note]x[/note] [gallery ids=\"9\"] [gallery]");
        assert_eq!(
            text.lines().next(),
            Some("\\[contact-form-7 id=\"1\"\\] \\[note\\]x\\[/note\\]")
        );
        assert_eq!(
            notes,
            [
                "with a gallery picture that is missing from the file",
                "with the shortcode contact-form-7 as text",
                "with the shortcode note as text",
            ]
        );
    }

    #[test]
    fn hostile_text_takes_time_in_proportion() {
        for part in ["[", "[a ", "[a]", "[caption]", "[gallery ids=7]", "[/a]", "[a b='"] {
            let start = std::time::Instant::now();
            let source = part.repeat((1 << 19) / part.len());
            let out = translated(&source, &Lookup::default(), &mut Vec::new());
            assert!(out.len() <= source.len() * 2 + 10);
            assert!(start.elapsed().as_secs() < 30, "{part}: {:?}", start.elapsed());
        }
    }
}
