//! The state of every controller: the long-lived parts that `app` has started.

use crate::accounts::Accounts;
use crate::config::Config;
use crate::db::Db;
use crate::search::Search;
use crate::site_log::{Feed, Shapes};

/// The long-lived parts that controllers use.
pub struct State {
    /// The flags, checked.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The feed, its sockets, and the process groups under it.
    pub feed: Feed,
    /// What the frames of the live endpoints look like.
    pub shapes: Shapes,
    /// Passwords, and the limits on guessing them.
    pub accounts: Accounts,
    /// The search index.
    pub search: Search,
}
