//! A post in the frame of another site's page. Owns what its template asks; the frame around the pages
//! of the site, with its ways and controls, is not there.

use askama::Template;

use super::{CommentState, Frame, address, filters, text};
use crate::models::comment::Comment;
use crate::models::post::Post;
use crate::models::{Cursor, Page};

/// `GET /embed/posts/{id}`: a public post with its comments, to be read.
#[derive(Debug, Template)]
#[template(path = "embed.html")]
pub struct Embed {
    /// The page's frame, of a stranger.
    pub frame: Frame,
    /// The post.
    pub post: Post,
    /// Where the list of comments starts; the oldest when not given.
    pub cursor: Option<Cursor>,
    /// The comments.
    pub comments: Page<Comment>,
    /// How many there are.
    pub count: i64,
}

impl Embed {
    /// No comment has controls.
    fn thread(&self) -> Option<&Post> {
        None
    }

    /// The number of its comments.
    fn number(&self) -> String {
        text::comments(self.count)
    }

    /// The address of this page, its comments from a place on.
    fn address(&self, cursor: Option<&Cursor>) -> String {
        let path = format!("/embed/posts/{}", self.post.id);
        address(&path, &[("cursor", cursor.map(ToString::to_string))])
    }
}
