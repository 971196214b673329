//! The grammar of a query: which of its words must be there, which must not, and which are a
//! choice. Owns how many words and beginnings of words count; leaves cutting it into pieces to
//! `lexer`.

use super::analyzer::{self, Term};
use super::lexer;

/// The most terms of a query. Those behind them do not count.
const MAX_TERMS: usize = 64;
/// The most terms that must stand in a row. Those behind them must be there, wherever: comparing
/// places costs time for each term and each place of it, and nothing ends it within a document.
const MAX_IN_ROWS: usize = 16;
/// The most beginnings of words. Those behind them are whole words.
const MAX_PREFIXES: usize = 8;
/// The fewest characters of the last word of a query that is taken for the beginning of others.
const TYPED: usize = 2;

/// Where a word is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Everywhere,
    Title,
    Body,
    Tags,
    Author,
}

/// Whether a word is the beginning of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    No,
    /// It has a `*` behind it.
    Asked,
    /// It is the last one, which may not be typed to its end.
    Typing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// These terms at these distances from each other; with `prefix`, the last one's beginning is
    /// enough, for less.
    Words { scope: Scope, terms: Vec<Term>, prefix: bool },
    /// All that is wanted, and nothing that is unwanted. Only as a part of another is nothing
    /// wanted.
    All { wanted: Vec<Expression>, unwanted: Vec<Expression> },
    /// At least one.
    Any(Vec<Expression>),
}

impl Expression {
    /// Whether its words must stand in a row.
    fn is_phrase(&self) -> bool {
        matches!(self, Expression::Words { terms, .. } if terms.len() > 1)
    }

    /// The words that make something a hit, for marking them.
    pub(super) fn wanted(&self) -> Vec<(&[Term], bool)> {
        match self {
            Expression::Words { terms, prefix, .. } => vec![(terms, *prefix)],
            Expression::All { wanted: parts, .. } | Expression::Any(parts) => {
                parts.iter().flat_map(Expression::wanted).collect()
            }
        }
    }

    /// Finds what it says not to find, if that is all that it says.
    fn positive(self) -> Expression {
        match self {
            Expression::All { wanted, mut unwanted } if wanted.is_empty() => {
                match (unwanted.pop(), unwanted.is_empty()) {
                    (Some(only), true) => only,
                    (last, _) => {
                        unwanted.extend(last);
                        Expression::All { wanted: unwanted, unwanted: Vec::new() }
                    }
                }
            }
            other => other,
        }
    }
}

/// The pieces of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lexeme {
    Open,
    Close,
    And,
    Or,
    /// As it was written.
    Not(&'static str),
    Text {
        scope: Scope,
        text: String,
        prefix: Prefix,
    },
}

impl Lexeme {
    /// Makes a word of an operator.
    pub(super) fn spell_out(&mut self) {
        let text = match self {
            Lexeme::And => "AND",
            Lexeme::Or => "OR",
            Lexeme::Not(text) => text,
            Lexeme::Open | Lexeme::Close | Lexeme::Text { .. } => return,
        };
        let text = text.to_owned();
        *self = Lexeme::Text { scope: Scope::Everywhere, text, prefix: Prefix::No };
    }
}

/// What a text asks for; nothing if it has no word.
pub(super) fn parse(text: &str) -> Option<Expression> {
    let lexemes = lexer::lex(text).into_iter().peekable();
    let mut parser =
        Parser { lexemes, terms: MAX_TERMS, in_rows: MAX_IN_ROWS, prefixes: MAX_PREFIXES };
    parser.any().map(Expression::positive)
}

struct Parser {
    lexemes: std::iter::Peekable<std::vec::IntoIter<Lexeme>>,
    /// How many more count.
    terms: usize,
    in_rows: usize,
    prefixes: usize,
}

impl Parser {
    // The lexer saw to it that parentheses match and are not nested deeply: the recursion is
    // bounded, and ends at the end.
    fn any(&mut self) -> Option<Expression> {
        let mut choices: Vec<Expression> = self.all().into_iter().collect();
        while self.lexemes.next_if_eq(&Lexeme::Or).is_some() {
            choices.extend(self.all());
        }
        if choices.len() > 1 {
            Some(Expression::Any(choices.into_iter().map(Expression::positive).collect()))
        } else {
            choices.pop()
        }
    }

    fn all(&mut self) -> Option<Expression> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        loop {
            match self.lexemes.peek() {
                None | Some(Lexeme::Close | Lexeme::Or) => break,
                Some(_) => {}
            }
            self.lexemes.next_if_eq(&Lexeme::And);
            let mut negative = false;
            while self.lexemes.next_if(|next| matches!(next, Lexeme::Not(_))).is_some() {
                negative = !negative;
            }
            match (self.clause(negative), negative) {
                (None, _) => {}
                (Some(Expression::All { wanted: none, unwanted: not }), false)
                    if none.is_empty() =>
                {
                    unwanted.extend(not);
                }
                (Some(Expression::All { wanted: none, unwanted: not }), true)
                    if none.is_empty() =>
                {
                    wanted.push(Expression::Any(not));
                }
                (Some(clause), negative) => {
                    let clauses = if negative { &mut unwanted } else { &mut wanted };
                    // A phrase costs as much the second time.
                    if !clause.is_phrase() || !clauses.contains(&clause) {
                        clauses.push(clause);
                    }
                }
            }
        }
        match (wanted.len(), unwanted.len()) {
            (0, 0) => None,
            (1, 0) => wanted.pop(),
            _ => Some(Expression::All { wanted, unwanted }),
        }
    }

    fn clause(&mut self, negative: bool) -> Option<Expression> {
        match self.lexemes.next()? {
            Lexeme::Open => {
                let inner = self.any();
                self.lexemes.next();
                inner
            }
            Lexeme::Text { scope, text, prefix } => {
                let prefix = if negative && prefix == Prefix::Typing { Prefix::No } else { prefix };
                self.words(scope, &text, prefix)
            }
            Lexeme::Close | Lexeme::And | Lexeme::Or | Lexeme::Not(_) => None,
        }
    }

    fn words(&mut self, scope: Scope, text: &str, prefix: Prefix) -> Option<Expression> {
        let mut terms = analyzer::terms(text);
        let is_whole = terms.len() <= self.terms;
        terms.truncate(self.terms);
        self.terms -= terms.len();
        let beginning = terms.last()?.beginning.as_deref().filter(|_| is_whole);
        let fewest = if prefix == Prefix::Asked { 1 } else { TYPED };
        let prefix = prefix != Prefix::No
            && self.prefixes > 0
            && beginning.is_some_and(|beginning| beginning.chars().nth(fewest - 1).is_some());
        self.prefixes -= usize::from(prefix);
        let row = if terms.len() > 1 { terms.len().min(self.in_rows) } else { 0 };
        self.in_rows -= row;
        if row == terms.len() || terms.len() == 1 {
            return Some(Expression::Words { scope, terms, prefix });
        }
        let rest = terms.split_off(row);
        let mut wanted = Vec::with_capacity(rest.len() + 1);
        if !terms.is_empty() {
            wanted.push(Expression::Words { scope, terms, prefix: false });
        }
        let last = rest.len() - 1;
        wanted.extend(rest.into_iter().enumerate().map(|(at, term)| {
            let prefix = prefix && at == last;
            Expression::Words { scope, terms: vec![term], prefix }
        }));
        Some(Expression::All { wanted, unwanted: Vec::new() })
    }
}

#[cfg(test)]
mod tests;
