//! Splits text into words. Owns where a word begins and ends, and which signs belong to it; leaves
//! its spelling in the index to `fold`.
//!
//! Code is split at its punctuation: `std::fs::read_to_string` has five words. In scripts without
//! spaces (Han, kana, Thai, Lao, Khmer, Burmese, …), and in Hangul, where particles are attached to
//! words, each character with its marks is a word. A query of several such words is a phrase, so
//! any part of a sentence is found. A dictionary is not used: it could split a query and a sentence
//! with the same word in different places.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};
use unicode_script::{Script, UnicodeScript as _};

/// A word of a text, by its byte range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::search) struct Word {
    pub(in crate::search) from: usize,
    pub(in crate::search) to: usize,
    /// True for one character of a script without spaces, or a pictograph.
    pub(in crate::search) alone: bool,
}

/// A sign that turns a word into a different one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// As in `C++` and `C#`. Ends at this byte.
    After(usize),
    /// As in `.NET`. Starts at this byte.
    Before(usize),
    /// As in `AT&T`: `&` and the next word. Ends at this byte.
    With(usize),
}

/// The words of a text, in order.
pub(in crate::search) fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

#[derive(Clone)]
pub(in crate::search) struct Words<'a> {
    text: &'a str,
    // The byte at which the search for the next word starts.
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        loop {
            let rest = &self.text[self.at..];
            // Most text is ASCII, which needs no table lookups.
            let begins = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
            let from = self.at + rest.bytes().position(begins)?;
            let first = self.text[from..].chars().next()?;
            let (to, alone) = match part(first) {
                Part::Word => (word_end(self.text, from), false),
                Part::Alone => (alone_end(self.text, from), true),
                Part::Inside | Part::Between => {
                    self.at = from + first.len_utf8();
                    continue;
                }
            };
            self.at = to;
            return Some(Word { from, to, alone });
        }
    }
}

/// The role of a character in words.
#[derive(PartialEq, Eq)]
enum Part {
    /// A letter or a digit.
    Word,
    /// A word on its own.
    Alone,
    /// Part of the word that it follows, but never the start of one: a mark or an invisible
    /// character.
    Inside,
    /// Not part of any word.
    Between,
}

fn part(c: char) -> Part {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Part::Word } else { Part::Between };
    }
    if is_picture(c) {
        return Part::Alone;
    }
    match c.general_category() {
        // The zero-width space separates words in scripts without visible spaces.
        GeneralCategory::Format if c != '\u{200b}' => return Part::Inside,
        category if is_mark(category) => return Part::Inside,
        _ => {}
    }
    match c {
        // Voiced marks of halfwidth kana; geresh and gershayim within Hebrew acronyms.
        '\u{ff9e}' | '\u{ff9f}' | '\u{5f3}' | '\u{5f4}' => Part::Inside,
        c if !c.is_alphanumeric() => Part::Between,
        c if is_without_spaces(c) => Part::Alone,
        _ => Part::Word,
    }
}

fn is_mark(category: GeneralCategory) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(category, NonspacingMark | SpacingMark | EnclosingMark)
}

fn is_picture(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}

fn is_without_spaces(c: char) -> bool {
    // The kana lengthening mark belongs to no script.
    ('\u{3040}'..='\u{30ff}').contains(&c)
        || matches!(
            c.script(),
            Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Hangul
                | Script::Bopomofo
                | Script::Thai
                | Script::Lao
                | Script::Khmer
                | Script::Myanmar
                | Script::Tai_Le
                | Script::New_Tai_Lue
                | Script::Tai_Tham
                | Script::Tai_Viet
                | Script::Javanese
                | Script::Balinese
        )
}

/// The end of the character at `from` and its marks.
fn alone_end(text: &str, from: usize) -> usize {
    let mut rest = text[from..].char_indices().skip(1);
    rest.find(|(_, c)| part(*c) != Part::Inside).map_or(text.len(), |(at, _)| from + at)
}

/// The end of the word that begins at `from`.
fn word_end(text: &str, from: usize) -> usize {
    let plain = from + plain_length(&text[from..]);
    // The ending of "don't" and "Rust's" belongs to the word; "l'été" is two words.
    let Some(tail) = text[plain..].strip_prefix(['\'', '’']) else { return plain };
    let ending = plain_length(tail);
    if ending > 0 && tail[..ending].chars().count() <= 2 {
        text.len() - tail.len() + ending
    } else {
        plain
    }
}

/// The length in bytes of the letters, digits and marks at the start of `text`.
fn plain_length(text: &str) -> usize {
    let ascii = text.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(text.len());
    let rest = &text[ascii..];
    let inside = |c: char| matches!(part(c), Part::Word | Part::Inside);
    ascii + rest.find(|c| !inside(c)).unwrap_or(rest.len())
}

/// The sign of a word of this text.
pub(super) fn sign(text: &str, word: &Word) -> Option<Sign> {
    let Word { from, to, alone } = *word;
    if alone {
        return None;
    }
    let (before, word, after) = (&text[..from], &text[from..to], &text[to..]);
    let mut behind = after.chars();
    match behind.next() {
        Some('&' | '＆') => {
            let next = behind.as_str();
            let begins = next.chars().next().is_some_and(|c| part(c) == Part::Word);
            begins.then(|| Sign::With(text.len() - next.len() + plain_length(next)))
        }
        Some(first @ ('+' | '#' | '＋' | '＃')) => {
            let rest = after.trim_start_matches(first);
            let length = after.len() - rest.len();
            // `a+b` is a sum, and `F#m` a chord.
            let ends = !rest.starts_with(char::is_alphabetic) && length <= 2 * first.len_utf8();
            let is_name = word.chars().next_back().is_some_and(|c| !c.is_numeric());
            (ends && is_name).then_some(Sign::After(to + length))
        }
        _ => {
            let before = before.strip_suffix('.')?;
            // The dot of `end.Next`, `f().x` and `0..n` is no sign.
            let is_first =
                !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | ')' | ']'));
            let is_name = word.starts_with(char::is_alphabetic);
            (is_first && is_name).then_some(Sign::Before(from - 1))
        }
    }
}
