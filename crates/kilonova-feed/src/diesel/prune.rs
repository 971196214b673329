//! Keeping the log from growing for ever.

use chrono::TimeDelta;
use diesel::QueryResult;

use super::{LogConnection, now};

/// What is kept of a log. `None` keeps everything by that measure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// The oldest that an event may be.
    pub age: Option<TimeDelta>,
    /// The most events.
    pub count: Option<i64>,
    /// The most bytes of payloads.
    pub bytes: Option<i64>,
}

/// The most events pruned in one transaction, so that no other writer waits long.
const PRUNED: i64 = 500;

/// What was pruned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many events.
    pub events: usize,
    /// Bytes of their payloads.
    pub bytes: i64,
}

/// Deletes the oldest events beyond what is kept, at most 500, inside the current transaction, of
/// which it should be the last statement. Call it, each time in a transaction of its own, until it
/// prunes nothing. Positions stay as they are; subscribers that would need what is gone get a
/// resync.
pub fn prune<C: LogConnection>(connection: &mut C, retention: Retention) -> QueryResult<Pruned> {
    let pruned = prune_rows(connection, retention)?;
    if pruned.bytes != 0 {
        free(connection, pruned.bytes)?;
    }
    Ok(pruned)
}

/// The same, without the log's own row: that must lose [`Pruned::bytes`] before the transaction
/// ends.
#[doc(hidden)]
pub fn prune_rows<C: LogConnection>(
    connection: &mut C,
    retention: Retention,
) -> QueryResult<Pruned> {
    let (position, bytes) = connection.size()?;
    let stale = retention.age.and_then(|age| now().checked_sub_signed(age));
    let (mut last, mut freed) = (None, 0);
    for (id, inserted_at, size) in connection.oldest(PRUNED)? {
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
    Ok(Pruned { events: connection.delete_through(last)?, bytes: freed })
}

/// Takes bytes off the size of the log.
#[doc(hidden)]
pub fn free<C: LogConnection>(connection: &mut C, bytes: i64) -> QueryResult<()> {
    connection.free(bytes)
}
