//! A user's query as Tantivy's: which fields are searched, and which weigh more.

use tantivy::Term;
use tantivy::query::{
    BooleanQuery, BoostQuery, ConstScoreQuery, Occur, PhraseQuery, Query as Plan, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::index::{Fields, number};
use super::query::{Expression, Query, Scope};

/// How much more a word counts in a title, and in a tag, than in a text.
const TITLE_BOOST: f32 = 3.0;
const TAGS_BOOST: f32 = 2.0;

/// The plan of a whole query. No larger than the query itself, which is bounded.
pub(super) fn plan(query: &Query, fields: &Fields) -> BooleanQuery {
    let mut clauses = vec![(Occur::Must, expression(&query.expression, fields))];
    if let Some(kind) = query.kind {
        let term = Term::from_field_u64(fields.kind, number(kind));
        let of_kind = TermQuery::new(term, IndexRecordOption::Basic);
        clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(Box::new(of_kind), 0.0))));
    }
    BooleanQuery::new(clauses)
}

fn expression(part: &Expression, fields: &Fields) -> Box<dyn Plan> {
    let each = |parts: &[Expression], occur: Occur| -> Vec<(Occur, Box<dyn Plan>)> {
        parts.iter().map(|part| (occur, expression(part, fields))).collect()
    };
    match part {
        Expression::Words { scope, terms } => words(*scope, terms, fields),
        Expression::Any(choices) => Box::new(BooleanQuery::new(each(choices, Occur::Should))),
        Expression::All { wanted, unwanted } => {
            let mut clauses = each(wanted, Occur::Must);
            clauses.extend(each(unwanted, Occur::MustNot));
            Box::new(BooleanQuery::new(clauses))
        }
    }
}

fn words(scope: Scope, terms: &[(usize, String)], fields: &Fields) -> Box<dyn Plan> {
    let boosted = |field, boost| -> Box<dyn Plan> {
        Box::new(BoostQuery::new(in_field(field, terms), boost))
    };
    match scope {
        Scope::Title => in_field(fields.title, terms),
        Scope::Body => in_field(fields.body, terms),
        Scope::Tags => in_field(fields.tags, terms),
        Scope::Author => in_field(fields.author, terms),
        Scope::Everywhere => Box::new(BooleanQuery::union(vec![
            boosted(fields.title, TITLE_BOOST),
            boosted(fields.tags, TAGS_BOOST),
            in_field(fields.body, terms),
            in_field(fields.author, terms),
        ])),
    }
}

/// One word, or several that stand as far apart as in the query.
fn in_field(field: Field, terms: &[(usize, String)]) -> Box<dyn Plan> {
    match terms {
        [(_, only)] => Box::new(TermQuery::new(
            Term::from_field_text(field, only),
            IndexRecordOption::WithFreqs,
        )),
        _ => {
            let places =
                terms.iter().map(|(place, term)| (*place, Term::from_field_text(field, term)));
            Box::new(PhraseQuery::new_with_offset(places.collect()))
        }
    }
}
