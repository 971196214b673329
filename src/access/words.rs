//! The values on which access depends: an account's role, a post's status and a comment's state.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user's role on the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Writes comments.
    Commenter,
    /// Writes comments, posts and notes.
    Member,
    /// Runs the site and may change everything.
    Admin,
}

impl Role {
    /// All roles, from the least to the most permitted.
    pub const ALL: [Role; 3] = [Role::Commenter, Role::Member, Role::Admin];

    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Commenter => "commenter",
            Role::Member => "member",
            Role::Admin => "admin",
        }
    }

    /// Parses a role; `None` if there is no such role.
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// The role in a row. The table's CHECK permits no other word, so the fallback is the role that
    /// may do the least.
    pub(crate) fn of(column: &str) -> Role {
        Role::parse(column).unwrap_or(Role::Commenter)
    }
}

/// Whether and to whom a post is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not yet shown to readers.
    Draft,
    /// Not yet shown to readers; the site publishes it when it is due.
    Scheduled,
    /// Listed and readable.
    Published,
    /// Readable, but not listed.
    Archived,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 4] =
        [Status::Draft, Status::Scheduled, Status::Published, Status::Archived];

    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Scheduled => "scheduled",
            Status::Published => "published",
            Status::Archived => "archived",
        }
    }

    /// Parses a status; `None` if there is no such status.
    pub fn parse(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The status in a row. The table's CHECK permits no other word, so the fallback is the status
    /// that shows the least.
    pub(crate) fn of(column: &str) -> Status {
        Status::parse(column).unwrap_or(Status::Draft)
    }

    /// Returns whether everyone may read a post of this status.
    pub fn is_public(self) -> bool {
        match self {
            Status::Draft | Status::Scheduled => false,
            Status::Published | Status::Archived => true,
        }
    }
}

/// Whether and to whom a comment is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommentState {
    /// Waits for approval.
    Held,
    /// Everyone who sees the post sees it.
    Visible,
    /// Hidden by a moderator.
    Hidden,
}

impl CommentState {
    /// All of them.
    pub const ALL: [CommentState; 3] =
        [CommentState::Held, CommentState::Visible, CommentState::Hidden];

    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            CommentState::Held => "held",
            CommentState::Visible => "visible",
            CommentState::Hidden => "hidden",
        }
    }

    /// Parses a state; `None` if there is no such state.
    pub fn parse(word: &str) -> Option<CommentState> {
        CommentState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The state in a row. The table's CHECK permits no other word, so the fallback is the state
    /// that shows the least.
    pub(crate) fn of(column: &str) -> CommentState {
        CommentState::parse(column).unwrap_or(CommentState::Held)
    }
}
