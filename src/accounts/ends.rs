//! Sign-ins that have ended: has the feed close their sockets, on every node. Owns how soon; which
//! have ended is in the database, so that it does not hang on a message between nodes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::db::{self, Db, Touches, Tx};
use crate::models::sign_in;
use crate::pubsub::{Payload, PubSub, Subscription};
use crate::site_log::Feed;

/// Between two looks at the database.
const EVERY: Duration = Duration::from_secs(1);

/// The channel on which nodes tell each other to look at once. Nothing is lost with a message.
const CHANNEL: &str = "sign_ins";

/// What this node knows of ends; cheap to clone.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The number up to which their sockets were closed.
    known: Arc<AtomicI64>,
    /// The sign-ins whose use is being noted.
    noting: Arc<Mutex<HashSet<i64>>>,
    pubsub: PubSub,
}

impl Ends {
    /// Knows all ends until now, when there are no sockets yet.
    pub async fn start(db: &Db, pubsub: &PubSub) -> Result<Ends, db::Error> {
        let last = db.read(|connection| Ok::<_, db::Error>(sign_in::last_end(connection)?)).await?;
        let known = Arc::new(AtomicI64::new(last));
        Ok(Ends { known, noting: Arc::default(), pubsub: pubsub.clone() })
    }

    /// The number of the last end whose sockets were closed. A request that is allowed after this
    /// was read takes it into account.
    pub fn known(&self) -> i64 {
        self.known.load(Ordering::Acquire)
    }

    /// Takes note that a sign-in is being used, once at a time.
    pub async fn note_use(&self, db: &Db, id: i64) {
        if !self.noting().insert(id) {
            return;
        }
        let touch = move |tx: &mut Tx<'_>| Ok::<_, db::Error>(sign_in::touch(tx.connection, id)?);
        if let Err(error) = db.transaction_on(Touches::NewRows, None, touch).await {
            log::debug!("the time of a sign-in's use is not noted: {error}");
        }
        self.noting().remove(&id);
    }

    fn noting(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.noting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all nodes look at once.
    pub async fn hurry(&self) {
        if self.pubsub.broadcast(CHANNEL, "ended", Payload::null()).await.is_err() {
            log::debug!("the process groups have stopped; nobody hurries");
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
                        if first > after + 1 {
                            log::warn!("too many sign-ins have ended; closing all their sockets");
                            feed.revoke_all(first - 1);
                        }
                        feed.revoke(ended);
                        self.known.store(last, Ordering::Release);
                    }
                }
                Err(db::Error::Stopped) => return,
                // It is said elsewhere that the database is away, and nobody ends a sign-in then.
                Err(error) => log::debug!("the ends of sign-ins cannot be read: {error}"),
            }
            let hurry = tokio::time::timeout(EVERY, next(&mut hurries));
            if let Ok(false) = hurry.await {
                hurries = None;
            }
        }
    }
}

/// True for a message; false when there are no more.
async fn next(hurries: &mut Option<Subscription>) -> bool {
    match hurries {
        Some(hurries) => hurries.next().await.is_some(),
        None => std::future::pending().await,
    }
}
