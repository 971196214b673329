//! Splits text into the terms that are indexed and looked for. Owns the rules for both sides, which
//! must agree: `words` finds the words, `fold` normalizes their spelling, and this file chooses
//! their terms. Leaves the origin of text to `source` and `query`.
//!
//! A word is indexed as its English stem and, if that differs, in its own spelling, which prefixes
//! are matched against. A word with a sign (`C++`, `.NET`, `AT&T`) is also indexed with the sign.
//! There are no stop words, so phrases match exactly.

mod fold;
mod words;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use frostem::{Algorithm, Stemmer};
use icu_normalizer::ComposingNormalizerBorrowed;
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer};

use self::words::Sign;
pub(super) use self::words::{Word, words};

/// The analyzer's name in the index's schema, with its version. Change it with any change to the
/// terms of a text: an index with another schema is rebuilt.
pub(super) const NAME: &str = "words-2";

static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::English));

/// A text prepared for analysis: in NFC, each character composed with its marks.
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
    NFC.normalize(text)
}

/// The analyzer for Tantivy.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::from(Analyzer)
}

/// The terms of one word; an empty string is not a term.
#[derive(Debug, Default)]
pub(super) struct Forms {
    /// The stem; empty for a single letter with a sign, such as `C++`: only the whole counts.
    pub(super) stem: String,
    /// The word itself; empty if it equals its stem.
    pub(super) plain: String,
    /// The word with its sign.
    pub(super) signed: String,
    /// The word's range in the text, in bytes, including its sign.
    pub(super) whole: Range<usize>,
}

impl Forms {
    /// Replaces the forms with those of a word of this text.
    pub(super) fn of(&mut self, text: &str, word: &Word) {
        for form in [&mut self.stem, &mut self.plain, &mut self.signed] {
            form.clear();
        }
        fold::fold(&text[word.from..word.to], &mut self.plain);
        self.whole = word.from..word.to;
        let sign = words::sign(text, word);
        match sign {
            None => {}
            Some(Sign::After(to) | Sign::With(to)) => {
                self.whole.end = to;
                self.signed.push_str(&self.plain);
                fold::fold(&text[word.to..to], &mut self.signed);
            }
            Some(Sign::Before(from)) => {
                self.whole.start = from;
                self.signed.push('.');
                self.signed.push_str(&self.plain);
            }
        }
        let is_letter = self.plain.chars().nth(1).is_none();
        if is_letter && matches!(sign, Some(Sign::After(_))) {
            self.plain.clear();
        } else if word.alone || !self.plain.is_ascii() {
            std::mem::swap(&mut self.stem, &mut self.plain);
        } else {
            self.stem.push_str(&ENGLISH.stem(&self.plain));
            if self.stem == self.plain {
                self.plain.clear();
            }
        }
    }

    /// The word as it is spelled, without its sign.
    fn spelt(&self) -> &str {
        if self.plain.is_empty() { &self.stem } else { &self.plain }
    }
}

/// A term of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Its distance from the first term.
    pub(super) place: usize,
    /// The term as it is indexed.
    pub(super) text: String,
    /// The prefix with which longer words begin; `None` for a character of a script without spaces.
    pub(super) beginning: Option<String>,
}

/// The terms to look for. The first is at place 0. A word with a sign is looked for with its sign.
pub(super) fn terms(text: &str) -> Vec<Term> {
    let text = composed(text);
    let mut forms = Forms::default();
    let mut terms = Vec::new();
    let mut covered = 0;
    for (place, word) in words(&text).enumerate() {
        forms.of(&text, &word);
        if !forms.signed.is_empty() {
            let text = std::mem::take(&mut forms.signed);
            terms.push(Term { place, beginning: Some(text.clone()), text });
            covered = forms.whole.end;
        } else if word.from >= covered {
            let beginning = (!word.alone).then(|| forms.spelt().to_owned());
            terms.push(Term { place, text: std::mem::take(&mut forms.stem), beginning });
        }
    }
    terms.retain(|term| !term.text.is_empty());
    terms
}

#[derive(Clone)]
struct Analyzer;

struct Stream<'a> {
    text: &'a str,
    words: words::Words<'a>,
    forms: Forms,
    token: Token,
}

impl Tokenizer for Analyzer {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        let (words, forms) = (words(text), Forms::default());
        Stream { text, words, forms, token: Token::default() }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        loop {
            let Forms { stem, plain, signed, whole } = &mut self.forms;
            if let Some(form) = [stem, plain, signed].into_iter().find(|it| !it.is_empty()) {
                std::mem::swap(&mut self.token.text, form);
                form.clear();
                (self.token.offset_from, self.token.offset_to) = (whole.start, whole.end);
                return true;
            }
            let Some(word) = self.words.next() else { return false };
            self.forms.of(self.text, &word);
            // The first word is at 0: a new token's position is `usize::MAX`.
            self.token.position = self.token.position.wrapping_add(1);
        }
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests;
