//! JSON responses that are neither a row nor a list of rows. The API's description derives its
//! schemas from these types.

use chrono::{DateTime, NaiveDateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::models::sign_in::{BearerToken, SignIn};
use crate::models::user::User;
use crate::models::{Time, rfc3339};
use crate::pubsub::{Channel, Payload};
use crate::search::Hit;

/// The response to a sign-in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignedIn {
    /// The account.
    pub user: User,
}

/// The browsers that an account is signed in with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sessions {
    /// The sign-ins, newest first.
    pub sessions: Vec<SignIn>,
}

/// The bearer tokens of an account.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tokens {
    /// The tokens, newest first, without their secrets.
    pub tokens: Vec<BearerToken>,
}

/// A bearer token with its secret, which is shown once.
#[derive(Serialize, JsonSchema)]
pub struct NewToken {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The secret for `Authorization: Bearer`.
    pub token: String,
}

/// A page of hits.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Found {
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// The number of hits on all pages.
    pub total: usize,
    /// The cursor of the next page; `null` on the last one.
    pub next: Option<String>,
}

/// A part of the log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Events {
    /// The events, in log order.
    pub events: Vec<Event>,
    /// The position to continue from, even if a filter matched no event.
    pub last_event_id: i64,
}

/// An event of the log.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Event {
    /// Its position: 1, 2, 3 … without gaps, in commit order.
    pub id: i64,
    /// Its channel.
    #[schemars(with = "String")]
    pub channel: Channel,
    /// Its topic, such as `post_created`.
    pub event: String,
    /// Its payload: the row, or `{"id":N,"redacted":true}` once the row was deleted or withdrawn.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub data: Payload,
    /// The time of the commit.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub inserted_at: NaiveDateTime,
}

impl Event {
    /// Converts an event of the feed.
    pub fn of(event: &kilonova_feed::Event) -> Event {
        let written = event.inserted_at().map(|at| DateTime::<Utc>::from(at).naive_utc());
        Event {
            id: event.position(),
            channel: event.channel().clone(),
            event: event.topic().to_owned(),
            data: event.payload().clone(),
            inserted_at: written.unwrap_or_default(),
        }
    }
}

/// The process groups.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Channels {
    /// The node that responds.
    pub node: String,
    /// All nodes, each once.
    pub nodes: Vec<String>,
    /// The channels that have members, sorted by name.
    pub channels: Vec<Members>,
}

/// The members of a channel.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Members {
    /// The channel's name.
    #[schemars(with = "String")]
    pub channel: Channel,
    /// The number of members on all nodes.
    pub members: usize,
    /// The number of members on this node.
    pub local_members: usize,
}

/// An uploaded picture.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Uploaded {
    /// Its path, for use in Markdown.
    pub url: String,
    /// Its width in pixels.
    pub width: Option<i32>,
    /// Its height in pixels.
    pub height: Option<i32>,
}
