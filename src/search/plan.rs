//! Translates a user's query into Tantivy's. Owns the fields to search, their weights, and the
//! words that a prefix stands for.

use std::collections::HashMap;

use tantivy::query::{
    BooleanQuery, BoostQuery, ConstScoreQuery, Occur, PhrasePrefixQuery, PhraseQuery,
    Query as Plan, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, TantivyError, Term};

use super::analyzer;
use super::index::{Fields, of_kind};
use super::parser::{Expression, Scope};
use super::query::{Kind, Query};

/// The weights of a word in a title and in a tag, relative to one in a text.
const TITLE_BOOST: f32 = 3.0;
const TAGS_BOOST: f32 = 2.0;
/// The score of a word found by its prefix: lower than any whole word's.
const BEGINNING: f32 = 1e-6;
/// The most words that a prefix stands for in a field: the ones in the most documents.
const COMPLETIONS: usize = 64;
/// The most words, in alphabetical order, among which these are chosen in each segment.
const SCANNED: usize = 4096;
/// The most words that the prefix at the end of a phrase stands for.
const PHRASE_COMPLETIONS: u32 = 50;

/// The plan of a whole query; `None` if it finds nothing. Its size is bounded by the limits on the
/// query and its completions.
pub(super) fn plan(
    query: &Query,
    fields: &Fields,
    searcher: &Searcher,
) -> Result<Option<BooleanQuery>, TantivyError> {
    let Some(wanted) = &query.expression else { return Ok(None) };
    let planner = Planner { fields, searcher };
    let mut clauses = vec![(Occur::Must, planner.expression(wanted)?)];
    if query.kinds.len() < Kind::ALL.len() {
        let kinds = query.kinds.iter().map(|kind| -> Box<dyn Plan> {
            Box::new(TermQuery::new(of_kind(*kind, fields), IndexRecordOption::Basic))
        });
        let kinds = BooleanQuery::union(kinds.collect());
        clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(Box::new(kinds), 0.0))));
    }
    Ok((!query.kinds.is_empty()).then(|| BooleanQuery::new(clauses)))
}

struct Planner<'a> {
    fields: &'a Fields,
    searcher: &'a Searcher,
}

impl Planner<'_> {
    fn expression(&self, part: &Expression) -> Result<Box<dyn Plan>, TantivyError> {
        let each = |parts: &[Expression], occur: Occur| {
            let each = parts.iter().map(|part| Ok((occur, self.expression(part)?)));
            each.collect::<Result<Vec<_>, TantivyError>>()
        };
        Ok(match part {
            Expression::Words { scope, terms, prefix } => self.words(*scope, terms, *prefix)?,
            Expression::Any(choices) => Box::new(BooleanQuery::new(each(choices, Occur::Should)?)),
            Expression::All { wanted, unwanted } => {
                let mut clauses = each(wanted, Occur::Must)?;
                clauses.extend(each(unwanted, Occur::MustNot)?);
                Box::new(BooleanQuery::new(clauses))
            }
        })
    }

    fn words(
        &self,
        scope: Scope,
        terms: &[analyzer::Term],
        prefix: bool,
    ) -> Result<Box<dyn Plan>, TantivyError> {
        let Fields { title, body, tags, author, .. } = *self.fields;
        let fields: &[(Field, f32)] = match scope {
            Scope::Title => &[(title, 1.0)],
            Scope::Body => &[(body, 1.0)],
            Scope::Tags => &[(tags, 1.0)],
            Scope::Author => &[(author, 1.0)],
            Scope::Everywhere => {
                &[(title, TITLE_BOOST), (tags, TAGS_BOOST), (body, 1.0), (author, 1.0)]
            }
        };
        let mut plans: Vec<Box<dyn Plan>> = Vec::new();
        for (field, boost) in fields {
            plans.push(Box::new(BoostQuery::new(whole(*field, terms), *boost)));
            if prefix && let Some(begun) = self.beginning(*field, terms)? {
                plans.push(Box::new(ConstScoreQuery::new(begun, BEGINNING * boost)));
            }
        }
        Ok(Box::new(BooleanQuery::union(plans)))
    }

    /// Consecutive words, the last of which is a prefix; `None` if no word begins with it.
    fn beginning(
        &self,
        field: Field,
        terms: &[analyzer::Term],
    ) -> Result<Option<Box<dyn Plan>>, TantivyError> {
        let Some((last, before)) = terms.split_last() else { return Ok(None) };
        let Some(beginning) = &last.beginning else { return Ok(None) };
        if before.is_empty() {
            let words = self.completions(field, beginning)?;
            return Ok((!words.is_empty()).then(|| Box::new(TermSetQuery::new(words)) as _));
        }
        let mut row = in_a_row(field, before);
        row.push((last.place, Term::from_field_text(field, beginning)));
        let mut phrase = PhrasePrefixQuery::new_with_offset(row);
        phrase.set_max_expansions(PHRASE_COMPLETIONS);
        Ok(Some(Box::new(phrase)))
    }

    /// The words of a field that begin with a prefix.
    fn completions(&self, field: Field, beginning: &str) -> Result<Vec<Term>, TantivyError> {
        let mut counts: HashMap<Vec<u8>, u64> = HashMap::new();
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut words = index.terms().range().ge(beginning).into_stream()?;
            for _ in 0..SCANNED {
                if !words.advance() || !words.key().starts_with(beginning.as_bytes()) {
                    break;
                }
                let count = u64::from(words.value().doc_freq);
                match counts.get_mut(words.key()) {
                    Some(sum) => *sum += count,
                    None => drop(counts.insert(words.key().to_vec(), count)),
                }
            }
        }
        let mut words: Vec<(Vec<u8>, u64)> = counts.into_iter().collect();
        words
            .sort_unstable_by(|(word, count), (other, less)| less.cmp(count).then(word.cmp(other)));
        let words = words.into_iter().take(COMPLETIONS);
        let words = words.filter_map(|(word, _)| String::from_utf8(word).ok());
        Ok(words.map(|word| Term::from_field_text(field, &word)).collect())
    }
}

/// One word, or several at the same distances as in the query.
fn whole(field: Field, terms: &[analyzer::Term]) -> Box<dyn Plan> {
    match terms {
        [only] => Box::new(TermQuery::new(
            Term::from_field_text(field, &only.text),
            IndexRecordOption::WithFreqs,
        )),
        _ => Box::new(PhraseQuery::new_with_offset(in_a_row(field, terms))),
    }
}

fn in_a_row(field: Field, terms: &[analyzer::Term]) -> Vec<(usize, Term)> {
    terms.iter().map(|term| (term.place, Term::from_field_text(field, &term.text))).collect()
}
