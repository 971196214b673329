//! Closes the sockets of ended sign-ins on every node, through the feed. This module owns how soon
//! that happens. Ends are recorded in the database, so a lost message between nodes only delays it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::db::{self, Db, Touches, Tx};
use crate::models::sign_in;
use crate::pubsub::{Payload, PubSub, Subscription};
use crate::site_log::Feed;

/// The interval at which the database is polled.
const EVERY: Duration = Duration::from_secs(1);

/// The channel on which nodes tell each other to poll now. A lost message only causes a delay.
const CHANNEL: &str = "sign_ins";

/// The ends that this node knows; cheap to clone.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The number of the last end that was read from the database.
    known: Arc<AtomicI64>,
    /// The sign-ins whose last use is being recorded.
    noting: Arc<Mutex<HashSet<i64>>>,
    pubsub: PubSub,
}

impl Ends {
    /// Starts with all past ends as known, because there are no sockets yet.
    pub async fn start(db: &Db, pubsub: &PubSub) -> Result<Ends, db::Error> {
        let last = db.read(|connection| Ok::<_, db::Error>(sign_in::last_end(connection)?)).await?;
        let known = Arc::new(AtomicI64::new(last));
        Ok(Ends { known, noting: Arc::default(), pubsub: pubsub.clone() })
    }

    /// The number of the last end that this node has read. A permission check made after reading
    /// this number takes that end into account.
    pub fn known(&self) -> i64 {
        self.known.load(Ordering::Acquire)
    }

    /// Records that a sign-in is being used, with at most one write per sign-in at a time.
    pub async fn note_use(&self, db: &Db, id: i64) {
        if !self.noting().insert(id) {
            return;
        }
        let touch = move |tx: &mut Tx<'_>| Ok::<_, db::Error>(sign_in::touch(tx.connection, id)?);
        if let Err(error) = db.transaction_on(Touches::NewRows, None, touch).await {
            log::debug!("cannot record the last use of a sign-in: {error}");
        }
        self.noting().remove(&id);
    }

    fn noting(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.noting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes all nodes poll now.
    pub async fn hurry(&self) {
        if self.pubsub.broadcast(CHANNEL, "ended", Payload::null()).await.is_err() {
            log::debug!("the process groups have stopped; sockets close at the next poll");
        }
    }

    /// Closes the sockets of sign-ins that end, until the feed or the database stops.
    pub async fn follow(self, db: Db, feed: Feed) {
        let mut hurries = self.pubsub.subscribe([CHANNEL]).await.ok();
        loop {
            let after = self.known();
            let ended = move |c: &mut _| Ok::<_, db::Error>(sign_in::ended_after(c, after)?);
            match db.read(ended).await {
                Ok(ended) => {
                    if let (Some((_, first)), Some((_, last))) = (ended.first(), ended.last()) {
                        let (first, last) = (*first, *last);
                        // Before sockets close: a client that reconnects at once must not be
                        // closed again by the same end.
                        self.known.store(last, Ordering::Release);
                        if first > after + 1 {
                            log::warn!("too many sign-ins have ended; closing all their sockets");
                            feed.revoke_all(first - 1);
                        }
                        feed.revoke(ended);
                    }
                }
                Err(db::Error::Stopped) => return,
                // Another part logs that the database is unreachable, and no sign-in ends in that
                // time.
                Err(error) => log::debug!("cannot read the ends of sign-ins: {error}"),
            }
            let hurry = tokio::time::timeout(EVERY, next(&mut hurries));
            if let Ok(false) = hurry.await {
                hurries = None;
            }
        }
    }
}

/// Returns true for a message, and false when the subscription ends.
async fn next(hurries: &mut Option<Subscription>) -> bool {
    match hurries {
        Some(hurries) => hurries.next().await.is_some(),
        None => std::future::pending().await,
    }
}
