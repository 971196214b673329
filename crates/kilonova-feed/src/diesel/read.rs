//! Reads the log: its state, and pages of events bounded in number and in bytes.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use kilonova_pubsub::{Channel, Payload};

use super::LogConnection;
use super::backend::Statements;
use super::schema::kilonova_events;
use crate::replay::SLICE_BYTES;
use crate::{Event, LogState, NewEvent, Page, Subject, SubjectId};

/// A row of the table of events.
#[doc(hidden)]
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = kilonova_events)]
pub struct Row {
    pub(super) position: i64,
    channel: String,
    topic: String,
    pub(super) payload: String,
    audience: String,
    kind: Option<String>,
    subject_id: Option<String>,
    parent_kind: Option<String>,
    parent_id: Option<String>,
    redacts: bool,
    inserted_at: NaiveDateTime,
}

impl Row {
    pub(super) fn into_event(self) -> Event {
        let payload = Payload::from_json(self.payload).unwrap_or_else(|error| {
            // This is only possible in an edited table. The event still goes out, because a gap
            // would stop the feed.
            log::error!("the payload of event {} is not JSON: {error}", self.position);
            Payload::null()
        });
        let id = |json: String| SubjectId::from_json(json);
        let subject = self.kind.zip(self.subject_id).map(|(kind, subject_id)| {
            let subject = Subject::new(kind, id(subject_id));
            match self.parent_kind.zip(self.parent_id) {
                Some((kind, parent_id)) => subject.within(kind, id(parent_id)),
                None => subject,
            }
        });
        let new = NewEvent {
            channel: self.channel.into(),
            topic: self.topic.into(),
            payload,
            subject,
            audience: self.audience.into(),
            redacts: self.redacts,
        };
        Event::committed(self.position, new, Some(self.inserted_at.and_utc().into()))
    }
}

/// Collects the rows of one page, up to a number of bytes.
pub(super) struct Taken {
    rows: Vec<Row>,
    size: usize,
    most: usize,
    /// There was no room for a row.
    is_full: bool,
}

impl Taken {
    /// Accepts at most this number of bytes of payloads, or one larger payload.
    pub(super) fn of_at_most(bytes: usize) -> Taken {
        Taken { rows: Vec::new(), size: 0, most: bytes, is_full: false }
    }

    /// Adds the next row; false if there is no room for it.
    pub(super) fn take(&mut self, row: Row) -> bool {
        self.size = self.size.saturating_add(row.payload.len());
        self.is_full |= !self.rows.is_empty() && self.size > self.most;
        if !self.is_full {
            self.rows.push(row);
        }
        !self.is_full
    }

    /// True when there was no room for a row.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// The rows, and true if more may follow: there was no room for a row, or there are `limit`
    /// rows.
    pub(super) fn rows(self, limit: usize) -> (Vec<Row>, bool) {
        let more = self.is_full || self.rows.len() >= limit;
        (self.rows, more)
    }
}

/// Returns the log's id, its oldest and its last position, in this connection's snapshot.
pub fn state<C: LogConnection>(connection: &mut C) -> QueryResult<LogState> {
    let (id, position, oldest) = C::Backend::state(connection)?;
    Ok(LogState { id: id.into(), oldest: oldest.unwrap_or(position + 1), position })
}

/// Returns the events after a position, oldest first: those on one of `channels`, or all events if
/// `channels` is `None`. The page has at most `limit` events and 1 MiB of payloads, or one larger
/// event. Call it in a transaction that reads from one snapshot.
pub fn page<C: LogConnection>(
    connection: &mut C,
    after: i64,
    channels: Option<&[Channel]>,
    limit: usize,
) -> QueryResult<Page> {
    let state = state(connection)?;
    if state.position <= after {
        return Ok(Page::new(state, Vec::new(), false));
    }
    let channels: Option<Vec<String>> =
        channels.map(|channels| channels.iter().map(ToString::to_string).collect());
    let (rows, more) =
        C::Backend::rows(connection, after, channels.as_deref(), limit, SLICE_BYTES)?;
    Ok(Page::new(state, rows.into_iter().map(Row::into_event).collect(), more))
}
