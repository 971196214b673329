//! Writes entries to the database: decides, writes, announces.

use std::path::PathBuf;

use super::ImportError;
use super::entry::Entry;
use super::identity::{Folders, Known};
use crate::connection::DbConnection;
use crate::db::{Db, Tx};
use crate::events;
use crate::models::now;
use crate::models::post::{self, Post, PostChanges, Status};

/// The outcome of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There was no such post.
    Created,
    /// The post said something else.
    Updated,
    /// The post said the same; nothing but perhaps its identity was written.
    Unchanged,
    /// The post of this id has the entry's identity and seems to be a different one.
    Taken(i64),
}

/// An entry, and the folders that its identity is of.
pub(super) struct New {
    pub(super) entry: Entry,
    pub(super) folders: Folders,
}

type Outcomes = Result<Vec<(PathBuf, Outcome)>, ImportError>;

/// Writes a batch with its events in one transaction. `known` comes back as it was when that
/// failed.
pub(super) fn write(db: &Db, batch: Vec<New>, known: &mut Known) -> Outcomes {
    let mut own = std::mem::replace(known, Known::none());
    let committed = db.transaction_blocking(move |tx| {
        let one = |new: New| Ok((new.entry.path.clone(), write_one(tx, new, &mut own)?));
        let outcomes = batch.into_iter().map(one).collect::<Result<Vec<_>, ImportError>>()?;
        Ok::<_, ImportError>((outcomes, own))
    })?;
    let (outcomes, own) = committed.value;
    *known = own;
    Ok(outcomes)
}

/// The outcomes that `write` would have, without writing.
pub(super) fn compare(
    connection: &mut DbConnection,
    batch: Vec<New>,
    known: &mut Known,
) -> Outcomes {
    batch
        .into_iter()
        .map(|New { mut entry, folders }| {
            let found = known.find(connection, &entry, &folders)?;
            let outcome = found.map_or(Outcome::Created, |(post, _)| decide(&post, &mut entry));
            Ok((entry.path, outcome))
        })
        .collect()
}

fn write_one(tx: &mut Tx<'_>, new: New, known: &mut Known) -> Result<Outcome, ImportError> {
    let New { mut entry, folders } = new;
    let Some((known, is_elsewhere)) = known.find(tx.connection, &entry, &folders)? else {
        let Entry { post, inserted_at, updated_at, .. } = entry;
        let post = post::insert_dated(tx.connection, post, inserted_at, updated_at)?;
        tx.announce(events::post_created(&post)?);
        return Ok(Outcome::Created);
    };
    let outcome = decide(&known, &mut entry);
    if is_elsewhere && !matches!(outcome, Outcome::Taken(_)) {
        post::set_source(tx.connection, known.id, entry.post.source.as_deref())?;
    }
    if outcome == Outcome::Updated {
        let date = entry.dated.then_some(entry.inserted_at);
        // The author's date of the change; now, when a file was changed without saying so.
        let at = if entry.updated_at > known.updated_at { entry.updated_at } else { now() };
        let after = PostChanges::to(entry.post, date).merged(&known);
        let updated = post::update(tx.connection, known, after, at)?;
        for event in events::of_update(&updated)? {
            tx.announce(event);
        }
    }
    Ok(outcome)
}

/// Compares an entry with the post of its identity.
///
/// Two blogs may both have a `hello.md`. One that differs in title and date from a post that is
/// already out is taken for another one, and the post is left alone.
fn decide(post: &Post, entry: &mut Entry) -> Outcome {
    let new = &mut entry.post;
    // No front matter has a word for archived, so none takes it back.
    if post.status == Status::Archived && new.status == Status::Published {
        new.status = Status::Archived;
    }
    let redated = entry.dated && entry.inserted_at != post.inserted_at;
    if redated && new.title != post.title && post.status.is_public() {
        return Outcome::Taken(post.id);
    }
    let same = !redated
        && new.title == post.title
        && new.body == post.body
        && new.status == post.status
        && new.publish_at == post.publish_at
        && new.author == post.author
        && new.tags == post.tags
        && (new.slug.is_none() || new.slug == post.slug);
    if same { Outcome::Unchanged } else { Outcome::Updated }
}
