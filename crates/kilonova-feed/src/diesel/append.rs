//! Writes events: their positions, redactions, and the size of the log.

use diesel::QueryResult;
use kilonova_pubsub::Payload;

use super::backend::Statements;
use super::{LogConnection, Pruned, in_transaction, now};
use crate::{Event, NewEvent, Subject};

/// Appends events to the log inside the current transaction, and returns them with their positions.
///
/// Pass them to [`Feed::committed`](crate::Feed::committed) after the transaction has committed;
/// discard them if it has not.
///
/// Make it the last statement of the transaction. No other transaction gets a position until the
/// current one ends, which keeps positions in commit order and without a gap. On PostgreSQL the
/// transaction must be `READ COMMITTED`, the default. On SQLite, use `BEGIN IMMEDIATE`
/// (`immediate_transaction`), so that one writer waits for another instead of failing.
///
/// Fails with [`diesel::result::Error::NotInTransaction`] outside a transaction.
///
/// A redacting event reduces the payload of every earlier event about its subject, and about parts
/// of it, to `{"id":ID,"redacted":true}` in the same transaction.
///
/// The connection may come from a pool:
///
#[cfg_attr(feature = "sqlite", doc = "```")]
#[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
/// use diesel::r2d2::{ConnectionManager, Pool};
/// use diesel::{Connection, SqliteConnection};
/// use kilonova_feed::NewEvent;
/// use kilonova_feed::diesel::{append, migrate};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # let manager = ConnectionManager::<SqliteConnection>::new(":memory:");
/// # let pool = Pool::builder().max_size(1).build(manager)?;
/// let mut connection = pool.get()?;
/// migrate(&mut connection)?;
/// let events = connection.transaction(|connection| {
///     // Your own statements come first.
///     let event = NewEvent::new("orders", "order_created", "tea")?;
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(append(connection, [event])?)
/// })?;
/// assert_eq!(events[0].position(), 1);
/// # Ok(())
/// # }
/// ```
pub fn append<C: LogConnection>(
    connection: &mut C,
    events: impl IntoIterator<Item = NewEvent>,
) -> QueryResult<Vec<Event>> {
    append_pruned(connection, events, Pruned::default())
}

/// Like [`append`], for a transaction that has called [`prune_rows`](super::prune_rows): also
/// subtracts the pruned bytes from the size of the log. The log's row must be the last row that a
/// transaction locks, so one statement makes both changes.
pub fn append_pruned<C: LogConnection>(
    connection: &mut C,
    events: impl IntoIterator<Item = NewEvent>,
    pruned: Pruned,
) -> QueryResult<Vec<Event>> {
    in_transaction(connection)?;
    let (new, freed) = (redacted(events.into_iter().collect()), pruned.bytes);
    if new.is_empty() {
        if freed != 0 {
            C::Backend::free(connection, freed)?;
        }
        return Ok(Vec::new());
    }
    let added = new.iter().map(|event| size(&event.payload)).sum::<i64>() - freed;
    let at = now();
    let last = C::Backend::insert(connection, &new, at, added)?;
    let first = last - i64::try_from(new.len()).unwrap_or(i64::MAX) + 1;
    // This must follow the insert, which locks the log's row: from then on, no other transaction
    // can add an earlier event.
    let mut redacted = 0;
    for subject in new.iter().filter(|event| event.redacts).filter_map(|new| new.subject.as_ref()) {
        redacted += C::Backend::redact(connection, subject, first)?;
    }
    if redacted != 0 {
        C::Backend::free(connection, redacted)?;
    }
    let time = Some(at.and_utc().into());
    Ok((first..)
        .zip(new)
        .map(|(position, event)| Event::committed(position, event, time))
        .collect())
}

/// Returns true if the log has this event. Call it after a transaction whose outcome is unknown
/// because its COMMIT got no response.
pub fn holds<C: LogConnection>(connection: &mut C, event: &Event) -> QueryResult<bool> {
    let Some(row) = C::Backend::row(connection, event.position())? else { return Ok(false) };
    let found = row.into_event();
    // The payload is not compared, because it may have been redacted since.
    Ok(found.channel() == event.channel()
        && found.topic() == event.topic()
        && found.audience() == event.audience()
        && found.subject() == event.subject()
        && found.inserted_at() == event.inserted_at())
}

/// Redacts new events that a later event of the same call redacts.
fn redacted(mut new: Vec<NewEvent>) -> Vec<NewEvent> {
    for later in (0..new.len()).rev() {
        let Some(subject) = new[later].subject.clone().filter(|_| new[later].redacts) else {
            continue;
        };
        for event in &mut new[..later] {
            if let Some(about) = &event.subject
                && subject.covers(about)
            {
                event.payload = reduced(about);
            }
        }
    }
    new
}

/// The payload of a redacted event about this subject.
fn reduced(subject: &Subject) -> Payload {
    let json = format!("{{\"id\":{},\"redacted\":true}}", subject.id());
    Payload::from_json(json).unwrap_or_else(|_| Payload::null())
}

fn size(payload: &Payload) -> i64 {
    i64::try_from(payload.as_json().len()).unwrap_or(i64::MAX)
}
