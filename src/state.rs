//! The state shared by all controllers: the long-lived parts that `app` starts.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use actix_web::web::Data;
use kilonova_feed::ConnectionCount;

use crate::accounts::Accounts;
use crate::bodies::Bodies;
use crate::config::Config;
use crate::db::Db;
use crate::description::Description;
use crate::limits::Limits;
use crate::models::post::TagCache;
use crate::models::site_key::Key;
use crate::peers::Peers;
use crate::presence::Presence;
use crate::reach::Address;
use crate::renderings::Renderings;
use crate::responses::Responses;
use crate::search::Search;
use crate::site_log::{Feed, Shapes};
use crate::traffic::Traffic;
use crate::views::pages::Reference;

/// The long-lived parts that controllers use.
pub struct State {
    /// The validated flags.
    pub config: Config,
    /// The base address of the site.
    pub address: Address,
    /// The key from which the ids of feeds and their entries are derived.
    pub feeds_key: Key,
    /// The documents that describe the API.
    pub description: Description,
    /// The API description as shown on its page.
    pub reference: Arc<Reference>,
    /// The database.
    pub db: Db,
    /// The feed, its sockets, and the process groups under it.
    pub feed: Feed,
    /// The readers of each post.
    pub presence: Presence,
    /// The frame formats of the live endpoints.
    pub shapes: Shapes,
    /// Passwords, and the limits on guessing them.
    pub accounts: Accounts,
    /// The rate limits per client.
    pub limits: Data<Limits>,
    /// The memory for large responses.
    pub responses: Data<Responses>,
    /// The memory for the bodies of requests.
    pub bodies: Bodies,
    /// The limits on rendering pages.
    pub renderings: Renderings,
    /// The tags in use.
    pub tags: TagCache,
    /// The search index.
    pub search: Search,
    /// Counts of the requests so far.
    pub traffic: Arc<Traffic>,
    /// The log positions of the other nodes.
    pub peers: Arc<Peers>,
    /// The count of open connections, once the site listens.
    pub connections: OnceLock<ConnectionCount>,
    /// When the node started.
    pub started: Started,
    /// Whether the node is draining: it reports that it is not ready, but keeps serving.
    pub draining: AtomicBool,
}

/// A moment by the system clock and the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// The wall-clock time.
    pub at: SystemTime,
    /// The monotonic time, for measuring durations.
    pub since: Instant,
}

impl Started {
    /// Returns the current moment.
    pub fn now() -> Started {
        Started { at: SystemTime::now(), since: Instant::now() }
    }
}
