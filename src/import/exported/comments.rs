//! Comments of an export, read from one file in the order of their ids. Each keeps its id if that
//! is free. The others are written in a second pass over the file.

use std::collections::HashSet;
use std::path::Path;

use super::super::comments::{self, Comment, Written};
use super::super::report::Note;
use super::super::{ImportError, Target};
use super::Import;
use super::fields::{self, Given};
use super::lines::Lines;
use crate::access::CommentState;
use crate::changeset::{Errors, Params};
use crate::connection::DbConnection;
use crate::export::format::{COMMENT_KEYS, COMMENTS};

/// A comment, and the id of its post here, if the post has been written.
type On = (Option<i64>, Comment);

/// Imports all comments; returns the number of lines.
pub(super) fn run(import: &mut Import<'_>) -> Result<usize, ImportError> {
    let (count, deferred) = pass(import, None)?;
    if !deferred.is_empty() {
        pass(import, Some(&deferred))?;
    }
    Ok(count)
}

/// Reads the file once: all comments, or only those in `only`, which get new ids.
fn pass(
    import: &mut Import<'_>,
    only: Option<&HashSet<i64>>,
) -> Result<(usize, HashSet<i64>), ImportError> {
    let path = Path::new(COMMENTS);
    let (mut count, mut deferred) = (0, HashSet::new());
    let lines = match Lines::of(&import.folder.join(path)) {
        Ok(lines) => lines,
        Err(note) => {
            import.summary.note(path, vec![note]);
            return Ok((count, deferred));
        }
    };
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for (line, read) in lines {
        import.step()?;
        count += 1;
        let (on, notes) = match read.and_then(|params| parse(import, params, line)) {
            Ok(read) => read,
            Err(note) if only.is_none() => {
                import.summary.note(path, vec![note]);
                continue;
            }
            Err(_) => continue,
        };
        let (post, mut comment) = on;
        match (only, comment.id) {
            (None, _) => import.summary.note(path, notes),
            (Some(only), Some(id)) if only.contains(&id) => comment.id = None,
            (Some(_), _) => continue,
        }
        bytes += comment.body.len();
        batch.push((post, comment));
        if batch.len() >= comments::BATCH || bytes >= comments::BATCH_BYTES {
            write(import, std::mem::take(&mut batch), &mut deferred)?;
            bytes = 0;
        }
    }
    write(import, batch, &mut deferred)?;
    Ok((count, deferred))
}

fn parse(
    import: &mut Import<'_>,
    mut params: Params,
    line: usize,
) -> Result<(On, Vec<Note>), Note> {
    fields::numbers(&mut params, &["id", "post"]);
    let given = Given::of_line(params, line, &COMMENT_KEYS);
    let read = read(&given.params).map_err(|errors| given.refused(&errors))?;
    let (post, id, account, inserted_at, state) = read;
    let text = |key: &str| match given.params.get(key) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Note::lost(format!("{key} is invalid"), "").on(line)),
    };
    let (author, body) = (text("author")?, text("body")?.unwrap_or_default());
    let Some(&post) = import.posts.get(&post) else {
        let what = "a comment on a post that is not imported";
        return Err(Note::lost(what, format!("post {post}")).on(line));
    };
    let body = import.led(body);
    let (id, line) = (Some(id), Some(line));
    let comment = Comment { author, account, body, inserted_at, state, id, line };
    Ok(((post, comment), given.unknown()))
}

type Read = (i64, i64, Option<String>, chrono::NaiveDateTime, CommentState);

fn read(params: &Params) -> Result<Read, Errors> {
    let mut changeset = fields::changeset(params);
    let post = fields::id(&mut changeset, "post");
    let id = fields::id(&mut changeset, "id");
    let account = fields::account(&mut changeset);
    let inserted_at = fields::time(&mut changeset, "inserted_at");
    let state = changeset.required("state", CommentState::parse);
    changeset.finish(|| Some((post?, id?, account, inserted_at?, state?)))
}

fn write(
    import: &mut Import<'_>,
    batch: Vec<On>,
    deferred: &mut HashSet<i64>,
) -> Result<(), ImportError> {
    if batch.is_empty() {
        return Ok(());
    }
    let written = match &mut *import.target {
        Target::Database(db) => db
            .transaction_blocking(move |tx| {
                let (mut all, mut ids) = (Written::default(), None);
                for (post, part) in runs(batch) {
                    // Only a dry run lacks the post.
                    let Some(post) = post else { continue };
                    all.add(comments::write_with(tx, post, part, &mut ids)?);
                }
                if let Some(ids) = ids {
                    ids.close(tx.connection)?;
                }
                Ok::<_, ImportError>(all)
            })
            .map(|committed| committed.value),
        Target::DryRun(connection) => compare(connection.as_mut(), batch),
    };
    let mut written = written.map_err(|error| import.failed(error))?;
    deferred.extend(std::mem::take(&mut written.deferred));
    import.missing(Path::new(COMMENTS), std::mem::take(&mut written.missing));
    import.summary.comments(Path::new(COMMENTS), written);
    Ok(())
}

fn compare(
    mut connection: Option<&mut DbConnection>,
    batch: Vec<On>,
) -> Result<Written, ImportError> {
    let mut all = Written::default();
    for (post, part) in runs(batch) {
        all.add(match (connection.as_mut(), post) {
            (Some(connection), Some(post)) => comments::compare(connection, post, part)?,
            _ => comments::unwritten(part),
        });
    }
    Ok(all)
}

/// Groups consecutive comments on the same post.
fn runs(batch: Vec<On>) -> Vec<(Option<i64>, Vec<Comment>)> {
    let mut runs: Vec<(Option<i64>, Vec<Comment>)> = Vec::new();
    for (post, comment) in batch {
        match runs.last_mut() {
            Some((last, run)) if *last == post => run.push(comment),
            _ => runs.push((post, vec![comment])),
        }
    }
    runs
}
