//! The state of every controller: the long-lived parts that `app` has started.

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
    /// The flags, checked.
    pub config: Config,
    /// Where the site's own addresses begin.
    pub address: Address,
    /// What the ids of feeds and their entries are made with.
    pub feeds_key: Key,
    /// What the site says of its own API.
    pub description: Description,
    /// The same as its page shows it.
    pub reference: Arc<Reference>,
    /// The database.
    pub db: Db,
    /// The feed, its sockets, and the process groups under it.
    pub feed: Feed,
    /// Who reads which post.
    pub presence: Presence,
    /// What the frames of the live endpoints look like.
    pub shapes: Shapes,
    /// Passwords, and the limits on guessing them.
    pub accounts: Accounts,
    /// How much each client may do.
    pub limits: Data<Limits>,
    /// The memory for large responses.
    pub responses: Data<Responses>,
    /// The memory for the bodies of requests.
    pub bodies: Bodies,
    /// Turns at laying out a page.
    pub renderings: Renderings,
    /// The tags in use.
    pub tags: TagCache,
    /// The search index.
    pub search: Search,
    /// The requests so far.
    pub traffic: Arc<Traffic>,
    /// How far the other nodes have come.
    pub peers: Arc<Peers>,
    /// The connections of the site, once it listens.
    pub connections: OnceLock<ConnectionCount>,
    /// When the node started.
    pub started: Started,
    /// The node is about to stop: it is not ready, and serves as before.
    pub draining: AtomicBool,
}

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// By the calendar.
    pub at: SystemTime,
    /// To measure from.
    pub since: Instant,
}

impl Started {
    /// Now.
    pub fn now() -> Started {
        Started { at: SystemTime::now(), since: Instant::now() }
    }
}
