//! The grammar of a query: which of its words are required, excluded or alternatives. Owns the
//! limits on words and prefixes; leaves splitting the input to `lexer`.

use super::analyzer::{self, Term};
use super::lexer;

/// The most terms of a query. Further ones are ignored.
const MAX_TERMS: usize = 64;
/// The most terms in phrases. Further ones may stand anywhere in a document: comparing positions
/// takes time for every occurrence of every term, and cannot be interrupted within a document.
const MAX_IN_ROWS: usize = 16;
/// The most prefixes. Further ones are whole words.
const MAX_PREFIXES: usize = 8;
/// The fewest characters with which the last word of a query is taken for a prefix.
const TYPED: usize = 2;

/// The field in which a word is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Everywhere,
    Title,
    Body,
    Tags,
    Author,
}

/// Whether a word also stands for the words that begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    No,
    /// A `*` follows it.
    Asked,
    /// It is the last word, which the user may still be typing.
    Typing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// These terms at these distances from each other. With `prefix`, a word that begins with the
    /// last one matches too, with a lower score.
    Words { scope: Scope, terms: Vec<Term>, prefix: bool },
    /// Everything wanted and nothing unwanted. `wanted` is empty only in a part of another
    /// expression.
    All { wanted: Vec<Expression>, unwanted: Vec<Expression> },
    /// At least one.
    Any(Vec<Expression>),
}

impl Expression {
    /// True if its words must be consecutive.
    fn is_phrase(&self) -> bool {
        matches!(self, Expression::Words { terms, .. } if terms.len() > 1)
    }

    /// The words that make a text a hit, to be marked in it, each with true if it is a prefix.
    pub(super) fn wanted(&self) -> Vec<(&[Term], bool)> {
        match self {
            Expression::Words { terms, prefix, .. } => vec![(terms, *prefix)],
            Expression::All { wanted: parts, .. } | Expression::Any(parts) => {
                parts.iter().flat_map(Expression::wanted).collect()
            }
        }
    }

    /// Turns an expression that only excludes words into one that wants them.
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
    /// The operator as the user wrote it.
    Not(&'static str),
    Text {
        scope: Scope,
        text: String,
        prefix: Prefix,
    },
}

impl Lexeme {
    /// Turns an operator into a word.
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

/// Parses a text; `None` if it has no word.
pub(super) fn parse(text: &str) -> Option<Expression> {
    let lexemes = lexer::lex(text).into_iter().peekable();
    let mut parser =
        Parser { lexemes, terms: MAX_TERMS, in_rows: MAX_IN_ROWS, prefixes: MAX_PREFIXES };
    parser.any().map(Expression::positive)
}

struct Parser {
    lexemes: std::iter::Peekable<std::vec::IntoIter<Lexeme>>,
    /// The terms, the terms in phrases and the prefixes that may still follow.
    terms: usize,
    in_rows: usize,
    prefixes: usize,
}

impl Parser {
    // The lexer guarantees that parentheses match and are not nested deeply, so the recursion is
    // bounded and consumes all lexemes.
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
                    // A repeated phrase would cost as much again.
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
