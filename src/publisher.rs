//! Publishes scheduled posts when they are due.
//!
//! Each node looks once a second. A post is published in a transaction with its events, under the
//! lock that every write takes, so one node publishes it, once; a node that dies leaves it to the
//! next look.

use std::time::Duration;

use diesel::result::Error as Diesel;

use crate::db::{self, Db};
use crate::events;
use crate::models::{clock, post};

/// Between looks at what is due.
const EVERY: Duration = Duration::from_secs(1);

/// The most posts of one transaction, between which others get their turn.
const AT_ONCE: i64 = 50;

/// Publishes what is due, until the database stops.
pub async fn publish(db: Db) {
    loop {
        match round(&db).await {
            Ok(()) => {}
            Err(db::Error::Stopped) => return,
            // It is said elsewhere that the database is away.
            Err(db::Error::Unavailable(reason)) => log::debug!("cannot look what is due: {reason}"),
            Err(error) => log::warn!("scheduled posts cannot be published: {error}"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn round(db: &Db) -> Result<(), db::Error> {
    loop {
        let is_due = db.read(|connection| {
            let Some(next) = post::next_due(connection)? else { return Ok(false) };
            Ok::<_, db::Error>(next <= clock(connection)?)
        });
        if !is_due.await? {
            return Ok(());
        }
        db.transaction(|tx| {
            let now = clock(tx.connection)?;
            for due in post::due(tx.connection, now, AT_ONCE)? {
                let updated = post::publish(tx.connection, due, now)?;
                let events = events::of_update(&updated)
                    .map_err(|error| Diesel::SerializationError(Box::new(error)))?;
                for event in events {
                    tx.announce(event);
                }
            }
            Ok::<_, db::Error>(())
        })
        .await?;
    }
}
