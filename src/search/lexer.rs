//! Cuts what a user typed into words, phrases, operators and parentheses. Owns what counts as
//! one and what is taken literally; leaves their grammar to `query`.

use super::SearchError;
use super::query::{Lexeme, MAX_DEPTH, Scope, bad};

/// The pieces of `text`, with matching parentheses.
pub(super) fn lex(text: &str) -> Result<Vec<Lexeme>, SearchError> {
    let mut lexer = Lexer { rest: text, depth: 0, lexemes: Vec::new() };
    while lexer.next()? {}
    if lexer.depth > 0 {
        return bad("a `(` without its `)`");
    }
    Ok(lexer.lexemes)
}

struct Lexer<'a> {
    rest: &'a str,
    depth: usize,
    lexemes: Vec<Lexeme>,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<bool, SearchError> {
        self.rest = self.rest.trim_start_matches(is_space);
        let mut ahead = self.rest.chars();
        let Some(first) = ahead.next() else { return Ok(false) };
        let second = ahead.next();
        match first {
            '(' if second != Some(')') => {
                self.skip(1);
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return bad("the parentheses are nested too deeply");
                }
                self.lexemes.push(Lexeme::Open);
            }
            ')' => {
                self.skip(1);
                let Some(depth) = self.depth.checked_sub(1) else {
                    return bad("a `)` without its `(`");
                };
                self.depth = depth;
                self.lexemes.push(Lexeme::Close);
            }
            '"' => {
                self.skip(1);
                self.phrase(Scope::Everywhere)?;
            }
            // `--release` and `->` are words, and so is a lone `-`.
            '-' | '+' if second.is_some_and(|c| c.is_alphanumeric() || c == '"' || c == '(') => {
                self.skip(1);
                if first == '-' {
                    self.lexemes.push(Lexeme::Not);
                }
            }
            _ => self.word()?,
        }
        Ok(true)
    }

    fn word(&mut self) -> Result<(), SearchError> {
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
            "NOT" if scope == Scope::Everywhere => Lexeme::Not,
            _ => Lexeme::Text { scope, text },
        });
        Ok(())
    }

    /// A word ends at a space or at the parenthesis that ends its group: `main()` is one word.
    fn word_end(&self) -> usize {
        let mut open = 0_usize;
        for (at, c) in self.rest.char_indices() {
            match c {
                c if is_space(c) => return at,
                '(' => open += 1,
                ')' if open > 0 => open -= 1,
                ')' if self.depth > 0 => return at,
                _ => {}
            }
        }
        self.rest.len()
    }

    fn phrase(&mut self, scope: Scope) -> Result<(), SearchError> {
        let Some(end) = self.rest.find('"') else { return bad("a `\"` without its second `\"`") };
        let text = self.take(end);
        self.skip(1);
        self.lexemes.push(Lexeme::Text { scope, text });
        Ok(())
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

/// The field that prefixes a word, if it is a known one and something follows, and the rest.
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
            rest.starts_with(|c: char| c.is_alphanumeric() || c == '"').then_some((scope, rest))
        })
        .unwrap_or((Scope::Everywhere, text))
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}
