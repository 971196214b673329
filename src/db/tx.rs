//! A running transaction, as its closure sees it.

use diesel::prelude::*;
use kilonova_feed::diesel::Pruned;
use kilonova_feed::{NewEvent, Subject};

use crate::connection::DbConnection;
use crate::models::stored_response::{self, Key, StoredResponse};

/// The rows that a transaction's outcome depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    /// Only rows that it adds.
    NewRows,
    /// Rows that it reads.
    ExistingRows,
}

/// A running transaction.
pub struct Tx<'a> {
    /// For the models' queries.
    pub connection: &'a mut DbConnection,
    /// The key of the request that this transaction answers. No other transaction answers it at the
    /// same time.
    pub(super) key: Option<Key>,
    pub(super) written: Written,
    /// The position before this transaction's own events, assuming that no other node writes.
    pub(super) base: i64,
}

/// Work of a transaction that is left to the end of the shared commit.
#[derive(Default)]
pub(super) struct Written {
    pub(super) events: Vec<NewEvent>,
    /// Stored responses whose positions are not final until the events have theirs.
    pub(super) responses: Vec<Key>,
    /// Bytes of rows that were moved without an event.
    pub(super) moved: usize,
    /// The events that were pruned.
    pub(super) pruned: Pruned,
}

impl Tx<'_> {
    /// Writes an event to the log in this transaction. The event is sent after the commit, behind
    /// those announced before it; it is not sent if the transaction fails.
    pub fn announce(&mut self, event: NewEvent) {
        self.written.events.push(event);
    }

    /// Charges the client for bytes that the transaction moves, in addition to those of its events.
    pub fn moved(&mut self, bytes: usize) {
        self.written.moved += bytes;
    }

    /// Records events that were pruned from the log.
    pub fn pruned(&mut self, events: Pruned) {
        self.written.pruned += events;
    }

    /// The stored response to the request that this transaction answers, with its position, if
    /// there is one.
    pub fn stored_response(&mut self) -> QueryResult<Option<(StoredResponse, i64)>> {
        match &self.key {
            Some(key) => stored_response::find(self.connection, key),
            None => Ok(None),
        }
    }

    /// Stores the response to the request, if it has a key. The response's position is that of the
    /// last event announced so far.
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
