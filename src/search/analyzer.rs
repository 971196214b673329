//! Words: how text is cut into the terms that are indexed and looked for. Owns the rules for both
//! sides, which must agree: `words` says where a word is, `fold` how it is spelt, and this file
//! which terms stand for it. Leaves where text comes from to `source` and `query`.
//!
//! A word is indexed as its English stem and, where that is another, as it is: beginnings of words
//! are looked for among the latter. A word with a sign (`C++`, `.NET`, `AT&T`) is indexed with it
//! as well. No word is left out, so that phrases hold.

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

/// The analyzer's name in the index's schema, with its version. Any change of what these rules make
/// of a text needs another one: an index of another schema is rebuilt.
pub(super) const NAME: &str = "words-2";

static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::English));

/// A text as it must be when it is analyzed: each character composed with its marks.
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
    NFC.normalize(text)
}

/// The analyzer as Tantivy wants it.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::from(Analyzer)
}

/// The terms that stand for one word. Empty ones do not.
#[derive(Debug, Default)]
pub(super) struct Forms {
    /// Its stem; empty for a letter that is something else with its sign, as in `C++`.
    pub(super) stem: String,
    /// The word itself, unless that is its stem.
    pub(super) plain: String,
    /// The word with its sign.
    pub(super) signed: String,
    /// Where it stands in the text, with its sign, in bytes.
    pub(super) whole: Range<usize>,
}

impl Forms {
    /// Makes them those of a word of this text.
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

    /// The word as it is spelt, without its sign.
    fn spelt(&self) -> &str {
        if self.plain.is_empty() { &self.stem } else { &self.plain }
    }
}

/// A term of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Its distance from the first one's place.
    pub(super) place: usize,
    /// How it is indexed.
    pub(super) text: String,
    /// What other words begin with that it is the beginning of; of a character of writing without
    /// spaces there are none.
    pub(super) beginning: Option<String>,
}

/// The terms to look for, the first at 0. A word with a sign is looked for with its sign.
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
            // The first word stands at 0: a new token's position is one before.
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
