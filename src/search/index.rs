//! The index on disk. Owns the schema, the files, the writer and what a query means to them;
//! knows nothing of actors or of the database.
//!
//! Every commit carries the position of the log that its content is true as of, so that the two
//! move together. Drafts and comments that do not show are never in the index.

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
    /// `post-12`: what an update or a deletion goes by.
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

/// The most changes between two commits: until then each takes a kilobyte or two of memory.
const PENDING: usize = 10_000;

/// An open index, its only writer. The lock is the operating system's and ends with the process.
pub(super) struct Index {
    writer: IndexWriter,
    searchable: Searchable,
    position: Option<LogPosition>,
    /// Changes since the last commit.
    pending: usize,
    /// The posts that were put in or taken out since the last commit, and which of it was last.
    posts: HashMap<i64, bool>,
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

    /// Whether a post is in, committed or not.
    pub(super) fn has_post(&self, id: i64) -> Result<bool, TantivyError> {
        if let Some(known) = self.posts.get(&id) {
            return Ok(*known);
        }
        let key = Term::from_field_text(self.searchable.fields.key, &key_of(Kind::Post, id));
        let query = TermQuery::new(key, IndexRecordOption::Basic);
        Ok(self.searchable.reader.searcher().search(&query, &Count)? > 0)
    }

    /// Puts a document in, in place of an earlier one of its kind and id.
    pub(super) fn upsert(&mut self, document: &Document) -> Result<(), TantivyError> {
        self.remove(document.kind, document.id);
        if document.kind == Kind::Post {
            self.posts.insert(document.id, true);
        }
        self.add(document)
    }

    /// Puts a document in that is not there.
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

    /// Takes a document out, a post with its comments; nothing if it is not there.
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

    /// Takes everything out. What is committed can be found until the next commit.
    pub(super) fn clear(&mut self) {
        // Not `delete_all_documents`: it may remove the files of the last commit before the next.
        for kind in Kind::ALL {
            self.writer.delete_term(of_kind(kind, &self.searchable.fields));
        }
        self.posts.clear();
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
        self.posts.clear();
        self.has_documents = self.searchable.has_documents();
        Ok(())
    }
}

impl Searchable {
    fn has_documents(&self) -> bool {
        !self.reader.searcher().segment_readers().is_empty()
    }

    /// What is committed now, for several looks that must agree.
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
    /// The best `limit` hits behind the query's place, and how many there are. Blocks.
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

/// The name of the field that hits are known by.
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

/// The term that all documents of a kind have.
pub(super) fn of_kind(kind: Kind, fields: &Fields) -> Term {
    Term::from_field_u64(fields.kind, kind_number(kind))
}

#[cfg(test)]
mod tests;
