//! The audience of an event. An event keeps the audience it had when it was written: events of a
//! draft remain private after the post is published.

use std::fmt;

use super::{CommentFacts, CommentState, PostFacts, Status, Viewer, sees, sees_comment};

/// The viewers who may see an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone.
    Public,
    /// Everyone with an account.
    Accounts,
    /// The author of a draft, if it has one, and the admins.
    Draft(Option<i64>),
    /// The same for a post that was public before; other viewers see that it is gone.
    Withdrawn(Option<i64>),
    /// For a comment that is not visible: its author, the post's author, and the admins.
    Held(Option<i64>, Option<i64>),
    /// The same for a comment that was visible before; other viewers see that it is gone.
    Withheld(Option<i64>, Option<i64>),
}

/// How much of an event a viewer sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The whole event.
    Whole,
    /// Only that the event's subject is gone.
    Gone,
    /// Nothing.
    Nothing,
}

impl Audience {
    /// The audience of events about a post.
    pub fn of(post: PostFacts) -> Audience {
        match post.status.is_public() {
            false => Audience::Draft(post.author),
            true => Audience::Public,
        }
    }

    /// The audience of events about a comment.
    pub fn of_comment(comment: CommentFacts) -> Audience {
        match comment.state {
            CommentState::Held | CommentState::Hidden if comment.post.status.is_public() => {
                Audience::Held(comment.author, comment.post.author)
            }
            // Everyone who sees a draft sees events about all of its comments.
            _ => Audience::of(comment.post),
        }
    }

    /// The audience of a change to a comment's state. Viewers who can no longer see the comment see
    /// that it is gone.
    pub fn of_state(before: CommentState, after: CommentFacts) -> Audience {
        match Audience::of_comment(after) {
            Audience::Held(author, of_post) if before == CommentState::Visible => {
                Audience::Withheld(author, of_post)
            }
            audience => audience,
        }
    }

    /// Parses an audience from the log. An unknown audience is the most restricted one.
    pub fn parse(text: &str) -> Audience {
        let mut parts = text.split(':');
        let kind = parts.next().unwrap_or_default();
        let mut account = || parts.next().and_then(|account| account.parse().ok());
        match kind {
            "public" => Audience::Public,
            "account" => Audience::Accounts,
            "withdrawn" => Audience::Withdrawn(account()),
            "draft" => Audience::Draft(account()),
            "held" => Audience::Held(account(), account()),
            "withheld" => Audience::Withheld(account(), account()),
            _ => Audience::Draft(None),
        }
    }

    /// Returns how much of an event for this audience a viewer sees.
    pub fn seen_by(self, viewer: Viewer) -> Seen {
        let draft = |author| sees(viewer, PostFacts { author, status: Status::Draft });
        let held = |author, of_post| {
            let post = PostFacts { author: of_post, status: Status::Published };
            sees_comment(viewer, CommentFacts { author, post, state: CommentState::Held })
        };
        match self {
            Audience::Public => Seen::Whole,
            Audience::Accounts if viewer == Viewer::Nobody => Seen::Nothing,
            Audience::Accounts => Seen::Whole,
            Audience::Draft(author) | Audience::Withdrawn(author) if draft(author) => Seen::Whole,
            Audience::Held(author, of_post) | Audience::Withheld(author, of_post)
                if held(author, of_post) =>
            {
                Seen::Whole
            }
            Audience::Draft(_) | Audience::Held(..) => Seen::Nothing,
            Audience::Withdrawn(_) | Audience::Withheld(..) => Seen::Gone,
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |account: Option<i64>| account.map_or(String::new(), |it| it.to_string());
        match *self {
            Audience::Public => f.write_str("public"),
            Audience::Accounts => f.write_str("account"),
            Audience::Draft(None) => f.write_str("draft"),
            Audience::Draft(Some(author)) => write!(f, "draft:{author}"),
            Audience::Withdrawn(None) => f.write_str("withdrawn"),
            Audience::Withdrawn(Some(author)) => write!(f, "withdrawn:{author}"),
            Audience::Held(author, of_post) => {
                write!(f, "held:{}:{}", or_none(author), or_none(of_post))
            }
            Audience::Withheld(author, of_post) => {
                write!(f, "withheld:{}:{}", or_none(author), or_none(of_post))
            }
        }
    }
}
