//! Keeps the log, the stored responses and the sign-ins from growing for ever, a little at a time.

use std::time::Duration;

use kilonova_feed::diesel::Retention;

use crate::db::{self, Db};
use crate::models::{log as events, sign_in, stored_response};

/// Between looks at what is too old or too much.
const EVERY: Duration = Duration::from_secs(60);

/// Deletes what need not be kept, now and every minute, until it is dropped.
pub async fn prune(db: Db, retention: Retention) {
    loop {
        match round(&db, retention).await {
            Ok(0) => {}
            Ok(events) => log::info!("pruned {events} old event(s) from the log"),
            Err(db::Error::Stopped) => return,
            Err(error) => log::warn!("the log cannot be pruned: {error}"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Prunes until nothing is left to prune, in transactions between which others get their turn.
async fn round(db: &Db, retention: Retention) -> Result<usize, db::Error> {
    db.transaction(|tx| {
        stored_response::prune(tx.connection)?;
        Ok::<_, db::Error>(sign_in::prune(tx.connection)?)
    })
    .await?;
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
