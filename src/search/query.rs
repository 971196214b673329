//! A user's query. Owns the words and operators of a query and their limits; leaves looking
//! it up to `index`.
//!
//! Words must all be there. `"…"` is a phrase, `-word` or `NOT word` must not be there, `OR` gives
//! a choice and binds less than `AND`, which is what stands between words anyway; parentheses
//! group. `title:`, `body:`, `tag:` and `author:` right before a word or phrase look there only.
//! Whatever else stands in a word is taken as it is: `std::fs` and `C++:` are words, the first of
//! two parts in a row.

use serde::Serialize;

use super::{SearchError, analyzer};

/// The most characters of a query.
const MAX_CHARS: usize = 1000;
/// The most terms of a query, after it was cut into words.
const MAX_TERMS: usize = 64;
/// How deep parentheses may be nested.
pub(super) const MAX_DEPTH: usize = 8;
/// The most hits that can be asked for.
const MAX_LIMIT: usize = 100;
/// The hits that are given unless asked otherwise.
const DEFAULT_LIMIT: usize = 20;

/// The kinds of hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A post.
    Post,
    /// A note.
    Note,
}

impl Kind {
    /// The word on the wire, and the first part of a key in the index.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::Note => "note",
        }
    }

    /// The kind of that name.
    pub fn parse(word: &str) -> Option<Kind> {
        [Kind::Post, Kind::Note].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A query that was understood.
#[derive(Clone, Debug)]
pub struct Query {
    pub(super) expression: Expression,
    pub(super) kind: Option<Kind>,
    pub(super) limit: usize,
}

impl Query {
    /// Understands what a user typed, of 1 to 1,000 characters.
    ///
    /// Asks for 20 posts and notes. A malformed query is [`SearchError::BadQuery`].
    pub fn parse(text: &str) -> Result<Query, SearchError> {
        if text.chars().nth(MAX_CHARS).is_some() {
            return bad(format!("should be at most {MAX_CHARS} character(s)"));
        }
        if text.trim().is_empty() {
            return bad("can't be blank");
        }
        let mut parser = Parser { lexemes: super::lexer::lex(text)?.into_iter().peekable() };
        let expression = parser.any()?;
        match expression {
            Some(expression) if count(&expression) > MAX_TERMS => {
                bad(format!("has more than {MAX_TERMS} words"))
            }
            Some(expression) => Ok(Query { expression, kind: None, limit: DEFAULT_LIMIT }),
            None => bad("has no words"),
        }
    }

    /// The same, but for one kind only.
    pub fn of_kind(self, kind: Kind) -> Query {
        Query { kind: Some(kind), ..self }
    }

    /// The one kind that is asked for.
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// The same, but for this many hits, 1 to 100.
    pub fn limit(self, limit: usize) -> Result<Query, SearchError> {
        if (1..=MAX_LIMIT).contains(&limit) {
            Ok(Query { limit, ..self })
        } else {
            bad(format!("limit must be between 1 and {MAX_LIMIT}"))
        }
    }
}

/// Where a word is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Everywhere,
    Title,
    Body,
    Tags,
    Author,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// These terms at these distances from each other.
    Words { scope: Scope, terms: Vec<(usize, String)> },
    /// All that is wanted, of which there is some, and nothing that is unwanted.
    All { wanted: Vec<Expression>, unwanted: Vec<Expression> },
    /// At least one.
    Any(Vec<Expression>),
}

impl Expression {
    /// The terms that make something a hit, for marking them.
    pub(super) fn wanted_terms(&self) -> Vec<&str> {
        match self {
            Expression::Words { terms, .. } => {
                terms.iter().map(|(_, term)| term.as_str()).collect()
            }
            Expression::All { wanted: parts, .. } | Expression::Any(parts) => {
                parts.iter().flat_map(Expression::wanted_terms).collect()
            }
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
    Not,
    Text { scope: Scope, text: String },
}

struct Parser {
    lexemes: std::iter::Peekable<std::vec::IntoIter<Lexeme>>,
}

/// `None` where there was no word to look for.
type Parsed = Result<Option<Expression>, SearchError>;

impl Parser {
    // The lexer checked that parentheses match and are not nested deeply: the recursion is bounded.
    fn any(&mut self) -> Parsed {
        let mut choices: Vec<Expression> = self.all()?.into_iter().collect();
        while self.lexemes.next_if_eq(&Lexeme::Or).is_some() {
            choices.extend(self.all()?);
        }
        Ok(if choices.len() > 1 { Some(Expression::Any(choices)) } else { choices.pop() })
    }

    fn all(&mut self) -> Parsed {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        let mut clauses = 0;
        loop {
            match self.lexemes.peek() {
                None | Some(Lexeme::Close | Lexeme::Or) if clauses == 0 => {
                    return bad("AND, OR and NOT need words on both sides");
                }
                None | Some(Lexeme::Close | Lexeme::Or) => break,
                Some(Lexeme::And) if clauses == 0 => return bad("AND needs words on both sides"),
                Some(Lexeme::And) => {
                    self.lexemes.next();
                    if !matches!(
                        self.lexemes.peek(),
                        Some(Lexeme::Open | Lexeme::Not | Lexeme::Text { .. })
                    ) {
                        return bad("AND needs words on both sides");
                    }
                }
                Some(_) => {}
            }
            clauses += 1;
            let mut negative = false;
            while self.lexemes.next_if_eq(&Lexeme::Not).is_some() {
                negative = !negative;
            }
            let clause = self.clause()?;
            if negative { unwanted.extend(clause) } else { wanted.extend(clause) }
        }
        match (wanted.len(), unwanted.len()) {
            (0, 0) => Ok(None),
            (0, _) => bad("says only what not to find"),
            (1, 0) => Ok(wanted.pop()),
            _ => Ok(Some(Expression::All { wanted, unwanted })),
        }
    }

    fn clause(&mut self) -> Parsed {
        match self.lexemes.next() {
            Some(Lexeme::Open) => {
                let inner = self.any()?;
                self.lexemes.next();
                Ok(inner)
            }
            Some(Lexeme::Text { scope, text }) => {
                let terms = analyzer::terms(&text);
                Ok((!terms.is_empty()).then_some(Expression::Words { scope, terms }))
            }
            _ => bad("NOT needs a word behind it"),
        }
    }
}

fn count(expression: &Expression) -> usize {
    match expression {
        Expression::Words { terms, .. } => terms.len(),
        Expression::All { wanted, unwanted } => wanted.iter().chain(unwanted).map(count).sum(),
        Expression::Any(choices) => choices.iter().map(count).sum(),
    }
}

pub(super) fn bad<T>(message: impl Into<String>) -> Result<T, SearchError> {
    Err(SearchError::BadQuery(message.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Expression {
        Expression::Words { scope: Scope::Everywhere, terms: analyzer::terms(text) }
    }

    fn parsed(text: &str) -> Expression {
        Query::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}")).expression
    }

    fn all(wanted: Vec<Expression>, unwanted: Vec<Expression>) -> Expression {
        Expression::All { wanted, unwanted }
    }

    #[test]
    fn words_must_all_be_there() {
        assert_eq!(parsed("one two"), all(vec![words("one"), words("two")], vec![]));
        assert_eq!(parsed("one AND two"), parsed("one two"));
        assert_eq!(parsed("+one +two"), parsed("one two"));
    }

    #[test]
    fn or_binds_less_than_and() {
        assert_eq!(parsed("a b OR c"), Expression::Any(vec![parsed("a b"), words("c")]));
        assert_eq!(
            parsed("a (b OR c)"),
            all(vec![words("a"), Expression::Any(vec![words("b"), words("c")])], vec![])
        );
    }

    #[test]
    fn exclusions() {
        let expected = all(vec![words("rust")], vec![words("async")]);
        assert_eq!(parsed("rust -async"), expected);
        assert_eq!(parsed("rust NOT async"), expected);
        assert_eq!(parsed("rust AND NOT async"), expected);
    }

    #[test]
    fn an_unknown_field_is_literal_text() {
        assert_eq!(parsed("std::fs"), words("std fs"));
        assert_eq!(parsed("C++: why"), all(vec![words("c"), words("why")], vec![]));
        assert_eq!(parsed("title:"), words("title"));
        assert_eq!(parsed("fn main()"), all(vec![words("fn"), words("main")], vec![]));
        assert_eq!(parsed("(main() x)"), all(vec![words("main"), words("x")], vec![]));
        assert_eq!(
            parsed("cargo --release ->"),
            all(vec![words("cargo"), words("release")], vec![])
        );
        assert_eq!(
            parsed("a:b:c/d*?[x TO y]~9^99"),
            all(vec![words("a b c d x"), words("to"), words("y 9 99")], vec![])
        );
    }

    #[test]
    fn fields_and_phrases() {
        assert_eq!(
            parsed("title:rust"),
            Expression::Words { scope: Scope::Title, terms: analyzer::terms("rust") }
        );
        assert_eq!(
            parsed("tag:\"a b\""),
            Expression::Words { scope: Scope::Tags, terms: analyzer::terms("a b") }
        );
        assert_eq!(parsed("\"borrow the checker\""), words("borrow the checker"));
    }

    #[test]
    fn malformed_queries_are_refused() {
        for text in [
            "",
            " ",
            "AND",
            "OR",
            "NOT",
            "a AND",
            "OR a",
            "a OR",
            "a AND OR b",
            "NOT",
            "a NOT",
            "-a",
            "(a",
            "a )",
            "( )",
            "\"a",
            "!!!",
            "\0",
            "(a OR) b",
            "-a OR b",
        ] {
            assert!(matches!(Query::parse(text), Err(SearchError::BadQuery(_))), "{text:?}");
        }
        assert!(Query::parse(&"x".repeat(1000)).is_ok());
        assert!(Query::parse(&"x".repeat(1001)).is_err());
        assert!(Query::parse(&"日".repeat(65)).is_err());
        assert!(Query::parse(&("(".repeat(9) + "a" + &")".repeat(9))).is_err());
        assert!(Query::parse(&("(".repeat(8) + "a" + &")".repeat(8))).is_ok());
        assert!(Query::parse("a").unwrap().limit(0).is_err());
        assert!(Query::parse("a").unwrap().limit(101).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,80}") {
            let _ = Query::parse(&text);
        }

        #[test]
        fn no_mixture_of_operators_panics(parts in prop::collection::vec(
            prop::sample::select(vec!["(", ")", "\"", "-", "+", " ", "AND ", "OR ", "NOT ", "title:", "x", "🎉", "\0", "*", "[", "a TO b"]), 0..120)) {
            let _ = Query::parse(&parts.concat());
        }
    }
}
