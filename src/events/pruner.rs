//! Bounds the growth of the log, the stored responses, the sign-ins, the bin, the working copies,
//! the draft links and the uploads, in small steps.

use std::time::Duration;

use chrono::TimeDelta;
use kilonova_feed::diesel::Retention;

use crate::connection::DbConnection;
use crate::db::{self, Db};
use crate::models::{
    bin, clock, draft_link, log as events, sign_in, stored_response, upload, working_copy,
};

/// The interval between rounds.
const EVERY: Duration = Duration::from_secs(60);

/// The most uploads that one transaction deletes.
const UPLOADS: i64 = 20;

/// The most entries of the bin that one transaction deletes.
const BINNED: usize = 20;

/// The retention of the bin and of working copies. With `None`, they are kept indefinitely.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    /// The age of an entry in the bin, since its deletion.
    pub binned: Option<TimeDelta>,
    /// The age of a working copy, since its last change.
    pub copies: Option<TimeDelta>,
}

/// Deletes expired rows now and every minute, until it is dropped or the database is closed.
pub async fn prune(db: Db, retention: Retention, ages: Ages) {
    loop {
        match round(&db, retention, ages).await {
            Ok(0) => {}
            Ok(events) => log::info!("pruned {events} old event(s) from the log"),
            Err(db::Error::Stopped) => return,
            Err(error) => log::warn!("the log cannot be pruned: {error}"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Prunes until nothing is left to prune, in short transactions, so that others can run in between.
async fn round(db: &Db, retention: Retention, ages: Ages) -> Result<usize, db::Error> {
    db.transaction(move |tx| {
        stored_response::prune(tx.connection)?;
        let now = clock(tx.connection)?;
        draft_link::prune(tx.connection, now)?;
        if let Some(kept) = ages.copies {
            working_copy::prune(tx.connection, now - kept)?;
        }
        Ok::<_, db::Error>(sign_in::prune(tx.connection)?)
    })
    .await?;
    if let Some(kept) = ages.binned {
        while db.transaction(move |tx| empty(tx.connection, kept)).await?.value == BINNED {}
    }
    while db.transaction(|tx| sweep(tx.connection)).await?.value == UPLOADS as usize {}
    let mut pruned = 0;
    loop {
        let some = db
            .transaction(move |tx| {
                let some = events::prune(tx.connection, retention)?;
                tx.pruned(some);
                Ok::<_, db::Error>(some.events)
            })
            .await?
            .value;
        pruned += some;
        if some == 0 {
            return Ok(pruned);
        }
    }
}

/// Deletes entries that have been in the bin for longer than this. Returns how many.
fn empty(connection: &mut DbConnection, kept: TimeDelta) -> Result<usize, db::Error> {
    let now = clock(connection)?;
    Ok(bin::prune(connection, now - kept, BINNED)?)
}

fn sweep(connection: &mut DbConnection) -> Result<usize, db::Error> {
    let now = clock(connection)?;
    Ok(upload::sweep(connection, now, UPLOADS)?)
}
