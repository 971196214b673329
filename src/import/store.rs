//! Writes entries to the database, with their events.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::comments::{self, Comment};
use super::entry::Entry;
use super::identity::{Folders, Known};
use super::report::Note;
use super::{ImportError, Target};
use crate::connection::DbConnection;
use crate::db::{Db, Tx};
use crate::events;
use crate::models::old_address::{self, Claimed, Target as Led};
use crate::models::post::{self, Post, PostChanges, Status};
use crate::models::upload::{self, NewUpload};
use crate::models::{clock, now};

/// The outcome of importing an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There was no such post; it was created.
    Created,
    /// The post differed and was updated.
    Updated,
    /// The post did not differ; at most its identity was written.
    Unchanged,
    /// The post of this id has the entry's identity but seems to be a different post.
    Taken(i64),
}

/// An entry, and the folders of its identity if it comes from a file.
pub(super) struct New {
    pub(super) entry: Entry,
    pub(super) folders: Option<Folders>,
    /// The addresses that files had on its site, with the digests of the files.
    pub(super) uploads: BTreeMap<String, String>,
}

/// The outcome of importing an entry, with its old addresses.
pub(super) struct Written {
    pub(super) path: PathBuf,
    pub(super) outcome: Outcome,
    /// The post's id, if the post exists.
    pub(super) post: Option<i64>,
    /// The number of old addresses that lead here.
    pub(super) addresses: usize,
    pub(super) notes: Vec<Note>,
}

type Outcomes = Result<Vec<Written>, ImportError>;

/// Stores an upload; an existing one stays.
pub(super) fn keep(db: &Db, new: NewUpload) -> Result<(), ImportError> {
    db.transaction_blocking(move |tx| {
        let at = clock(tx.connection)?;
        if upload::renew(tx.connection, &new.upload.digest, at)?.is_none() {
            upload::insert(tx.connection, new, at)?;
        }
        Ok::<_, ImportError>(())
    })?;
    Ok(())
}

/// Writes a batch with its events in one transaction. If that fails, `known` is left empty.
pub(super) fn write(db: &Db, batch: Vec<New>, known: &mut Known) -> Outcomes {
    let mut own = std::mem::replace(known, Known::none());
    let committed = db.transaction_blocking(move |tx| {
        let one = |new: New| write_one(tx, new, &mut own);
        let outcomes = batch.into_iter().map(one).collect::<Result<Vec<_>, ImportError>>()?;
        Ok::<_, ImportError>((outcomes, own))
    })?;
    let (outcomes, own) = committed.value;
    *known = own;
    Ok(outcomes)
}

/// Writes the comments of a post, in bounded transactions; a dry run only counts them.
pub(super) fn comment(
    target: &mut Target,
    post: Option<i64>,
    comments: Vec<Comment>,
) -> Result<comments::Written, ImportError> {
    let mut all = comments::Written::default();
    let mut rest = comments.into_iter();
    loop {
        let part = comments::part(&mut rest);
        if part.is_empty() {
            return Ok(all);
        }
        all.add(match (&mut *target, post) {
            (Target::Database(db), Some(post)) => {
                db.transaction_blocking(move |tx| comments::write(tx, post, part))?.value
            }
            (Target::DryRun(Some(connection)), Some(post)) => {
                comments::compare(connection, post, part)?
            }
            _ => comments::unwritten(part),
        });
    }
}

/// The outcomes that `write` would have; writes nothing.
pub(super) fn compare(
    connection: &mut DbConnection,
    batch: Vec<New>,
    known: &mut Known,
) -> Outcomes {
    batch
        .into_iter()
        .map(|mut new| {
            let found = known.find(connection, &new.entry, new.folders.as_ref())?;
            let outcome = found.map(|(post, _)| (post.id, decide(&post, &mut new.entry)));
            let unwritten = unwritten(new);
            Ok(match outcome {
                Some((id, outcome)) => Written { outcome, post: Some(id), ..unwritten },
                None => unwritten,
            })
        })
        .collect()
}

/// The outcome of importing an entry into an empty database.
pub(super) fn unwritten(new: New) -> Written {
    let New { entry, uploads, .. } = new;
    let (mut addresses, mut notes) = (0, Vec::new());
    let all = entry.addresses.iter().chain(uploads.keys());
    for address in all {
        let claimed = old_address::own(address).err().unwrap_or(Claimed::Yes);
        tell(claimed, address, &mut addresses, &mut notes);
    }
    Written { path: entry.path, outcome: Outcome::Created, post: None, addresses, notes }
}

/// Counts an old address that leads here, and notes any other.
pub(super) fn tell(claimed: Claimed, address: &str, addresses: &mut usize, notes: &mut Vec<Note>) {
    let what = match claimed {
        Claimed::Yes => return *addresses += 1,
        Claimed::Reserved => "an old address that this site itself uses",
        Claimed::Taken => "an old address that leads to something else",
        Claimed::Invalid => "an old address that cannot be kept",
    };
    notes.push(Note::lost(what, address));
}

fn write_one(tx: &mut Tx<'_>, new: New, known: &mut Known) -> Result<Written, ImportError> {
    let (path, old, uploads) =
        (new.entry.path.clone(), new.entry.addresses.clone(), new.uploads.clone());
    let (outcome, post) = write_post(tx, new, known)?;
    let (mut addresses, mut notes) = (0, Vec::new());
    if let Some(id) = post {
        for address in old {
            let claimed = old_address::claim(tx.connection, &address, Led::Post(id))?;
            tell(claimed, &address, &mut addresses, &mut notes);
        }
        for (address, digest) in uploads {
            let target = Led::Upload(&digest);
            let claimed = old_address::claim(tx.connection, &address, target)?;
            // Two pages may show the same picture, each by a different address.
            tell(claimed, &address, &mut addresses, &mut notes);
        }
    }
    Ok(Written { path, outcome, post, addresses, notes })
}

/// Writes the post of an entry; returns its id, unless a different post has the identity.
fn write_post(
    tx: &mut Tx<'_>,
    new: New,
    known: &mut Known,
) -> Result<(Outcome, Option<i64>), ImportError> {
    let New { mut entry, folders, .. } = new;
    let Some((known, is_elsewhere)) = known.find(tx.connection, &entry, folders.as_ref())? else {
        let Entry { post, inserted_at, updated_at, .. } = entry;
        let post = post::insert_dated(tx.connection, post, inserted_at, updated_at)?;
        tx.announce(events::post_created(&post)?);
        return Ok((Outcome::Created, Some(post.id)));
    };
    let (outcome, id) = (decide(&known, &mut entry), known.id);
    if is_elsewhere && !matches!(outcome, Outcome::Taken(_)) {
        post::set_source(tx.connection, known.id, entry.post.source.as_deref())?;
    }
    if outcome == Outcome::Updated {
        let date = entry.dated.then_some(entry.inserted_at);
        // The author's date of the change, or now if the file was changed without a new date.
        let at = if entry.updated_at > known.updated_at { entry.updated_at } else { now() };
        let after = PostChanges::to(entry.post, date).merged(&known);
        let updated = post::update(tx.connection, known, after, None, at)?;
        for event in events::of_update(&updated)? {
            tx.announce(event);
        }
    }
    Ok((outcome, (!matches!(outcome, Outcome::Taken(_))).then_some(id)))
}

/// Compares an entry with the post of its identity.
///
/// Two blogs may both have a `hello.md`. An entry that differs in title and date from a published
/// post is taken for a different post, and the existing post stays as it is.
fn decide(post: &Post, entry: &mut Entry) -> Outcome {
    let new = &mut entry.post;
    // No front matter can say archived, so none can undo it.
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
