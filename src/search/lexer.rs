//! Splits a user's input into words, phrases, operators and parentheses. Owns which characters are
//! operators and which are literal; leaves the grammar to `parser`.
//!
//! Any text lexes to a valid query: an unmatched quotation mark or parenthesis is ignored, and an
//! operator without operands is a word.

use super::analyzer;
use super::parser::{Lexeme, Prefix, Scope};

/// The depth to which parentheses may be nested. Deeper ones are ignored.
const MAX_DEPTH: usize = 8;

/// The lexemes of `text`. Parentheses match, and every operator has its operands.
pub(super) fn lex(text: &str) -> Vec<Lexeme> {
    let mut lexer = Lexer { rest: text, open: Vec::new(), ignored: 0, lexemes: Vec::new() };
    while lexer.next() {}
    let Lexer { open, lexemes, .. } = lexer;
    let matched = lexemes.into_iter().enumerate().filter(|(at, _)| !open.contains(at));
    let lexemes = without_nothing(matched.map(|(_, lexeme)| lexeme));
    operators_with_operands(lexemes)
}

/// Drops signs and empty parentheses, so that no operator takes them as an operand.
fn without_nothing(lexemes: impl Iterator<Item = Lexeme>) -> Vec<Lexeme> {
    let mut kept = Vec::new();
    for lexeme in lexemes {
        match lexeme {
            Lexeme::Text { ref text, .. } if analyzer::terms(text).is_empty() => {}
            Lexeme::Close if kept.last() == Some(&Lexeme::Open) => {
                kept.pop();
            }
            lexeme => kept.push(lexeme),
        }
    }
    kept
}

/// Turns operators without operands into words; drops a `-` without a word.
fn operators_with_operands(lexemes: Vec<Lexeme>) -> Vec<Lexeme> {
    let mut kept: Vec<Lexeme> = Vec::with_capacity(lexemes.len());
    for mut lexeme in lexemes.into_iter().rev() {
        let follows =
            matches!(kept.last(), Some(Lexeme::Open | Lexeme::Not(_) | Lexeme::Text { .. }));
        match lexeme {
            Lexeme::Not("-") if !follows => continue,
            Lexeme::And | Lexeme::Or | Lexeme::Not(_) if !follows => lexeme.spell_out(),
            _ => {}
        }
        kept.push(lexeme);
    }
    kept.reverse();
    let mut precedes = false;
    for lexeme in &mut kept {
        if matches!(lexeme, Lexeme::And | Lexeme::Or) && !precedes {
            lexeme.spell_out();
        }
        precedes = matches!(lexeme, Lexeme::Close | Lexeme::Text { .. });
    }
    kept
}

struct Lexer<'a> {
    rest: &'a str,
    /// The parentheses that are not closed yet, as indices into `lexemes`.
    open: Vec<usize>,
    /// The number of open parentheses beyond the maximum depth.
    ignored: usize,
    lexemes: Vec<Lexeme>,
}

impl Lexer<'_> {
    fn next(&mut self) -> bool {
        self.rest = self.rest.trim_start_matches(is_space);
        let mut ahead = self.rest.chars();
        let Some(first) = ahead.next() else { return false };
        let second = ahead.next();
        match first {
            '(' if second != Some(')') => self.open(),
            ')' => self.close(),
            '"' => {
                self.skip(1);
                self.phrase(Scope::Everywhere);
            }
            // `--release` and `->` are words, and so is a lone `-`.
            '-' | '+' if second.is_some_and(|c| c.is_alphanumeric() || "\"(.".contains(c)) => {
                self.skip(1);
                if first == '-' {
                    self.lexemes.push(Lexeme::Not("-"));
                }
            }
            _ => self.word(),
        }
        true
    }

    fn open(&mut self) {
        self.skip(1);
        if self.open.len() == MAX_DEPTH {
            self.ignored += 1;
        } else {
            self.open.push(self.lexemes.len());
            self.lexemes.push(Lexeme::Open);
        }
    }

    fn close(&mut self) {
        self.skip(1);
        if self.ignored > 0 {
            self.ignored -= 1;
        } else if self.open.pop().is_some() {
            self.lexemes.push(Lexeme::Close);
        }
    }

    fn word(&mut self) {
        let (scope, rest) = scope(self.rest);
        self.rest = rest;
        if scope != Scope::Everywhere && self.rest.starts_with('"') {
            self.skip(1);
            return self.phrase(scope);
        }
        let text = self.take(self.word_end());
        self.lexemes.push(match text.as_str() {
            "AND" if scope == Scope::Everywhere => Lexeme::And,
            "OR" if scope == Scope::Everywhere => Lexeme::Or,
            "NOT" if scope == Scope::Everywhere => Lexeme::Not("NOT"),
            _ => {
                let prefix = match text.chars().next_back() {
                    Some('*') => Prefix::Asked,
                    Some(last) if self.rest.is_empty() && !is_closing(last) => Prefix::Typing,
                    _ => Prefix::No,
                };
                Lexeme::Text { scope, text, prefix }
            }
        });
    }

    /// A word ends at a space or at the parenthesis that ends its group: `main()` is one word.
    fn word_end(&self) -> usize {
        let mut open = 0_usize;
        for (at, c) in self.rest.char_indices() {
            match c {
                c if is_space(c) => return at,
                '(' => open += 1,
                ')' if open > 0 => open -= 1,
                ')' if !self.open.is_empty() => return at,
                _ => {}
            }
        }
        self.rest.len()
    }

    /// Reads a phrase after its opening quotation mark. Without a closing one there is no phrase.
    fn phrase(&mut self, scope: Scope) {
        let Some(end) = self.rest.find('"') else { return };
        let text = self.take(end);
        self.skip(1);
        self.lexemes.push(Lexeme::Text { scope, text, prefix: Prefix::No });
    }

    fn take(&mut self, length: usize) -> String {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken.to_owned()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }
}

/// The known field that prefixes a word, if any, and the rest of the text.
fn scope(text: &str) -> (Scope, &str) {
    const SCOPES: [(&str, Scope); 4] = [
        ("title:", Scope::Title),
        ("body:", Scope::Body),
        ("tag:", Scope::Tags),
        ("author:", Scope::Author),
    ];
    SCOPES
        .into_iter()
        .find_map(|(name, scope)| {
            let rest = text.strip_prefix(name)?;
            // `title::new` and a `title:` at the end of a sentence are words.
            let begins = |c: char| c.is_alphanumeric() || matches!(c, '"' | '.');
            rest.starts_with(begins).then_some((scope, rest))
        })
        .unwrap_or((Scope::Everywhere, text))
}

/// True for characters that nobody types within a word.
fn is_closing(last: char) -> bool {
    !last.is_alphanumeric() && matches!(last, '"' | ')' | ']' | '.' | ',' | ';' | ':' | '!' | '?')
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}
