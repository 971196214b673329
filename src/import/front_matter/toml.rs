//! Turns TOML into nodes: numbers and dates keep the spelling of the file. Pure.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{Field, Fields, Node};
use super::{Invalid, MAX_DEPTH};

/// Reads a document. Lines are numbered from 1.
pub(super) fn parse(text: &str) -> Result<Fields, Invalid> {
    let source = Source::new(text);
    let table = DeTable::parse(text).map_err(|error| Invalid {
        line: source.line(error.span().unwrap_or_default().start),
        why: error.message().to_owned(),
    })?;
    source.fields(table.get_ref(), 0)
}

struct Source<'a> {
    text: &'a str,
    /// The positions of its line breaks.
    breaks: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Source<'a> {
        Source { text, breaks: text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    fn line(&self, at: usize) -> usize {
        self.breaks.partition_point(|end| *end < at) + 1
    }

    fn fields(&self, table: &DeTable<'_>, depth: usize) -> Result<Fields, Invalid> {
        let fields = table.iter().map(|(key, value)| {
            let line = self.line(key.span().start);
            Ok(Field { key: key.get_ref().to_string(), line, value: self.node(value, depth + 1)? })
        });
        fields.collect::<Result<_, _>>().map(Fields)
    }

    fn node(&self, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Invalid> {
        let span: Range<usize> = value.span();
        if depth > MAX_DEPTH {
            let why = "it is nested too deep".to_owned();
            return Err(Invalid { line: self.line(span.start), why });
        }
        Ok(match value.get_ref() {
            DeValue::String(text) => Node::Text(text.clone().into_owned()),
            DeValue::Array(values) => {
                let values = values.iter().map(|value| self.node(value, depth + 1));
                Node::List(values.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => Node::Map(self.fields(table, depth)?),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {
                Node::Text(self.text.get(span).unwrap_or_default().to_owned())
            }
        })
    }
}
