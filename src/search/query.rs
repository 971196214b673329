//! A user's query. Owns its limits, the kinds of rows it finds and their number; leaves its words
//! and operators to `parser`, and running it to `index`.
//!
//! All words are required. `"…"` is a phrase. `-word` and `NOT word` exclude a word. `OR` separates
//! alternatives and binds less tightly than `AND`, which is implied between words. Parentheses
//! group. `title:`, `body:`, `tag:` and `author:` right before a word or phrase restrict it to that
//! field. `word*` finds words that begin with it. So does the last word, which the user may still
//! be typing. In both cases the whole word ranks first. Other punctuation is literal: `std::fs` is
//! a phrase of two words. Every text is a query: an operator without operands is a word.

use schemars::JsonSchema;
use serde::Serialize;

use super::SearchError;
use super::index::Place;
use super::parser::{self, Expression};

/// The most characters of a query.
pub const MAX_CHARS: usize = 1000;
/// The most hits that can be asked for.
const MAX_LIMIT: usize = 100;
/// The hits on a page unless the user asks for another number.
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

    /// The kind's name on the wire, and the first part of a key in the index.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::Note => "note",
            Kind::Comment => "comment",
        }
    }

    /// The kind with this name.
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A parsed query.
#[derive(Clone, Debug)]
pub struct Query {
    /// `None` if the query has no word: it finds nothing.
    pub(super) expression: Option<Expression>,
    pub(super) kinds: Vec<Kind>,
    pub(super) limit: usize,
    /// The last hit of the previous page.
    pub(super) after: Option<Place>,
}

impl Query {
    /// Parses a user's input of at most 1,000 characters.
    ///
    /// The query asks for the first 20 hits of any kind. A longer text is
    /// [`SearchError::BadQuery`].
    pub fn parse(text: &str) -> Result<Query, SearchError> {
        if text.chars().nth(MAX_CHARS).is_some() {
            return bad(format!("should be at most {MAX_CHARS} character(s)"));
        }
        let expression = parser::parse(text);
        Ok(Query { expression, kinds: Kind::ALL.to_vec(), limit: DEFAULT_LIMIT, after: None })
    }

    /// Restricts the query to one kind.
    pub fn of_kind(self, kind: Kind) -> Query {
        let kinds = self.kinds.into_iter().filter(|one| *one == kind).collect();
        Query { kinds, ..self }
    }

    /// Excludes a kind.
    pub fn without(self, kind: Kind) -> Query {
        let kinds = self.kinds.into_iter().filter(|one| *one != kind).collect();
        Query { kinds, ..self }
    }

    /// Sets the number of hits, 1 to 100; another number is [`SearchError::BadQuery`].
    pub fn limit(self, limit: usize) -> Result<Query, SearchError> {
        if (1..=MAX_LIMIT).contains(&limit) {
            Ok(Query { limit, ..self })
        } else {
            bad(format!("limit must be between 1 and {MAX_LIMIT}"))
        }
    }

    /// Asks for the hits after a place, which comes from [`Answer::next`](super::Answer::next).
    pub fn after(self, place: Place) -> Query {
        Query { after: Some(place), ..self }
    }
}

fn bad<T>(message: impl Into<String>) -> Result<T, SearchError> {
    Err(SearchError::BadQuery(message.into()))
}
