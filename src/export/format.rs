//! The format of an export: the names of its files, their front matter and their lines. `import`
//! reads the same format, and [docs/export.md](../../../docs/export.md) describes it.

use std::fmt;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use toml::value::Datetime;

use crate::access::{CommentState, Status};

/// The version of the format. An import refuses other versions.
pub const FORMAT: u32 = 1;

/// The file that marks a folder as an export.
pub const MARK: &str = "kilonova.toml";

/// The folder of posts.
pub const POSTS: &str = "posts";

/// The folder of notes.
pub const NOTES: &str = "notes";

/// The folder of uploads.
pub const UPLOADS: &str = "uploads";

/// The file of comments, one per line, by id.
pub const COMMENTS: &str = "comments.jsonl";

/// The file of the uploads' metadata, one upload per line, by name.
pub const UPLOAD_LINES: &str = "uploads.jsonl";

/// The line above and below front matter.
pub const FENCE: &str = "+++";

/// The most bytes of front matter and of a line. The number of old addresses is unlimited.
pub const MAX_HEAD: usize = 4 * 1024 * 1024;

/// The most bytes of a slug in a file's name.
const SLUG: usize = 120;

/// The numbers of things in an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Posts.
    pub posts: u64,
    /// Comments.
    pub comments: u64,
    /// Notes.
    pub notes: u64,
    /// Uploads.
    pub uploads: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { posts, comments, notes, uploads } = self;
        write!(f, "{posts} post(s), {comments} comment(s), {notes} note(s), {uploads} upload(s)")
    }
}

/// `kilonova.toml`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Mark {
    /// [`FORMAT`].
    pub format: u32,
    /// The numbers of things in the export.
    #[serde(flatten)]
    pub counts: Counts,
}

/// The front matter of a post.
#[derive(Clone, Debug, Serialize)]
pub struct PostHead<'a> {
    pub(super) id: i64,
    pub(super) title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slug: Option<&'a str>,
    pub(super) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) tags: &'a [String],
    pub(super) inserted_at: Datetime,
    pub(super) updated_at: Datetime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) published_at: Option<Datetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) publish_at: Option<Datetime>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) comments_locked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) aliases: &'a [String],
}

/// The keys of [`PostHead`].
pub const POST_KEYS: [&str; 14] = [
    "id",
    "title",
    "slug",
    "status",
    "author",
    "account",
    "tags",
    "inserted_at",
    "updated_at",
    "published_at",
    "publish_at",
    "comments_locked",
    "source",
    "aliases",
];

/// The front matter of a note.
#[derive(Clone, Debug, Serialize)]
pub struct NoteHead<'a> {
    pub(super) id: i64,
    pub(super) title: &'a str,
    pub(super) author: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<&'a str>,
    pub(super) inserted_at: Datetime,
    pub(super) updated_at: Datetime,
}

/// The keys of [`NoteHead`].
pub const NOTE_KEYS: [&str; 6] = ["id", "title", "author", "account", "inserted_at", "updated_at"];

/// A line of `comments.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct CommentLine<'a> {
    pub(super) id: i64,
    pub(super) post: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<&'a str>,
    #[serde(serialize_with = "crate::models::rfc3339")]
    pub(super) inserted_at: NaiveDateTime,
    pub(super) state: CommentState,
    pub(super) body: &'a str,
}

/// The keys of [`CommentLine`].
pub const COMMENT_KEYS: [&str; 7] =
    ["id", "post", "author", "account", "inserted_at", "state", "body"];

/// A line of `uploads.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct UploadLine<'a> {
    pub(super) file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) aliases: &'a [String],
}

/// The keys of [`UploadLine`].
pub const UPLOAD_KEYS: [&str; 4] = ["file", "name", "account", "aliases"];

/// The name of a post's file. The id identifies the post; the slug is for people.
pub fn post_file(id: i64, slug: Option<&str>) -> String {
    let slug = slug.and_then(|slug| slug.get(..slug.floor_char_boundary(SLUG)));
    match slug.map(|slug| slug.trim_end_matches('.')).filter(|slug| !slug.is_empty()) {
        Some(slug) => format!("{POSTS}/{id}-{slug}.md"),
        None => format!("{POSTS}/{id}.md"),
    }
}

/// The name of a note's file.
pub fn note_file(id: i64) -> String {
    format!("{NOTES}/{id}.md")
}

/// Splits a file into its front matter and its body, byte for byte. `None` if it has no front
/// matter.
pub fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_fence = |line: &str| line.trim_end_matches(['\n', '\r']) == FENCE;
    let (first, rest) = text.split_at(text.find('\n')? + 1);
    if !is_fence(first) {
        return None;
    }
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if is_fence(line) {
            return Some((rest.get(..at)?, rest.get(at + line.len()..)?));
        }
        at += line.len();
        if at > MAX_HEAD {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_split_off_byte_for_byte() {
        for body in ["", "\n", "\r\n \r\n", "+++\n", "\u{feff}x", "a\n+++\nb\n\n", "no end"] {
            assert_eq!(split(&format!("+++\nid = 1\n+++\n{body}")), Some(("id = 1\n", body)));
        }
        for none in ["", "+++", "+++\n", "+++\nid = 1\n", "id = 1\n+++\n", "---\n---\n"] {
            assert_eq!(split(none), None, "{none:?}");
        }
        assert_eq!(split("\u{feff}+++\r\nid = 1\r\n+++\r\nx"), Some(("id = 1\r\n", "x")));
    }

    #[test]
    fn the_name_of_a_file_fits_every_file_system() {
        assert_eq!(post_file(7, Some("a-post")), "posts/7-a-post.md");
        assert_eq!(post_file(7, None), "posts/7.md");
        let long = post_file(i64::MAX, Some(&"日".repeat(200)));
        assert!(long.len() < 200 && long.ends_with("日.md"), "{long}");
    }
}
