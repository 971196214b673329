//! Term statistics of one kind of document, for the ranking. A reader who finds posts only must not
//! learn from their scores how often a word is in notes.

use tantivy::collector::Count;
use tantivy::query::{Bm25StatisticsProvider, BooleanQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, TantivyError, Term};

use super::{Fields, Kind, number};

/// Counts the documents of one kind.
pub(super) struct Within<'a> {
    searcher: &'a Searcher,
    of_kind: Term,
    count: u64,
}

impl<'a> Within<'a> {
    pub(super) fn new(
        searcher: &'a Searcher,
        fields: &Fields,
        kind: Kind,
    ) -> Result<Within<'a>, TantivyError> {
        let of_kind = Term::from_field_u64(fields.kind, number(kind));
        let count = searcher.search(&having(&of_kind), &Count)? as u64;
        Ok(Within { searcher, of_kind, count })
    }
}

fn having(term: &Term) -> TermQuery {
    TermQuery::new(term.clone(), IndexRecordOption::Basic)
}

impl Bm25StatisticsProvider for Within<'_> {
    /// The index has no count of tokens by kind, so this is a share in proportion to the number of
    /// documents. It does not depend on which words they have.
    fn total_num_tokens(&self, field: Field) -> Result<u64, TantivyError> {
        let tokens = self.searcher.total_num_tokens(field)?;
        let documents = self.searcher.total_num_docs()?.max(1);
        Ok((tokens as f64 / documents as f64 * self.count as f64) as u64)
    }

    fn total_num_docs(&self) -> Result<u64, TantivyError> {
        Ok(self.count)
    }

    fn doc_freq(&self, term: &Term) -> Result<u64, TantivyError> {
        let both: [Box<dyn Query>; 2] = [Box::new(having(term)), Box::new(having(&self.of_kind))];
        let found = self.searcher.search(&BooleanQuery::intersection(both.into()), &Count)?;
        Ok(found as u64)
    }
}
