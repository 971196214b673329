//! Words: how text is cut into the terms that are indexed and looked for. Owns the rules
//! for both sides, which must agree; leaves where text comes from to `text` and `query`.

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer,
};

/// The analyzer's name in the index's schema. A change of the rules below needs another one: an
/// index of another schema is rebuilt.
pub(super) const NAME: &str = "english-1";

/// The most characters of a term; the rest of a longer word is not told apart.
const LONGEST: usize = 64;

/// English words in lower case, without accents, reduced to their stems. No word is left out, so
/// that phrases hold. An ideograph, a kana and an emoji is a word by itself.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Words)
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .filter(Stemmer::new(Language::English))
        .build()
}

/// The terms of a text with their places, the first at 0.
pub(super) fn terms(text: &str) -> Vec<(usize, String)> {
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(text);
    let mut terms = Vec::new();
    while stream.advance() {
        let token = stream.token_mut();
        terms.push((token.position, std::mem::take(&mut token.text)));
    }
    terms
}

#[derive(Clone)]
struct Words;

struct WordStream<'a> {
    text: &'a str,
    // Where the next word is looked for, in bytes.
    at: usize,
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        WordStream { text, at: 0, token: Token::default() }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let Some((start, first)) =
            rest.char_indices().find(|(_, c)| stands_alone(*c) || c.is_alphanumeric())
        else {
            self.at = self.text.len();
            return false;
        };
        let word = &rest[start..];
        let length = if stands_alone(first) { first.len_utf8() } else { word_length(word) };
        self.token.offset_from = self.at + start;
        self.token.offset_to = self.token.offset_from + length;
        // The first word stands at 0: a new token's position is one before.
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text.clear();
        let kept = word[..length].chars().filter(|c| !is_accent(*c)).take(LONGEST);
        self.token.text.extend(kept.map(|c| if c == '’' { '\'' } else { c }));
        self.at = self.token.offset_to;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// The bytes of the word that `text` begins with.
fn word_length(text: &str) -> usize {
    let plain = plain_length(text);
    // The ending of "don't" and "Rust's" belongs to the word; "l'été" and "'a'" are two.
    let Some(tail) = text[plain..].strip_prefix(['\'', '’']) else { return plain };
    let ending = plain_length(tail);
    if ending > 0 && tail[..ending].chars().count() <= 2 {
        text.len() - tail.len() + ending
    } else {
        plain
    }
}

/// The bytes of letters, digits and accents that `text` begins with.
fn plain_length(text: &str) -> usize {
    let inside = |c: char| (c.is_alphanumeric() && !stands_alone(c)) || is_accent(c);
    text.find(|c| !inside(c)).unwrap_or(text.len())
}

/// True for a mark that goes over the letter before it.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}

/// True for characters of writing without spaces, and for pictures.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}'
        | '\u{2600}'..='\u{27BF}' | '\u{1F000}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        terms(text).into_iter().map(|(_, term)| term).collect()
    }

    #[test]
    fn words_are_stemmed_lowered_and_folded() {
        assert_eq!(words("Borrowing CAFÉS, cafe\u{301}!"), ["borrow", "cafe", "cafe"]);
    }

    #[test]
    fn code_is_cut_at_punctuation() {
        assert_eq!(
            words("std::fs::read_to_string(1.85)"),
            ["std", "fs", "read", "to", "string", "1", "85"]
        );
    }

    #[test]
    fn apostrophes_do_not_make_words_of_endings() {
        assert_eq!(words("Rust's Rust’s l'été don't"), ["rust", "rust", "l", "ete", "don't"]);
    }

    #[test]
    fn ideographs_and_emoji_are_words() {
        assert_eq!(words("日本 go🎉"), ["日", "本", "go", "🎉"]);
    }

    #[test]
    fn terms_are_numbered_from_zero_without_gaps() {
        let places: Vec<usize> =
            terms("the end of the line").into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn endless_words_are_cut() {
        assert_eq!(words(&"x".repeat(100_000))[0].len(), LONGEST);
    }
}
