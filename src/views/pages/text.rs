//! A post's text on its page, with its table of contents.

use std::sync::Arc;

use super::{PostAlone, PostBody, PostShow};
use crate::markdown::{self, Container, Heading};
use crate::models::post::Post;

/// The fewest headings for which a text has a table of contents.
const CONTENTS_FROM: usize = 3;

/// A rendered text.
pub(super) struct Text {
    /// HTML that is safe to show.
    pub(super) html: Arc<str>,
    /// Its headings; empty if they are too few for a table of contents.
    pub(super) contents: Vec<Heading>,
}

impl Text {
    fn of(post: &Post, root: &str) -> Text {
        let id = format!("post-{}", post.id);
        let container = Container { id: &id, top: 2, is_page: true, root };
        let html = markdown::render(&post.body, &container);
        let mut contents = markdown::contents(&html);
        if contents.len() < CONTENTS_FROM {
            contents.clear();
        }
        Text { html, contents }
    }
}

impl PostBody {
    /// The post's text.
    pub(super) fn text(&self) -> Text {
        Text::of(&self.post, &self.root)
    }
}

impl PostAlone {
    /// The post's text.
    pub(super) fn text(&self) -> Text {
        Text::of(&self.post, &self.frame.root)
    }
}

impl PostShow {
    /// The post's text.
    pub(super) fn text(&self) -> Text {
        Text::of(&self.post, &self.frame.root)
    }

    /// The number of comments, in words.
    pub(super) fn number(&self) -> String {
        comments(self.count)
    }
}

/// A number of comments, in words.
pub(in crate::views) fn comments(count: i64) -> String {
    match count {
        0 => "No comments".to_owned(),
        1 => "1 comment".to_owned(),
        count => format!("{count} comments"),
    }
}
