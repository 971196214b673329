//! Imports comments: checks them by the application's rules, writes the new ones, and announces
//! those that are visible.
//!
//! A comment is recognised by its post and its time, and by its id or by its author's name and its
//! text. An existing comment stays as it is, so no import undoes a moderator's decision. The one
//! exception: if it has no account and the import names one that exists, that account becomes its
//! author.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDateTime;
use diesel::QueryResult;
use serde_json::{Map, Value};

use super::ImportError;
use super::report::Note;
use crate::access::CommentState;
use crate::changeset::Errors;
use crate::connection::DbConnection;
use crate::db::Tx;
use crate::events;
use crate::models::comment::{self, NewComment};
use crate::models::ids::Ids;
use crate::models::post;
use crate::models::user::{self, User};

/// Maximum number of comments in one transaction, which bounds how long a server's writes wait.
pub(super) const BATCH: usize = 500;

/// Maximum bytes of comment text in one transaction.
pub(super) const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Maximum number of comments on one post with the same time.
const MOST_AT_ONCE: usize = 1000;

/// A comment to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The name that its author gave. If the account exists, the account's name is used.
    pub author: Option<String>,
    /// The name of the account that wrote it.
    pub account: Option<String>,
    /// Markdown.
    pub body: String,
    /// When it was written; UTC.
    pub inserted_at: NaiveDateTime,
    /// Whether it is visible.
    pub state: CommentState,
    /// The id that it must keep. If something else here was ever given that id, the comment is
    /// deferred.
    pub id: Option<i64>,
    /// The line in the file where it is, if known.
    pub line: Option<usize>,
}

/// The outcome of importing the comments of a post.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// New comments.
    pub(super) created: usize,
    /// Comments that got an account.
    pub(super) updated: usize,
    /// Comments that existed already.
    pub(super) unchanged: usize,
    /// The ids of comments that were not written because they cannot keep their ids.
    pub(super) deferred: Vec<i64>,
    /// Accounts that do not exist here.
    pub(super) missing: BTreeSet<String>,
    /// Comments that were refused, and why.
    pub(super) notes: Vec<Note>,
}

impl Written {
    /// Adds the outcome of further comments.
    pub(super) fn add(&mut self, more: Written) {
        self.created += more.created;
        self.updated += more.updated;
        self.unchanged += more.unchanged;
        self.deferred.extend(more.deferred);
        self.missing.extend(more.missing);
        self.notes.extend(more.notes);
    }
}

/// Takes the next comments, up to the bounds of one transaction.
pub(super) fn part(rest: &mut impl Iterator<Item = Comment>) -> Vec<Comment> {
    let (mut part, mut bytes) = (Vec::new(), 0);
    while part.len() < BATCH
        && bytes < BATCH_BYTES
        && let Some(comment) = rest.next()
    {
        bytes += comment.body.len();
        part.push(comment);
    }
    part
}

/// Writes a part of a post's comments with their events; does nothing if the post is gone.
pub(super) fn write(
    tx: &mut Tx<'_>,
    post_id: i64,
    part: Vec<Comment>,
) -> Result<Written, ImportError> {
    let mut ids = None;
    let written = write_with(tx, post_id, part, &mut ids)?;
    if let Some(ids) = ids {
        ids.close(tx.connection)?;
    }
    Ok(written)
}

/// Like `write`, for several posts in one transaction. The caller closes `ids` at its end.
pub(super) fn write_with(
    tx: &mut Tx<'_>,
    post_id: i64,
    part: Vec<Comment>,
    ids: &mut Option<Ids>,
) -> Result<Written, ImportError> {
    let mut written = Written::default();
    let facts = match post::facts(tx.connection, post_id) {
        Err(diesel::NotFound) => return Ok(written),
        facts => facts?,
    };
    let mut there = There::of(post_id);
    for comment in part {
        let (at, state, id) = (comment.inserted_at, comment.state, comment.id);
        match there.find(tx.connection, comment, &mut written)? {
            Step::Done => {}
            Step::Adopt(comment, user) => {
                let comment = comment::set_author(tx.connection, comment, &user)?;
                if comment.state == CommentState::Visible {
                    tx.announce(events::comment_updated(&comment, facts)?);
                }
                there.replace(comment);
            }
            Step::Create(new) => {
                if let Some(id) = id {
                    let ids = match &mut *ids {
                        Some(ids) => ids,
                        none => none.insert(Ids::of(tx.connection, "comments")?),
                    };
                    if ids.take(id).is_none() {
                        written.deferred.push(id);
                        continue;
                    }
                }
                let comment = comment::insert_as(tx.connection, id, post_id, new, state, at)?;
                if state == CommentState::Visible {
                    tx.announce(events::comment_created(&comment, facts)?);
                    tx.announce(events::new_comment(&comment, facts)?);
                }
                there.add(comment);
                written.created += 1;
            }
        }
    }
    Ok(written)
}

/// The outcome that `write` would have; writes nothing.
pub(super) fn compare(
    connection: &mut DbConnection,
    post_id: i64,
    part: Vec<Comment>,
) -> Result<Written, ImportError> {
    let (mut written, mut there) = (Written::default(), There::of(post_id));
    for comment in part {
        if let Step::Create(_) = there.find(connection, comment, &mut written)? {
            written.created += 1;
        }
    }
    Ok(written)
}

/// The outcome for a post that does not exist yet.
pub(super) fn unwritten(part: Vec<Comment>) -> Written {
    let mut written = Written::default();
    for comment in part {
        match comment.checked(None) {
            Ok(_) => written.created += 1,
            Err(note) => written.notes.push(note),
        }
    }
    written
}

impl Comment {
    /// Checks it by the application's rules.
    fn checked(&self, user: Option<&User>) -> Result<NewComment, Note> {
        let author = self.author.clone().map_or(Value::Null, Value::String);
        let params = Map::from_iter([
            ("author".to_owned(), author),
            ("body".to_owned(), Value::String(self.body.clone())),
        ]);
        NewComment::changeset_by(&params, user).map_err(|errors| self.refused(first(&errors)))
    }

    fn refused(&self, why: String) -> Note {
        Note { line: self.line, ..Note::lost("a comment that cannot be kept", why) }
    }
}

/// The action for a comment.
enum Step {
    /// None: the comment is already counted or refused.
    Done,
    /// The comment exists; this account becomes its author.
    Adopt(comment::Comment, User),
    /// The comment is new.
    Create(NewComment),
}

/// An existing comment.
struct Known {
    comment: comment::Comment,
    /// Whether an imported comment was matched with it.
    matched: bool,
}

/// The existing comments of a post.
struct There {
    post_id: i64,
    users: HashMap<String, Option<User>>,
    /// The comments of the times looked up so far.
    comments: HashMap<NaiveDateTime, Vec<Known>>,
}

impl There {
    fn of(post_id: i64) -> There {
        There { post_id, users: HashMap::new(), comments: HashMap::new() }
    }

    fn find(
        &mut self,
        connection: &mut DbConnection,
        new: Comment,
        written: &mut Written,
    ) -> QueryResult<Step> {
        let user = match &new.account {
            Some(name) => self.user(connection, name)?,
            None => None,
        };
        if user.is_none() {
            written.missing.extend(new.account.clone());
        }
        let checked = match new.checked(user.as_ref()) {
            Ok(checked) => checked,
            Err(note) => {
                written.notes.push(note);
                return Ok(Step::Done);
            }
        };
        if !self.comments.contains_key(&new.inserted_at) {
            let found = comment::at(connection, self.post_id, new.inserted_at, MOST_AT_ONCE)?;
            let found = found.into_iter().map(|comment| Known { comment, matched: false });
            self.comments.insert(new.inserted_at, found.collect());
        }
        let known = self.comments.entry(new.inserted_at).or_default();
        let names = [new.author.as_deref(), user.as_ref().map(|user| &*user.username)];
        let is_it = |known: &Known| {
            let Known { comment, matched } = known;
            !matched && comment.body == new.body && names.contains(&comment.author.as_deref())
        };
        let by_id = known.iter().position(|known| Some(known.comment.id) == new.id);
        if let Some(at) = by_id.or_else(|| known.iter().position(is_it))
            && let Some(known) = known.get_mut(at)
        {
            known.matched = true;
            return Ok(match user.filter(|_| known.comment.user_id.is_none()) {
                Some(user) => {
                    written.updated += 1;
                    Step::Adopt(known.comment.clone(), user)
                }
                None => {
                    written.unchanged += 1;
                    Step::Done
                }
            });
        }
        if known.len() >= MOST_AT_ONCE {
            let why = format!("the post has {MOST_AT_ONCE} comments of the same time");
            written.notes.push(new.refused(why));
            return Ok(Step::Done);
        }
        Ok(Step::Create(checked))
    }

    fn add(&mut self, comment: comment::Comment) {
        let known = self.comments.entry(comment.inserted_at).or_default();
        known.push(Known { comment, matched: true });
    }

    fn replace(&mut self, comment: comment::Comment) {
        let known = self.comments.entry(comment.inserted_at).or_default();
        known.retain(|known| known.comment.id != comment.id);
        known.push(Known { comment, matched: true });
    }

    fn user(&mut self, connection: &mut DbConnection, name: &str) -> QueryResult<Option<User>> {
        if let Some(known) = self.users.get(name) {
            return Ok(known.clone());
        }
        let found = user::named(connection, name)?;
        self.users.insert(name.to_owned(), found.clone());
        Ok(found)
    }
}

/// The first thing wrong with a comment.
fn first(errors: &Errors) -> String {
    let told = |field: &&str| Some(format!("{field} {}", errors.of(field).first()?));
    ["body", "author"].iter().find_map(told).unwrap_or_else(|| errors.to_string())
}
