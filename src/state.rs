//! The state of every controller: the long-lived parts that `app` has started.

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::db::Db;
use crate::live::Live;
use crate::search::Search;

/// The long-lived parts that controllers use.
pub struct State {
    /// The flags, checked.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The process groups, replays and sockets.
    pub live: Arc<Live>,
    /// Passwords, and the limits on guessing them.
    pub accounts: Accounts,
    /// The search index.
    pub search: Search,
}
