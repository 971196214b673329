//! Connects the site's log to the feed: the type of a subscriber, and the visibility of an event to
//! each. `kilonova_feed` owns the feed itself.

use kilonova_feed::{Builder, Event, Log, LogState, Page, Shape, Visibility};
use serde::Serialize;

use crate::access::{Audience, Seen, Viewer};
use crate::db::{self, Db};
use crate::models::log as events;
use crate::pubsub::{Channel, Envelope, Payload};

/// The feed of this site.
pub type Feed = kilonova_feed::Feed<SiteLog>;

/// The frame formats of the live endpoints, in addition to the feed's own.
#[derive(Clone, Copy, Debug)]
pub struct Shapes {
    /// `{"event", "data", "id"}`, with `"origin"` for messages that are not in the log:
    /// notifications.
    pub event: Shape,
    /// The bare payload: comments of a post.
    pub payload: Shape,
    /// HTML, for open pages.
    pub html: Shape,
}

impl Shapes {
    /// Adds the formats to a feed.
    pub fn add_to(
        feed: &mut Builder<SiteLog>,
        html: impl Fn(&Envelope) -> String + Send + Sync + 'static,
    ) -> Shapes {
        Shapes {
            event: feed.shape(event_frame),
            payload: feed.shape(|envelope| envelope.payload().as_json().to_owned()),
            html: feed.slow_shape(html),
        }
    }
}

#[derive(Serialize)]
struct EventFrame<'a> {
    event: &'a str,
    data: &'a Payload,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'static str>,
}

fn event_frame(envelope: &Envelope) -> String {
    let (event, data) = (envelope.topic(), envelope.payload());
    let (id, origin) = (envelope.position(), envelope.sender().origin());
    let frame = EventFrame { event, data, id, origin };
    serde_json::to_string(&frame).unwrap_or_else(|error| {
        // Strings, a number and existing JSON can always be encoded.
        log::error!("cannot encode event {:?}: {error}", envelope.position());
        String::new()
    })
}

/// The log in the site's database.
#[derive(Clone)]
pub struct SiteLog {
    db: Db,
}

impl SiteLog {
    /// Uses the log in this database.
    pub fn new(db: Db) -> SiteLog {
        SiteLog { db }
    }
}

impl Log for SiteLog {
    type Viewer = Viewer;
    type Error = db::Error;

    async fn state(&self) -> Result<LogState, db::Error> {
        self.db.read(|connection| Ok(events::state(connection)?)).await
    }

    async fn after(
        &self,
        position: i64,
        channels: Option<&[Channel]>,
        limit: usize,
    ) -> Result<Page, db::Error> {
        let channels = channels.map(<[Channel]>::to_vec);
        self.db.read(move |c| Ok(events::after(c, position, channels.as_deref(), limit)?)).await
    }

    fn visibility(&self, viewer: &Viewer, event: &Event) -> Visibility {
        visibility(*viewer, event)
    }
}

/// Returns how much of an event a viewer sees, in live delivery, replays and lists.
pub fn visibility(viewer: Viewer, event: &Event) -> Visibility {
    match Audience::parse(event.audience()).seen_by(viewer) {
        Seen::Whole => Visibility::Whole,
        Seen::Nothing => Visibility::Hidden,
        Seen::Gone => gone(event).map_or(Visibility::Hidden, Visibility::Reduced),
    }
}

/// The reduced event for viewers who can no longer see a withdrawn post or comment.
fn gone(event: &Event) -> Option<Event> {
    let subject = event.subject()?;
    let id: serde_json::Value = serde_json::from_str(subject.id()).ok()?;
    let mut payload = serde_json::json!({ "id": id });
    if let Some((kind, parent)) = subject.parent() {
        payload[format!("{kind}_id")] = serde_json::from_str(parent).ok()?;
    }
    let payload = Payload::encode(&payload).ok()?;
    Some(event.with_payload(format!("{}_deleted", subject.kind()), payload))
}
