//! The subject of a feed: the posts that it has, and its paths.

use crate::views::{encoded, pages};

/// The posts that a feed has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All posts.
    Site,
    /// The posts with this tag.
    Tag(String),
    /// The posts of an account.
    Author {
        /// The account's id.
        id: i64,
        /// The account's name.
        username: String,
    },
}

impl Subject {
    /// The path of the feed.
    pub fn path(&self) -> String {
        match self {
            Subject::Site => "/feed.xml".to_owned(),
            Subject::Tag(tag) => of_tag(tag),
            Subject::Author { username, .. } => of_author(username),
        }
    }

    /// The path of the page with the same posts.
    pub(super) fn page(&self) -> String {
        match self {
            Subject::Site => "/".to_owned(),
            Subject::Tag(tag) => pages::of_tag(tag),
            Subject::Author { username, .. } => pages::of_author(username),
        }
    }

    pub(super) fn title(&self, site: &str) -> String {
        match self {
            Subject::Site => site.to_owned(),
            Subject::Tag(tag) => format!("{site}: {tag}"),
            Subject::Author { username, .. } => format!("{site}: posts by {username}"),
        }
    }

    /// The name from which the feed's id is derived.
    pub(super) fn name(&self) -> String {
        match self {
            Subject::Site => "feed".to_owned(),
            Subject::Tag(tag) => format!("tag {tag}"),
            Subject::Author { id, .. } => format!("author {id}"),
        }
    }
}

/// The path of a tag's feed.
pub(in crate::views) fn of_tag(tag: &str) -> String {
    format!("/tags/{}/feed.xml", encoded(tag))
}

/// The path of an account's feed.
pub(in crate::views) fn of_author(username: &str) -> String {
    format!("/authors/{}/feed.xml", encoded(username))
}
