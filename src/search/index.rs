//! The index on disk. Owns the schema, the files, the writer and what a query means to them;
//! knows nothing of actors or of the database.
//!
//! Every commit carries the position of the log that its content is true as of, so that the two
//! move together. Drafts are never in the index.

mod open;
mod statistics;

use std::path::Path;

use serde::{Deserialize, Serialize};
use tantivy::collector::TopDocs;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{IndexReader, IndexWriter, TantivyDocument, TantivyError, Term};

pub(super) use self::open::{Condition, OpenError};
use self::statistics::Within;
use super::query::{Kind, Query};
use super::{analyzer, plan};
use crate::failpoint;

/// How far an index has come, and in which log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogPosition {
    pub(super) log: String,
    pub(super) position: i64,
}

/// The indexed parts of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) kind: Kind,
    pub(super) id: i64,
    pub(super) title: String,
    /// Plain text.
    pub(super) text: String,
    pub(super) author: Option<String>,
    pub(super) tags: Vec<String>,
}

/// A row that a query found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) id: i64,
    pub(super) score: f32,
}

/// The fields of the schema.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    /// `post-12`: what an update or a deletion goes by.
    pub(super) key: Field,
    pub(super) kind: Field,
    pub(super) id: Field,
    pub(super) title: Field,
    pub(super) body: Field,
    pub(super) tags: Field,
    pub(super) author: Field,
}

/// The most changes between two commits: until then each takes a kilobyte or two of memory.
const PENDING: usize = 10_000;

/// An open index, its only writer. The lock is the operating system's and ends with the process.
pub(super) struct Index {
    writer: IndexWriter,
    searchable: Searchable,
    position: Option<LogPosition>,
    /// Changes since the last commit.
    pending: usize,
    /// Documents may be in it: until there are any, the writer keeps what it is to delete for good.
    has_documents: bool,
}

/// The committed part of an index, for searching; cheap to clone.
#[derive(Clone)]
pub(super) struct Searchable {
    reader: IndexReader,
    fields: Fields,
}

impl Index {
    /// Opens the index in `dir`, checks every byte of it, and makes an empty one where there is
    /// none or only a damaged one.
    pub(super) fn open(dir: &Path) -> Result<(Index, Condition), OpenError> {
        open::open(dir, false)
    }

    /// Makes an empty index in `dir` in place of the one that is there.
    pub(super) fn make(dir: &Path) -> Result<Index, OpenError> {
        open::open(dir, true).map(|(index, _)| index)
    }

    /// The position that the committed content is true as of; `None` if it was never completed.
    pub(super) fn position(&self) -> Option<&LogPosition> {
        self.position.as_ref()
    }

    /// A view of what is committed, which follows later commits.
    pub(super) fn searchable(&self) -> &Searchable {
        &self.searchable
    }

    /// True when what is not committed has taken enough memory.
    pub(super) fn is_full(&self) -> bool {
        self.pending >= PENDING
    }

    /// Puts a document in, in place of an earlier one of its kind and id.
    pub(super) fn upsert(&mut self, document: &Document) -> Result<(), TantivyError> {
        self.delete(document.kind, document.id);
        self.add(document)
    }

    /// Puts a document in that is not there.
    pub(super) fn add(&mut self, document: &Document) -> Result<(), TantivyError> {
        let Fields { key, kind, id, title, body, tags, author } = self.searchable.fields;
        let mut new = TantivyDocument::new();
        new.add_text(key, key_of(document.kind, document.id));
        new.add_u64(kind, number(document.kind));
        new.add_i64(id, document.id);
        new.add_text(title, &document.title);
        new.add_text(body, &document.text);
        if let Some(name) = &document.author {
            new.add_text(author, name);
        }
        for tag in &document.tags {
            new.add_text(tags, tag);
        }
        (self.pending, self.has_documents) = (self.pending + 1, true);
        self.writer.add_document(new).map(drop)
    }

    /// Takes a document out; nothing if it is not there.
    pub(super) fn delete(&mut self, kind: Kind, id: i64) {
        if !self.has_documents {
            return;
        }
        self.pending += 1;
        self.writer
            .delete_term(Term::from_field_text(self.searchable.fields.key, &key_of(kind, id)));
    }

    /// Takes everything out. What is committed can be found until the next commit.
    pub(super) fn clear(&mut self) {
        // Not `delete_all_documents`: it may remove the files of the last commit before the next.
        for kind in [Kind::Post, Kind::Note] {
            self.writer
                .delete_term(Term::from_field_u64(self.searchable.fields.kind, number(kind)));
        }
    }

    /// Makes what was changed durable and findable, true as of this position.
    pub(super) fn commit(&mut self, position: &LogPosition) -> Result<(), TantivyError> {
        let payload = serde_json::to_string(position)
            .map_err(|error| TantivyError::InternalError(error.to_string()))?;
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        failpoint::reach(failpoint::INDEX_COMMITTED);
        self.searchable.reader.reload()?;
        self.position = Some(position.clone());
        self.pending = 0;
        self.has_documents = self.searchable.has_documents();
        Ok(())
    }
}

impl Searchable {
    fn has_documents(&self) -> bool {
        !self.reader.searcher().segment_readers().is_empty()
    }

    /// The best `count` hits, best first. Blocks.
    pub(super) fn search(&self, query: &Query, count: usize) -> Result<Vec<Found>, TantivyError> {
        let searcher = self.reader.searcher();
        let (plan, best) = (plan::plan(query, &self.fields), TopDocs::with_limit(count));
        let best = best.order_by_score();
        let top = match query.kind() {
            None => searcher.search(&plan, &best)?,
            Some(kind) => {
                let within = Within::new(&searcher, &self.fields, kind)?;
                searcher.search_with_statistics_provider(&plan, &best, &within)?
            }
        };
        let found = top.into_iter().map(|(score, address)| {
            let columns = searcher.segment_reader(address.segment_ord).fast_fields();
            let kind = columns.u64("kind")?.first(address.doc_id);
            let id = columns.i64("id")?.first(address.doc_id);
            Ok(kind.and_then(kind_of).zip(id).map(|(kind, id)| Found { kind, id, score }))
        });
        found.filter_map(Result::transpose).collect()
    }
}

pub(super) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(analyzer::NAME)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let text = TextOptions::default().set_indexing_options(indexing);
    let fields = Fields {
        key: schema.add_text_field("key", STRING),
        kind: schema.add_u64_field("kind", INDEXED | FAST),
        id: schema.add_i64_field("id", FAST),
        title: schema.add_text_field("title", text.clone()),
        body: schema.add_text_field("body", text.clone()),
        tags: schema.add_text_field("tags", text.clone()),
        author: schema.add_text_field("author", text),
    };
    (schema.build(), fields)
}

fn key_of(kind: Kind, id: i64) -> String {
    format!("{}-{id}", kind.as_str())
}

pub(super) fn number(kind: Kind) -> u64 {
    match kind {
        Kind::Post => 0,
        Kind::Note => 1,
    }
}

fn kind_of(number_in_index: u64) -> Option<Kind> {
    [Kind::Post, Kind::Note].into_iter().find(|kind| number(*kind) == number_in_index)
}

#[cfg(test)]
mod tests;
