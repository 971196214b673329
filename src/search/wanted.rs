//! The words to mark in a text: those that make it a hit. Owns finding them, in time linear in the
//! text, without analyzing words whose first letter cannot match.

use std::collections::VecDeque;
use std::ops::Range;

use super::analyzer::{Forms, Term, Word, composed, words};
use super::parser::Expression;

/// A match in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// In bytes.
    pub(super) range: Range<usize>,
    /// The number of the wanted word or sequence that matches.
    pub(super) number: usize,
}

/// The wanted words of a query.
pub(super) struct Wanted {
    /// Each is a word, or consecutive characters of a script without spaces.
    rows: Vec<Row>,
    beginnings: Vec<String>,
    /// The ASCII characters with which any of them begins.
    first: [bool; 128],
    /// True if any begins with another character.
    others: bool,
}

struct Row {
    terms: Vec<String>,
    /// The failure table of Knuth, Morris and Pratt: the number of terms that still match when the
    /// term after the first n does not.
    fallbacks: Vec<usize>,
}

impl Wanted {
    pub(super) fn of(expression: &Expression) -> Wanted {
        let (mut rows, mut beginnings): (Vec<Row>, Vec<String>) = (Vec::new(), Vec::new());
        for (terms, prefix) in expression.wanted() {
            let text = |term: &Term| composed(&term.text).into_owned();
            if terms.iter().all(|term| term.beginning.is_none()) {
                rows.push(Row::new(terms.iter().map(text).collect()));
            } else {
                rows.extend(terms.iter().map(|term| Row::new(vec![text(term)])));
            }
            if prefix {
                beginnings.extend(terms.last().and_then(|last| last.beginning.clone()));
            }
        }
        rows.sort_unstable_by(|one, other| one.terms.cmp(&other.terms));
        rows.dedup_by(|one, other| one.terms == other.terms);
        let (mut first, mut others) = ([false; 128], false);
        for term in rows.iter().map(|row| &row.terms[0]).chain(&beginnings) {
            // The words of `.net` and `net` begin at the same place.
            match term.strip_prefix('.').unwrap_or(term).bytes().next() {
                Some(byte) if byte.is_ascii() => first[usize::from(byte)] = true,
                _ => others = true,
            }
        }
        Wanted { rows, beginnings, first, others }
    }

    /// The number of different words, sequences and beginnings.
    pub(super) fn count(&self) -> usize {
        self.rows.len() + self.beginnings.len()
    }

    /// Calls `found` with each match, in order, until it returns false.
    pub(super) fn search(&self, text: &str, mut found: impl FnMut(Match) -> bool) {
        let longest = self.rows.iter().map(|row| row.terms.len()).max().unwrap_or(0);
        let mut matched = vec![0; self.rows.len()];
        let mut starts = VecDeque::with_capacity(longest);
        let mut forms = Forms::default();
        for word in words(text) {
            if starts.len() == longest {
                starts.pop_front();
            }
            starts.push_back(word.from);
            if !self.may_match(text, &word) {
                matched.fill(0);
                continue;
            }
            forms.of(text, &word);
            for (number, (row, matched)) in self.rows.iter().zip(&mut matched).enumerate() {
                if !row.step(matched, &forms) {
                    continue;
                }
                let range = match row.terms.len() {
                    1 if row.terms[0] == forms.signed => forms.whole.clone(),
                    terms => starts[starts.len() - terms]..word.to,
                };
                if !found(Match { range, number }) {
                    return;
                }
            }
            let begins = |beginning: &String| {
                [&forms.plain, &forms.stem, &forms.signed]
                    .into_iter()
                    .find(|form| !form.is_empty())
                    .is_some_and(|form| form.starts_with(beginning.as_str()))
                    || forms.signed.starts_with(beginning.as_str())
            };
            if let Some(at) = self.beginnings.iter().position(begins)
                && !found(Match { range: word.from..word.to, number: self.rows.len() + at })
            {
                return;
            }
        }
    }

    /// True if a word is worth analyzing: neither stemming nor folding changes an ASCII first
    /// letter.
    fn may_match(&self, text: &str, word: &Word) -> bool {
        match text.as_bytes().get(word.from) {
            Some(byte) if byte.is_ascii() => self.first[usize::from(byte.to_ascii_lowercase())],
            _ => self.others || !word.alone,
        }
    }
}

impl Row {
    fn new(terms: Vec<String>) -> Row {
        let mut fallbacks = vec![0; terms.len() + 1];
        let mut matched = 0;
        for at in 1..terms.len() {
            while matched > 0 && terms[at] != terms[matched] {
                matched = fallbacks[matched];
            }
            matched += usize::from(terms[at] == terms[matched]);
            fallbacks[at + 1] = matched;
        }
        Row { terms, fallbacks }
    }

    /// Advances by one word; true if the row is complete.
    fn step(&self, matched: &mut usize, forms: &Forms) -> bool {
        let is = |term: &String| !term.is_empty() && (*term == forms.stem || *term == forms.signed);
        while *matched > 0 && !is(&self.terms[*matched]) {
            *matched = self.fallbacks[*matched];
        }
        *matched += usize::from(is(&self.terms[*matched]));
        let ends = *matched == self.terms.len();
        if ends {
            *matched = self.fallbacks[*matched];
        }
        ends
    }
}
