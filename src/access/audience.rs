//! Whom an event is for. An event keeps its audience as of when it was written: what a post was as a
//! draft stays its author's after it is published.

use std::fmt;

use super::{PostFacts, Status, Viewer, sees};

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
    /// The audience of what is told of a post, and of its comments.
    pub fn of(post: PostFacts) -> Audience {
        match post.status {
            Status::Draft => Audience::Draft(post.author),
            Status::Published | Status::Archived => Audience::Public,
        }
    }

    /// The audience that the log has written down. What it does not know is for the fewest.
    pub fn parse(text: &str) -> Audience {
        let (kind, account) = match text.split_once(':') {
            Some((kind, account)) => (kind, account.parse().ok()),
            None => (text, None),
        };
        match kind {
            "public" => Audience::Public,
            "account" => Audience::Accounts,
            "withdrawn" => Audience::Withdrawn(account),
            "draft" => Audience::Draft(account),
            _ => Audience::Draft(None),
        }
    }

    /// What a viewer sees of an event for this audience.
    pub fn seen_by(self, viewer: Viewer) -> Seen {
        let draft = |author| sees(viewer, PostFacts { author, status: Status::Draft });
        match self {
            Audience::Public => Seen::Whole,
            Audience::Accounts if viewer == Viewer::Nobody => Seen::Nothing,
            Audience::Accounts => Seen::Whole,
            Audience::Draft(author) | Audience::Withdrawn(author) if draft(author) => Seen::Whole,
            Audience::Draft(_) => Seen::Nothing,
            Audience::Withdrawn(_) => Seen::Gone,
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, account) = match self {
            Audience::Public => ("public", None),
            Audience::Accounts => ("account", None),
            Audience::Draft(author) => ("draft", *author),
            Audience::Withdrawn(author) => ("withdrawn", *author),
        };
        match account {
            Some(account) => write!(f, "{kind}:{account}"),
            None => f.write_str(kind),
        }
    }
}
