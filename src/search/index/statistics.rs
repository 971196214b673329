//! Term statistics of some kinds of documents, for the ranking. A reader who finds posts only must
//! not learn from their scores how often a word is in notes.

use tantivy::collector::Count;
use tantivy::query::{Bm25StatisticsProvider, BooleanQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, TantivyError, Term};

use super::{Fields, Kind, of_kind};

/// Counts the documents of some kinds.
pub(super) struct Within<'a> {
    searcher: &'a Searcher,
    of_kinds: BooleanQuery,
    body: Field,
    count: u64,
}

/// The terms of an ordinary body, about.
const TOKENS_OF_BODY: u64 = 400;

/// The terms of an ordinary title, author's name or list of tags, about.
const TOKENS_OF_OTHERS: u64 = 5;

impl<'a> Within<'a> {
    pub(super) fn new(
        searcher: &'a Searcher,
        fields: &Fields,
        kinds: &[Kind],
    ) -> Result<Within<'a>, TantivyError> {
        let of_kinds = BooleanQuery::union(
            kinds.iter().map(|kind| Box::new(having(&of_kind(*kind, fields))) as _).collect(),
        );
        let count = searcher.search(&of_kinds, &Count)? as u64;
        Ok(Within { searcher, of_kinds, body: fields.body, count })
    }
}

fn having(term: &Term) -> TermQuery {
    TermQuery::new(term.clone(), IndexRecordOption::Basic)
}

impl Bm25StatisticsProvider for Within<'_> {
    /// The index has no count of tokens by kind, and one over all kinds tells how long notes are: so
    /// the average document has a fixed length.
    fn total_num_tokens(&self, field: Field) -> Result<u64, TantivyError> {
        let each = if field == self.body { TOKENS_OF_BODY } else { TOKENS_OF_OTHERS };
        Ok(self.count * each)
    }

    fn total_num_docs(&self) -> Result<u64, TantivyError> {
        Ok(self.count)
    }

    fn doc_freq(&self, term: &Term) -> Result<u64, TantivyError> {
        let both: [Box<dyn Query>; 2] = [Box::new(having(term)), Box::new(self.of_kinds.clone())];
        let found = self.searcher.search(&BooleanQuery::intersection(both.into()), &Count)?;
        Ok(found as u64)
    }
}
