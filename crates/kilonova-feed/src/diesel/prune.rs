//! Deletes old events, so that the log does not grow forever.

use std::ops::AddAssign;

use chrono::TimeDelta;
use diesel::QueryResult;

use super::backend::Statements;
use super::{LogConnection, in_transaction, now};

/// The limits of a log's size. `None` means no limit by that measure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// The greatest age of an event.
    pub age: Option<TimeDelta>,
    /// The largest number of events.
    pub count: Option<i64>,
    /// The largest number of bytes of payloads.
    pub bytes: Option<i64>,
}

/// The most events that one transaction prunes, so that no other writer waits long.
const PRUNED: i64 = 500;

/// The result of [`prune`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the size of the log must be reduced by it"]
pub struct Pruned {
    /// The number of deleted events.
    pub events: usize,
    /// The bytes of their payloads.
    pub bytes: i64,
}

impl AddAssign for Pruned {
    fn add_assign(&mut self, more: Pruned) {
        self.events += more.events;
        self.bytes += more.bytes;
    }
}

/// Deletes the oldest events beyond the retention, at most 500, inside the current transaction.
///
/// Make it the last statement of the transaction. Repeat it, each time in a new transaction, until
/// it deletes nothing. Positions do not change. Subscribers that need a deleted event get a resync.
pub fn prune<C: LogConnection>(connection: &mut C, retention: Retention) -> QueryResult<Pruned> {
    in_transaction(connection)?;
    // Locks the log's row first. Otherwise two concurrent calls would subtract the same bytes.
    C::Backend::free(connection, 0)?;
    let pruned = prune_rows(connection, retention)?;
    if pruned.bytes != 0 {
        C::Backend::free(connection, pruned.bytes)?;
    }
    Ok(pruned)
}

/// Like [`prune`], for a transaction that also appends events. Pass the result to
/// [`append_pruned`](super::append_pruned) at the end of the transaction. Two such transactions
/// must not run at the same time; the caller must serialize them.
pub fn prune_rows<C: LogConnection>(
    connection: &mut C,
    retention: Retention,
) -> QueryResult<Pruned> {
    in_transaction(connection)?;
    let (position, bytes) = C::Backend::size(connection)?;
    let stale = retention.age.and_then(|age| now().checked_sub_signed(age));
    let (mut last, mut freed) = (None, 0);
    for (id, inserted_at, size) in C::Backend::oldest(connection, PRUNED)? {
        let surplus = retention.count.is_some_and(|count| position - id >= count)
            || retention.bytes.is_some_and(|limit| bytes - freed > limit)
            || stale.is_some_and(|stale| inserted_at < stale);
        if !surplus {
            break;
        }
        freed += size;
        last = Some(id);
    }
    let Some(last) = last else { return Ok(Pruned::default()) };
    Ok(Pruned { events: C::Backend::delete_through(connection, last)?, bytes: freed })
}
