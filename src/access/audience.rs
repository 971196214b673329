//! Whom an event is for. An event keeps its audience as of when it was written: what a post was as a
//! draft stays its author's after it is published.

use std::fmt;

use super::{CommentFacts, CommentState, PostFacts, Status, Viewer, sees, sees_comment};

/// Whom an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone.
    Public,
    /// Everyone with an account.
    Accounts,
    /// The author of a draft, if it has one, and the admins.
    Draft(Option<i64>),
    /// The same for a post that was public until then; the others learn that it is gone.
    Withdrawn(Option<i64>),
    /// Of a comment that does not show: its author, the post's author, and the admins.
    Held(Option<i64>, Option<i64>),
    /// The same for a comment that was visible until then; the others learn that it is gone.
    Withheld(Option<i64>, Option<i64>),
}

/// What a viewer sees of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All of it.
    Whole,
    /// That what it is about is gone.
    Gone,
    /// Nothing.
    Nothing,
}

impl Audience {
    /// The audience of what is told of a post.
    pub fn of(post: PostFacts) -> Audience {
        match post.status.is_public() {
            false => Audience::Draft(post.author),
            true => Audience::Public,
        }
    }

    /// The audience of what is told of a comment.
    pub fn of_comment(comment: CommentFacts) -> Audience {
        match comment.state {
            CommentState::Held | CommentState::Hidden if comment.post.status.is_public() => {
                Audience::Held(comment.author, comment.post.author)
            }
            // What those who see the draft may see of it is not told apart.
            _ => Audience::of(comment.post),
        }
    }

    /// The audience of what is told of a change of a comment's state: those who do not see it any
    /// more learn that it is gone.
    pub fn of_state(before: CommentState, after: CommentFacts) -> Audience {
        match Audience::of_comment(after) {
            Audience::Held(author, of_post) if before == CommentState::Visible => {
                Audience::Withheld(author, of_post)
            }
            audience => audience,
        }
    }

    /// The audience that the log has written down. What it does not know is for the fewest.
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

    /// What a viewer sees of an event for this audience.
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
