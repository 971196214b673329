//! Finds marks: `{{< name >}}`, `{{% name %}}` (Hugo), `{{ name(…) }}`, `{% name(…) %}` (Zola),
//! `{{ value }}`, `{% name %}` (Liquid).

use std::ops::Range;

use crate::import::site::Generator;

/// The longest mark in bytes.
const LONGEST: usize = 4096;

/// The language of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Hugo,
    Zola,
    Liquid,
}

/// A mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark<'a> {
    pub(super) language: Language,
    /// The position of its first brace.
    pub(super) at: usize,
    /// The whole mark.
    pub(super) text: &'a str,
    /// The text between its braces.
    pub(super) inside: &'a str,
    /// Whether it is a `{{ … }}` mark, which stands for a value.
    pub(super) is_value: bool,
}

/// The start and end of each kind of mark.
const KINDS: [(&str, &str); 4] = [("{{<", ">}}"), ("{{%", "%}}"), ("{{", "}}"), ("{%", "%}")];

pub(super) struct Scanner<'a> {
    body: &'a str,
    generator: Generator,
    at: usize,
    /// The position of the next end of each kind, so that no text is searched twice.
    ends: [Option<usize>; KINDS.len()],
    /// Fenced code if the generator is unknown: it may be about marks.
    code: Vec<Range<usize>>,
    /// The names that no later mark closes.
    open: Vec<&'static str>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(body: &'a str, generator: Generator) -> Scanner<'a> {
        let code = if generator == Generator::Unknown { fenced(body) } else { Vec::new() };
        let ends = KINDS.map(|(_, end)| body.find(end));
        Scanner { body, generator, at: 0, ends, code, open: Vec::new() }
    }

    /// The next mark. Appends the text before it to `out`.
    pub(super) fn next(&mut self, out: &mut String) -> Option<Mark<'a>> {
        loop {
            let rest = self.body.get(self.at..)?;
            let Some(brace) = rest.find('{') else {
                out.push_str(rest);
                self.at = self.body.len() + 1;
                return None;
            };
            let at = self.at + brace;
            out.push_str(self.body.get(self.at..at).unwrap_or_default());
            match self.mark(at) {
                Some(mark) => {
                    self.at = at + mark.text.len();
                    return Some(mark);
                }
                None => {
                    out.push('{');
                    self.at = at + 1;
                }
            }
        }
    }

    fn mark(&mut self, at: usize) -> Option<Mark<'a>> {
        let next = self.code.partition_point(|code| code.end <= at);
        if self.code.get(next).is_some_and(|code| code.contains(&at)) {
            return None;
        }
        let rest = self.body.get(at..)?;
        let kind = KINDS.iter().position(|(start, _)| rest.starts_with(start))?;
        let (start, end) = KINDS.get(kind)?;
        let known = self.ends.get_mut(kind)?;
        let from = at + start.len();
        if known.is_some_and(|end| end < from) {
            *known = self.body.get(from..)?.find(end).map(|end| from + end);
        }
        let end_at = (*known)?;
        let text = self.body.get(at..end_at + end.len()).filter(|text| text.len() <= LONGEST)?;
        let inside = self.body.get(from..end_at)?.trim_matches('-').trim();
        let language = self.language(kind, inside)?;
        Some(Mark { language, at, text, inside, is_value: kind == 2 })
    }

    /// The language of a mark; `None` if the site's generator does not use it.
    fn language(&self, kind: usize, inside: &str) -> Option<Language> {
        let word = inside.trim_start_matches("/*").trim_start();
        let is_name = word.starts_with(|c: char| c.is_alphabetic() || "\"'/_".contains(c));
        let name = word.find(|c: char| !(c.is_alphanumeric() || "_-:/.".contains(c)));
        let is_call = name.is_some_and(|end| {
            word.get(end..).is_some_and(|rest| rest.trim_start().starts_with('('))
        });
        let found = match (kind, self.generator) {
            (0 | 1, Generator::Hugo | Generator::Unknown) => Language::Hugo,
            (2 | 3, Generator::Zola) if is_call || (kind == 3 && word == "end") => Language::Zola,
            (2, Generator::Unknown) if is_call => Language::Zola,
            (3, Generator::Unknown) if is_call || word == "end" => Language::Zola,
            (2 | 3, Generator::Jekyll | Generator::Unknown) => Language::Liquid,
            _ => return None,
        };
        is_name.then_some(found)
    }

    /// Takes the text up to the mark of this name, and that mark; `None` if there is no such mark.
    pub(super) fn until(&mut self, name: &'static str) -> Option<&'a str> {
        if self.open.contains(&name) {
            return None;
        }
        let start = self.at;
        let mut skipped = String::new();
        let before = self.ends;
        while let Some(mark) = self.next(&mut skipped) {
            skipped.clear();
            if mark.name() == name {
                return self.body.get(start..mark.at);
            }
        }
        // Do not search for it again.
        self.open.push(name);
        self.at = start;
        self.ends = before;
        None
    }
}

impl Mark<'_> {
    /// Its name: the first word.
    pub(super) fn name(&self) -> &str {
        let inside = self.inside.trim_start_matches("/*").trim();
        let end = inside.find(|c: char| c.is_whitespace() || "(|,".contains(c));
        let end = end.unwrap_or(inside.len());
        inside.get(..end).unwrap_or_default()
    }

    /// The text after its name.
    pub(super) fn arguments(&self) -> &str {
        self.inside.get(self.name().len()..).unwrap_or_default().trim()
    }

    /// Whether it only closes or continues another mark.
    pub(super) fn is_end(&self) -> bool {
        let name = self.name();
        match self.language {
            Language::Hugo => name.starts_with('/'),
            Language::Zola => name == "end",
            Language::Liquid => {
                name.starts_with("end") || matches!(name, "else" | "elsif" | "when")
            }
        }
    }

    /// The name used in the summary.
    pub(super) fn kind(&self) -> String {
        let name: String = self.name().chars().take(40).collect();
        match (self.language, self.is_value) {
            (Language::Liquid, true) => format!("Liquid {{{{ {name} }}}}"),
            (Language::Liquid, false) => format!("Liquid {{% {name} %}}"),
            _ => format!("the shortcode {name}"),
        }
    }
}

/// The byte ranges of fenced code in a text.
fn fenced(body: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut open: Option<(usize, &str)> = None;
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let text = line.trim_start_matches([' ', '>']);
        let run = |c: char| text.len() - text.trim_start_matches(c).len();
        match open {
            None => {
                let length = run('`').max(run('~'));
                if length >= 3 {
                    open = Some((at, text.get(..length).unwrap_or_default()));
                }
            }
            Some((start, fence))
                if text.starts_with(fence) && text.trim_end().len() == run_of(text) =>
            {
                found.push(start..at + line.len());
                open = None;
            }
            Some(_) => {}
        }
        at += line.len();
    }
    found.extend(open.map(|(start, _)| start..body.len()));
    found
}

/// The length of the run of equal characters at the start of a text.
fn run_of(text: &str) -> usize {
    let first = text.chars().next().unwrap_or_default();
    text.len() - text.trim_start_matches(first).len()
}
