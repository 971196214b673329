//! A user's query. Owns its limits, which kinds of things it asks for and how many of them; leaves
//! its words and operators to `parser`, looking it up to `index`.
//!
//! Words must all be there. `"…"` is a phrase, `-word` or `NOT word` must not be there, `OR` gives
//! a choice and binds less than `AND`, which is what stands between words anyway; parentheses
//! group. `title:`, `body:`, `tag:` and `author:` right before a word or phrase look there only.
//! `word*` finds what begins with it, and so does the last word, which may still be typed; both
//! find the whole word first. Whatever else stands in a word is taken as it is: `std::fs` is a word
//! of two parts in a row. Every text is a query: an operator that makes no sense is a word.

use schemars::JsonSchema;
use serde::Serialize;

use super::SearchError;
use super::index::Place;
use super::parser::{self, Expression};

/// The most characters of a query.
pub const MAX_CHARS: usize = 1000;
/// The most hits that can be asked for.
const MAX_LIMIT: usize = 100;
/// The hits that are given unless asked otherwise.
const DEFAULT_LIMIT: usize = 20;

/// The kinds of hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A post.
    Post,
    /// A note.
    Note,
    /// A comment on a post.
    Comment,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Post, Kind::Note, Kind::Comment];

    /// The word on the wire, and the first part of a key in the index.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::Note => "note",
            Kind::Comment => "comment",
        }
    }

    /// The kind of that name.
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A query that was understood.
#[derive(Clone, Debug)]
pub struct Query {
    /// Nothing if it has no word: it finds nothing.
    pub(super) expression: Option<Expression>,
    pub(super) kinds: Vec<Kind>,
    pub(super) limit: usize,
    /// The last hit of the page before.
    pub(super) after: Option<Place>,
}

impl Query {
    /// Understands what a user typed, of at most 1,000 characters.
    ///
    /// Asks for the first 20 hits of any kind. A longer text is [`SearchError::BadQuery`].
    pub fn parse(text: &str) -> Result<Query, SearchError> {
        if text.chars().nth(MAX_CHARS).is_some() {
            return bad(format!("should be at most {MAX_CHARS} character(s)"));
        }
        let expression = parser::parse(text);
        Ok(Query { expression, kinds: Kind::ALL.to_vec(), limit: DEFAULT_LIMIT, after: None })
    }

    /// The same, but for one kind only.
    pub fn of_kind(self, kind: Kind) -> Query {
        let kinds = self.kinds.into_iter().filter(|one| *one == kind).collect();
        Query { kinds, ..self }
    }

    /// The same without this kind.
    pub fn without(self, kind: Kind) -> Query {
        let kinds = self.kinds.into_iter().filter(|one| *one != kind).collect();
        Query { kinds, ..self }
    }

    /// The same, but for this many hits, 1 to 100.
    pub fn limit(self, limit: usize) -> Result<Query, SearchError> {
        if (1..=MAX_LIMIT).contains(&limit) {
            Ok(Query { limit, ..self })
        } else {
            bad(format!("limit must be between 1 and {MAX_LIMIT}"))
        }
    }

    /// The same, but for the hits after this place, which an [`Answer`](super::Answer) gave.
    pub fn after(self, place: Place) -> Query {
        Query { after: Some(place), ..self }
    }
}

fn bad<T>(message: impl Into<String>) -> Result<T, SearchError> {
    Err(SearchError::BadQuery(message.into()))
}
