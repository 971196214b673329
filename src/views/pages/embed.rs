//! A post embedded in another site's page, without the navigation and controls of this site's
//! pages.

use askama::Template;

use super::{CommentState, Frame, address, filters, text};
use crate::models::comment::Comment;
use crate::models::post::Post;
use crate::models::{Cursor, Page};

/// `GET /embed/posts/{id}`: a public post with its comments, read-only.
#[derive(Debug, Template)]
#[template(path = "embed.html")]
pub struct Embed {
    /// The page's frame, for a reader without an account.
    pub frame: Frame,
    /// The post.
    pub post: Post,
    /// The start of the list of comments; the oldest if `None`.
    pub cursor: Option<Cursor>,
    /// The comments.
    pub comments: Page<Comment>,
    /// The number of all comments.
    pub count: i64,
}

impl Embed {
    /// `None`: comments have no controls here.
    fn thread(&self) -> Option<&Post> {
        None
    }

    /// The number of comments, in words.
    fn number(&self) -> String {
        text::comments(self.count)
    }

    /// The address of this page, with its comments starting at a cursor.
    fn address(&self, cursor: Option<&Cursor>) -> String {
        let path = format!("/embed/posts/{}", self.post.id);
        address(&path, &[("cursor", cursor.map(ToString::to_string))])
    }
}
