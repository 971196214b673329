//! Reads a site in batches, in one snapshot, and writes each batch before it reads the next.

use chrono::{NaiveDateTime, SecondsFormat};
use serde::Serialize;
use toml::value::Datetime;

use super::ExportError;
use super::folder::Folder;
use super::format::{
    self, COMMENTS, CommentLine, Counts, FENCE, FORMAT, MARK, MAX_HEAD, Mark, NOTES, NoteHead,
    POSTS, PostHead, UPLOAD_LINES, UPLOADS, UploadLine,
};
use crate::connection::DbConnection;
use crate::models::{comment, note, old_address, post, upload, user};

/// The number of rows in a batch, each of at most 1 MiB.
const PART: usize = 16;

/// The number of comments in a batch. They are shorter.
const COMMENT_PART: usize = 128;

type Tell<'a> = &'a dyn Fn() -> Result<(), ExportError>;

/// Writes the whole site to a folder. Calls `tell` after each file and each comment; an error of
/// `tell` ends the export.
pub(super) fn write(
    connection: &mut DbConnection,
    folder: &Folder,
    tell: Tell<'_>,
) -> Result<Counts, ExportError> {
    let counts = Counts {
        posts: posts(connection, folder, tell)?,
        comments: comments(connection, folder, tell)?,
        notes: notes(connection, folder, tell)?,
        uploads: uploads(connection, folder, tell)?,
    };
    let mut file = folder.file(MARK)?;
    file.write(head(&Mark { format: FORMAT, counts }, "the site")?.as_bytes())?;
    file.end()?;
    Ok(counts)
}

fn posts(
    connection: &mut DbConnection,
    folder: &Folder,
    tell: Tell<'_>,
) -> Result<u64, ExportError> {
    folder.folder(POSTS)?;
    let (mut count, mut after) = (0, 0);
    loop {
        let part = post::walk(connection, after, PART)?;
        let Some(last) = part.last() else { return Ok(count) };
        after = last.id;
        let ids: Vec<i64> = part.iter().map(|post| post.id).collect();
        let sources = post::sources(connection, &ids)?;
        let aliases = old_address::of_posts(connection, &ids)?;
        let names = user::names(connection, part.iter().filter_map(|it| it.user_id).collect())?;
        for post in &part {
            let what = format!("post {}", post.id);
            let time =
                |time: Option<NaiveDateTime>| time.map(|time| datetime(time, &what)).transpose();
            let head = PostHead {
                id: post.id,
                title: &post.title,
                slug: post.slug.as_deref(),
                status: post.status,
                author: post.author.as_deref(),
                account: post.user_id.and_then(|id| names.get(&id)).map(String::as_str),
                tags: &post.tags,
                inserted_at: datetime(post.inserted_at, &what)?,
                updated_at: datetime(post.updated_at, &what)?,
                published_at: time(post.published_at)?,
                publish_at: time(post.publish_at)?,
                comments_locked: post.comments_locked,
                source: sources.get(&post.id).map(String::as_str),
                aliases: aliases.get(&post.id).map_or(&[], Vec::as_slice),
            };
            let name = format::post_file(post.id, post.slug.as_deref());
            markdown(folder, &name, &head, &post.body, &what)?;
            count += 1;
            tell()?;
        }
    }
}

fn notes(
    connection: &mut DbConnection,
    folder: &Folder,
    tell: Tell<'_>,
) -> Result<u64, ExportError> {
    folder.folder(NOTES)?;
    let (mut count, mut after) = (0, 0);
    loop {
        let part = note::walk(connection, after, PART)?;
        let Some(last) = part.last() else { return Ok(count) };
        after = last.id;
        let names = user::names(connection, part.iter().filter_map(|it| it.user_id).collect())?;
        for note in &part {
            let what = format!("note {}", note.id);
            let head = NoteHead {
                id: note.id,
                title: &note.title,
                author: &note.author,
                account: note.user_id.and_then(|id| names.get(&id)).map(String::as_str),
                inserted_at: datetime(note.inserted_at, &what)?,
                updated_at: datetime(note.updated_at, &what)?,
            };
            markdown(folder, &format::note_file(note.id), &head, &note.body, &what)?;
            count += 1;
            tell()?;
        }
    }
}

fn comments(
    connection: &mut DbConnection,
    folder: &Folder,
    tell: Tell<'_>,
) -> Result<u64, ExportError> {
    let mut file = folder.file(COMMENTS)?;
    let (mut count, mut after) = (0, 0);
    loop {
        let part = comment::every(connection, after, COMMENT_PART)?;
        let Some(last) = part.last() else { break };
        after = last.id;
        let names = user::names(connection, part.iter().filter_map(|it| it.user_id).collect())?;
        for comment in &part {
            let line = CommentLine {
                id: comment.id,
                post: comment.post_id,
                author: comment.author.as_deref(),
                account: comment.user_id.and_then(|id| names.get(&id)).map(String::as_str),
                inserted_at: comment.inserted_at,
                state: comment.state,
                body: &comment.body,
            };
            file.write(&json(&line, || format!("comment {}", comment.id))?)?;
            count += 1;
            tell()?;
        }
    }
    file.end()?;
    Ok(count)
}

fn uploads(
    connection: &mut DbConnection,
    folder: &Folder,
    tell: Tell<'_>,
) -> Result<u64, ExportError> {
    folder.folder(UPLOADS)?;
    let mut lines = folder.file(UPLOAD_LINES)?;
    let (mut count, mut after) = (0, String::new());
    loop {
        let part = upload::used(connection, &after, PART)?;
        let Some((last, _)) = part.last() else { break };
        after.clone_from(&last.digest);
        let digests: Vec<String> = part.iter().map(|(upload, _)| upload.digest.clone()).collect();
        let aliases = old_address::of_uploads(connection, &digests)?;
        let names = user::names(connection, part.iter().filter_map(|(_, id)| *id).collect())?;
        for (upload, owner) in &part {
            let name = upload.file_name();
            let line = UploadLine {
                file: &name,
                name: upload.name.as_deref(),
                account: owner.and_then(|id| names.get(&id)).map(String::as_str),
                aliases: aliases.get(&upload.digest).map_or(&[], Vec::as_slice),
            };
            lines.write(&json(&line, || format!("upload {name}"))?)?;
            let mut file = folder.file(&format!("{UPLOADS}/{name}"))?;
            for ordinal in 0..upload.slices() {
                file.write(&upload::slice(connection, &upload.digest, ordinal)?)?;
            }
            file.end()?;
            count += 1;
            tell()?;
        }
    }
    lines.end()?;
    Ok(count)
}

fn markdown(
    folder: &Folder,
    name: &str,
    fields: &impl Serialize,
    body: &str,
    what: &str,
) -> Result<(), ExportError> {
    let head = head(fields, what)?;
    let mut file = folder.file(name)?;
    file.write(format!("{FENCE}\n{head}{FENCE}\n").as_bytes())?;
    file.write(body.as_bytes())?;
    file.end()
}

fn head(fields: &impl Serialize, what: &str) -> Result<String, ExportError> {
    let head = toml::to_string(fields);
    let head = head.map_err(|error| ExportError::Unfit(what.to_owned(), error.to_string()))?;
    fits(head.len(), what)?;
    Ok(head)
}

fn json(fields: &impl Serialize, what: impl Fn() -> String) -> Result<Vec<u8>, ExportError> {
    let line = serde_json::to_vec(fields);
    let mut line = line.map_err(|error| ExportError::Unfit(what(), error.to_string()))?;
    fits(line.len(), &what())?;
    line.push(b'\n');
    Ok(line)
}

fn fits(bytes: usize, what: &str) -> Result<(), ExportError> {
    match bytes {
        0..=MAX_HEAD => Ok(()),
        _ => {
            Err(ExportError::Unfit(what.to_owned(), "its old addresses are over 4 MiB".to_owned()))
        }
    }
}

fn datetime(time: NaiveDateTime, what: &str) -> Result<Datetime, ExportError> {
    let text = time.and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let unfit = |_| ExportError::Unfit(what.to_owned(), format!("its time {text} is not valid"));
    text.parse().map_err(unfit)
}
