//! Term statistics restricted to some kinds of documents, for the ranking. A reader who may find
//! only posts must not learn from their scores how often a word occurs in notes.

use tantivy::collector::Count;
use tantivy::query::{Bm25StatisticsProvider, BooleanQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, TantivyError, Term};

use super::{Fields, Kind, of_kind};

/// Statistics of the documents of some kinds only.
pub(super) struct Within<'a> {
    searcher: &'a Searcher,
    of_kinds: BooleanQuery,
    body: Field,
    count: u64,
}

/// The approximate number of terms in an ordinary body.
const TOKENS_OF_BODY: u64 = 400;

/// The approximate number of terms in an ordinary title, author's name or list of tags.
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
    /// Assumes a fixed length per document: the index does not count tokens by kind, and a count
    /// over all kinds would reveal how long notes are.
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
