//! The index on disk. Owns the schema, the files, the writer and the execution of queries; knows
//! nothing of actors or of the database.
//!
//! Every commit stores the log position that its content reflects, so that content and position
//! change atomically. Drafts and hidden comments are never in the index.

mod best;
mod open;
mod statistics;

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tantivy::collector::Count;
use tantivy::query::TermQuery;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{IndexReader, IndexWriter, Searcher, TantivyDocument, TantivyError, Term};

pub(super) use self::best::Found;
pub use self::best::Place;
use self::best::{Best, kind_number, number};
pub(super) use self::open::{Condition, OpenError};
use self::statistics::Within;
use super::query::{Kind, Query};
use super::{analyzer, plan};
use crate::failpoint;

/// The position up to which an index reflects a log, and the id of that log.
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
    /// A comment's post.
    pub(super) post: Option<i64>,
    /// Empty for a comment.
    pub(super) title: String,
    /// Plain text.
    pub(super) text: String,
    pub(super) author: Option<String>,
    pub(super) tags: Vec<String>,
}

/// The fields of the schema.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    /// Such as `post-12`. Updates and deletions find their document by it.
    pub(super) key: Field,
    pub(super) kind: Field,
    /// Kind and id as one number.
    pub(super) row: Field,
    /// A comment's post.
    pub(super) post: Field,
    pub(super) title: Field,
    pub(super) body: Field,
    pub(super) tags: Field,
    pub(super) author: Field,
}

/// The most changes between two commits: each takes a kilobyte or two of memory until then.
const PENDING: usize = 10_000;

/// An open index and its only writer. The operating system releases its lock with the process.
pub(super) struct Index {
    writer: IndexWriter,
    searchable: Searchable,
    position: Option<LogPosition>,
    /// Changes since the last commit.
    pending: usize,
    /// The posts added (true) or removed (false) since the last commit.
    posts: HashMap<i64, bool>,
    /// False while the index is empty. Deletions are skipped then; the writer would keep them all.
    has_documents: bool,
}

/// The committed part of an index, for searching; cheap to clone.
#[derive(Clone)]
pub(super) struct Searchable {
    reader: IndexReader,
    fields: Fields,
}

impl Index {
    /// Opens the index in `dir` and verifies its checksums; makes an empty one if it is missing,
    /// outdated or damaged.
    pub(super) fn open(dir: &Path) -> Result<(Index, Condition), OpenError> {
        open::open(dir, false)
    }

    /// Replaces the index in `dir` with an empty one.
    pub(super) fn make(dir: &Path) -> Result<Index, OpenError> {
        open::open(dir, true).map(|(index, _)| index)
    }

    /// The position that the committed content reflects; `None` if the index was never completed.
    pub(super) fn position(&self) -> Option<&LogPosition> {
        self.position.as_ref()
    }

    /// A view of the committed content, which follows later commits.
    pub(super) fn searchable(&self) -> &Searchable {
        &self.searchable
    }

    /// True when the uncommitted changes take too much memory and should be committed.
    pub(super) fn is_full(&self) -> bool {
        self.pending >= PENDING
    }

    /// True if the index has this post, committed or not.
    pub(super) fn has_post(&self, id: i64) -> Result<bool, TantivyError> {
        if let Some(known) = self.posts.get(&id) {
            return Ok(*known);
        }
        let key = Term::from_field_text(self.searchable.fields.key, &key_of(Kind::Post, id));
        let query = TermQuery::new(key, IndexRecordOption::Basic);
        Ok(self.searchable.reader.searcher().search(&query, &Count)? > 0)
    }

    /// Adds a document, replacing one with the same kind and id.
    pub(super) fn upsert(&mut self, document: &Document) -> Result<(), TantivyError> {
        self.remove(document.kind, document.id);
        if document.kind == Kind::Post {
            self.posts.insert(document.id, true);
        }
        self.add(document)
    }

    /// Adds a document that is not in the index yet.
    pub(super) fn add(&mut self, document: &Document) -> Result<(), TantivyError> {
        let Fields { key, kind, row, post, title, body, tags, author } = self.searchable.fields;
        let mut new = TantivyDocument::new();
        new.add_text(key, key_of(document.kind, document.id));
        new.add_u64(kind, kind_number(document.kind));
        new.add_u64(row, number(document.kind, document.id));
        if let Some(id) = document.post {
            new.add_i64(post, id);
        }
        let mut add = |field, text: &str| new.add_text(field, analyzer::composed(text));
        add(title, &document.title);
        add(body, &document.text);
        if let Some(name) = &document.author {
            add(author, name);
        }
        for tag in &document.tags {
            add(tags, tag);
        }
        (self.pending, self.has_documents) = (self.pending + 1, true);
        self.writer.add_document(new).map(drop)
    }

    /// Removes a document, if it exists; a post together with its comments.
    pub(super) fn delete(&mut self, kind: Kind, id: i64) {
        self.remove(kind, id);
        if kind == Kind::Post && self.has_documents {
            self.posts.insert(id, false);
            self.writer.delete_term(Term::from_field_i64(self.searchable.fields.post, id));
        }
    }

    fn remove(&mut self, kind: Kind, id: i64) {
        if !self.has_documents {
            return;
        }
        self.pending += 1;
        self.writer
            .delete_term(Term::from_field_text(self.searchable.fields.key, &key_of(kind, id)));
    }

    /// Removes all documents. Queries still find the committed ones until the next commit.
    pub(super) fn clear(&mut self) {
        // Not `delete_all_documents`: it may remove the last commit's files before the next commit.
        for kind in Kind::ALL {
            self.writer.delete_term(of_kind(kind, &self.searchable.fields));
        }
        self.posts.clear();
    }

    /// Makes the changes durable and searchable, and records that they reflect this position.
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
        self.posts.clear();
        self.has_documents = self.searchable.has_documents();
        Ok(())
    }
}

impl Searchable {
    fn has_documents(&self) -> bool {
        !self.reader.searcher().segment_readers().is_empty()
    }

    /// The content committed now, for several queries that must see the same state.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { searcher: self.reader.searcher(), fields: self.fields }
    }

    #[cfg(test)]
    pub(super) fn search(&self, query: &Query, limit: usize) -> Result<Found, TantivyError> {
        self.snapshot().search(query, limit)
    }
}

/// The committed part of an index at one time; cheap to clone.
#[derive(Clone)]
pub(super) struct Snapshot {
    searcher: Searcher,
    fields: Fields,
}

impl Snapshot {
    /// The best `limit` hits after the query's place, and the number of all hits. Blocks.
    pub(super) fn search(&self, query: &Query, limit: usize) -> Result<Found, TantivyError> {
        let searcher = &self.searcher;
        let Some(plan) = plan::plan(query, &self.fields, searcher)? else {
            return Ok(Found::default());
        };
        let best = Best { limit, after: query.after, field: ROW };
        if query.kinds.len() == Kind::ALL.len() {
            return searcher.search(&plan, &best);
        }
        let within = Within::new(searcher, &self.fields, &query.kinds)?;
        searcher.search_with_statistics_provider(&plan, &best, &within)
    }
}

/// The field that identifies a hit's row.
const ROW: &str = "row";

pub(super) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(analyzer::NAME)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let text = TextOptions::default().set_indexing_options(indexing);
    let fields = Fields {
        key: schema.add_text_field("key", STRING),
        kind: schema.add_u64_field("kind", INDEXED),
        row: schema.add_u64_field(ROW, FAST),
        post: schema.add_i64_field("post", INDEXED),
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

/// The term that every document of a kind has.
pub(super) fn of_kind(kind: Kind, fields: &Fields) -> Term {
    Term::from_field_u64(fields.kind, kind_number(kind))
}

#[cfg(test)]
mod tests;
