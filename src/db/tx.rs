//! A transaction at work, as the one who wrote its closure sees it.

use diesel::prelude::*;
use kilonova_feed::diesel::Pruned;
use kilonova_feed::{NewEvent, Subject};

use crate::connection::DbConnection;
use crate::models::stored_response::{self, Key, StoredResponse};

/// What a transaction's outcome hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    /// It adds rows of its own, whatever else there is.
    NewRows,
    /// It builds on rows that it reads.
    ExistingRows,
}

/// A transaction at work.
pub struct Tx<'a> {
    /// For the models' queries.
    pub connection: &'a mut DbConnection,
    /// The key of the request that this answers, which nobody else answers meanwhile.
    pub(super) key: Option<Key>,
    pub(super) written: Written,
    /// The position before this transaction's own events, while no other node writes.
    pub(super) base: i64,
}

/// What a transaction leaves to the end of the commit that it shares.
#[derive(Default)]
pub(super) struct Written {
    pub(super) events: Vec<NewEvent>,
    /// Stored responses whose position is not certain before the events have theirs.
    pub(super) responses: Vec<Key>,
    /// Bytes of rows that were moved without an event.
    pub(super) moved: usize,
    /// The events that were pruned.
    pub(super) pruned: Pruned,
}

impl Tx<'_> {
    /// Writes an event into the log with this transaction. It goes out when, and only when, the
    /// transaction has committed, after those announced before it.
    pub fn announce(&mut self, event: NewEvent) {
        self.written.events.push(event);
    }

    /// Has the client pay for bytes that the transaction moves, beside those of its events.
    pub fn moved(&mut self, bytes: usize) {
        self.written.moved += bytes;
    }

    /// Takes note of events that were pruned from the log.
    pub fn pruned(&mut self, events: Pruned) {
        self.written.pruned += events;
    }

    /// The stored response to the request that this transaction answers, and its position, if there is
    /// one.
    pub fn stored_response(&mut self) -> QueryResult<Option<(StoredResponse, i64)>> {
        match &self.key {
            Some(key) => stored_response::find(self.connection, key),
            None => Ok(None),
        }
    }

    /// Stores the response to the request, if it has a key, as true as of the events announced so
    /// far.
    pub fn store_response(
        &mut self,
        answer: &StoredResponse,
        subject: Option<&Subject>,
    ) -> QueryResult<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let position = self.base + self.written.events.len() as i64;
        stored_response::insert(self.connection, key, answer, subject, position)?;
        self.written.responses.push(key.clone());
        Ok(())
    }
}
