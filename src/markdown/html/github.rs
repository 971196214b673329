//! GitHub's additions to CommonMark, as HTML: coloured code, footnotes, alerts, links to headings.

use percent_encoding::percent_decode_str;
use pulldown_cmark::{BlockQuoteKind, CowStr, Event, TagEnd};

use super::Writer;

impl<'a> Writer<'a, '_> {
    /// Writes a block of code, coloured if its language is known.
    pub(super) fn code(&mut self, info: &str, code: &str) {
        let reachable = if fits(code) { String::new() } else { reachable("Code") };
        self.html(format!("<pre{reachable}><code>"));
        match self.colours.parts(info, code) {
            None => self.text(code.to_owned().into()),
            Some(parts) => {
                for (class, part) in parts {
                    if let Some(class) = class {
                        self.html(format!("<span class=\"{class}\">"));
                    }
                    self.text(part.to_owned().into());
                    if class.is_some() {
                        self.html("</span>");
                    }
                }
            }
        }
        self.html("</code></pre>\n");
    }

    /// Writes the footnotes, each with its links back at its end.
    pub(super) fn notes(&mut self, notes: Vec<Vec<Event<'a>>>) {
        if notes.is_empty() {
            return;
        }
        self.html("<ol class=\"footnotes\" aria-label=\"Footnotes\">\n");
        for (note, number) in notes.into_iter().zip(1..) {
            self.html(self.footnotes.start(number));
            let back = self.footnotes.back(number);
            let is_paragraph = matches!(note.last(), Some(Event::End(TagEnd::Paragraph)));
            let last = note.len().saturating_sub(1);
            for (at, event) in note.into_iter().enumerate() {
                if at == last && is_paragraph {
                    self.close_inline(None);
                    self.html(back.clone());
                }
                self.event(event);
            }
            if !is_paragraph {
                self.html(back);
            }
            self.html("</li>\n");
        }
        self.html("</ol>\n");
    }

    /// The target of a link. A link to a heading of the text leads to the heading's id on the page.
    pub(super) fn target(&self, target: CowStr<'a>) -> CowStr<'a> {
        let Some(wanted) = target.strip_prefix('#') else { return target };
        let wanted = percent_decode_str(wanted).decode_utf8_lossy();
        match self.anchors.find(&wanted) {
            Some(id) if id != wanted => format!("#{id}").into(),
            _ => target,
        }
    }
}

/// The attributes of a part that may not fit on the page. They let the keyboard reach and scroll
/// it, and a screen reader announce it.
pub(super) fn reachable(name: &str) -> String {
    format!(" tabindex=\"0\" role=\"group\" aria-label=\"{name}\"")
}

/// Whether the narrowest screen shows this code without scrolling.
fn fits(code: &str) -> bool {
    code.len() < 256 && code.lines().count() <= 8 && code.lines().all(|line| line.len() <= 24)
}

/// The class and the title of an alert.
pub(super) fn alert(kind: BlockQuoteKind) -> (&'static str, &'static str) {
    match kind {
        BlockQuoteKind::Note => ("note", "Note"),
        BlockQuoteKind::Tip => ("tip", "Tip"),
        BlockQuoteKind::Important => ("important", "Important"),
        BlockQuoteKind::Warning => ("warning", "Warning"),
        BlockQuoteKind::Caution => ("caution", "Caution"),
    }
}
