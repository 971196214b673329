//! The words that decide: an account's role, and a post's status.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user's role on the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Writes comments.
    Commenter,
    /// Writes posts and notes, too.
    Member,
    /// Runs the site: may change everything.
    Admin,
}

impl Role {
    /// All of them, from the least on.
    pub const ALL: [Role; 3] = [Role::Commenter, Role::Member, Role::Admin];

    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Commenter => "commenter",
            Role::Member => "member",
            Role::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// The role that a row has. The table's CHECK lets no other word in; a commenter may do least.
    pub(crate) fn of(column: &str) -> Role {
        Role::parse(column).unwrap_or(Role::Commenter)
    }
}

/// Whether and to whom a post shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not yet for readers.
    Draft,
    /// Not yet for readers; the site publishes it when it is due.
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

    /// The status of that name.
    pub fn parse(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The status that a row has. The table's CHECK lets no other word in; a draft shows least.
    pub(crate) fn of(column: &str) -> Status {
        Status::parse(column).unwrap_or(Status::Draft)
    }

    /// Whether everyone may read a post of this status.
    pub fn is_public(self) -> bool {
        match self {
            Status::Draft | Status::Scheduled => false,
            Status::Published | Status::Archived => true,
        }
    }
}

/// Whether and to whom a comment shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommentState {
    /// Waits for approval.
    Held,
    /// Everyone who sees the post sees it.
    Visible,
    /// Taken away by a moderator.
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

    /// The state of that name.
    pub fn parse(word: &str) -> Option<CommentState> {
        CommentState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The state that a row has. The table's CHECK lets no other word in; a held one shows least.
    pub(crate) fn of(column: &str) -> CommentState {
        CommentState::parse(column).unwrap_or(CommentState::Held)
    }
}
