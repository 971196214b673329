//! Keeps the log, the stored responses, the sign-ins, the working copies, the draft links and the
//! uploads from growing for ever, a little at a time.

use std::time::Duration;

use chrono::TimeDelta;
use kilonova_feed::diesel::Retention;

use crate::connection::DbConnection;
use crate::db::{self, Db};
use crate::models::{
    clock, draft_link, log as events, sign_in, stored_response, upload, working_copy,
};

/// Between looks at what is too old or too much.
const EVERY: Duration = Duration::from_secs(60);

/// The most uploads that one transaction deletes.
const UPLOADS: i64 = 20;

/// Deletes what need not be kept, now and every minute, until it is dropped. `copies` is how long a
/// working copy is kept.
pub async fn prune(db: Db, retention: Retention, copies: Option<TimeDelta>) {
    loop {
        match round(&db, retention, copies).await {
            Ok(0) => {}
            Ok(events) => log::info!("pruned {events} old event(s) from the log"),
            Err(db::Error::Stopped) => return,
            Err(error) => log::warn!("the log cannot be pruned: {error}"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Prunes until nothing is left to prune, in transactions between which others get their turn.
async fn round(
    db: &Db,
    retention: Retention,
    copies: Option<TimeDelta>,
) -> Result<usize, db::Error> {
    db.transaction(move |tx| {
        stored_response::prune(tx.connection)?;
        let now = clock(tx.connection)?;
        draft_link::prune(tx.connection, now)?;
        if let Some(kept) = copies {
            working_copy::prune(tx.connection, now - kept)?;
        }
        Ok::<_, db::Error>(sign_in::prune(tx.connection)?)
    })
    .await?;
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

fn sweep(connection: &mut DbConnection) -> Result<usize, db::Error> {
    let now = clock(connection)?;
    Ok(upload::sweep(connection, now, UPLOADS)?)
}
