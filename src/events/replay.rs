//! Replays: what a subscriber missed, from memory or from the log, a bounded slice at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::recent::Recent;
use crate::db::{self, Db};
use crate::models::event::{self, Event};
use crate::pubsub::{Channel, Envelope, Payload};

/// Events in one slice from the log at the most.
pub(super) const SLICE: usize = 200;

/// Slices read from the log at once. Fewer than there are readers, so that a crowd that reconnects
/// does not keep everyone else from the database.
const READS: usize = 3;

/// A part of the log that some channels carried.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The events, in order.
    pub events: Vec<Envelope>,
    /// The position up to which nothing on these channels is missing from `events`.
    pub through: i64,
    /// True when the log went no further.
    pub end: bool,
}

/// Where a subscriber that asks for what comes after a position can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After that position: the log has everything since.
    After(i64),
    /// At this position, where the log stands: what it asks for is gone, in the future, or of
    /// another log, so it must load anew.
    Resync(i64),
}

/// Reads what a subscriber missed; cheap to clone.
#[derive(Clone)]
pub struct Replay {
    db: Db,
    recent: Recent,
    reads: Arc<Semaphore>,
}

impl Replay {
    /// Replays from `recent` while that reaches back far enough, else from the log in `db`.
    pub fn new(db: Db, recent: Recent) -> Replay {
        Replay { db, recent, reads: Arc::new(Semaphore::new(READS)) }
    }

    /// Decides where to start for who has seen everything up to `position` of the log `log` (of
    /// this one, when not said). The subscriber must have joined its channels before: what is
    /// committed later than this reaches it live.
    pub async fn start(&self, position: i64, log: Option<&str>) -> Result<Start, db::Error> {
        let same = log.is_none_or(|log| log == self.db.log_id());
        if same && self.recent.after(position, &[]).is_some() {
            return Ok(Start::After(position));
        }
        let (newest, oldest) = self.db.read(bounds).await?;
        let held = same && (oldest - 1..=newest).contains(&position);
        Ok(if held { Start::After(position) } else { Start::Resync(newest) })
    }

    /// The next slice after a position.
    pub async fn next(&self, position: i64, channels: Vec<Channel>) -> Result<Slice, db::Error> {
        if let Some(slice) = self.recent.after(position, &channels) {
            // It is ready at once: without this an actor would queue slice after slice before its
            // socket had taken the first.
            tokio::task::yield_now().await;
            return Ok(slice);
        }
        let _permit = self.reads.acquire().await.map_err(|_| db::Error::Stopped)?;
        let names: Vec<String> = channels.iter().map(ToString::to_string).collect();
        let slice = self
            .db
            .read(move |connection| {
                // Pruned since the last slice: the subscriber must not believe it saw them.
                if bounds(connection)?.1 > position + 1 {
                    return Err(db::Error::Pruned);
                }
                Ok(event::slice(connection, position, Some(&names), SLICE)?)
            })
            .await?;
        let events = slice.events.into_iter().map(envelope).collect();
        Ok(Slice { events, through: slice.through, end: slice.end })
    }
}

/// The newest position, and the oldest that the log holds or, when it holds none, would.
pub fn bounds(connection: &mut crate::connection::DbConnection) -> Result<(i64, i64), db::Error> {
    let newest = event::log(connection)?.position;
    Ok((newest, event::oldest(connection)?.unwrap_or(newest + 1)))
}

/// A committed event as the members get it.
pub(super) fn envelope(event: Event) -> Envelope {
    let payload = Payload::from_json(event.payload).unwrap_or_else(|error| {
        // Only a log that somebody edited: the position goes out all the same.
        log::error!("event {} is not JSON: {error}", event.id);
        Payload::null()
    });
    Envelope::new(event.channel, event.topic, payload).with_position(event.id)
}
