//! Announces commits to the relays of this node and of other nodes. Owns the recipients. An
//! announcement is a hint: a relay that misses one reads the log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use actix::Addr;
use kilonova_pubsub::{Channel, Payload, PubSub};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::recent::Recent;
use crate::relay::{Committed, Relay};
use crate::stats::Tally;
use crate::{Event, Log};

/// The most bytes of payloads in the relay's mailbox; the relay reads the others from the log.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Sends announcements to this node's relay and, over the process groups, to the others.
pub(crate) struct Announcer<L: Log> {
    /// The running relay; a restart replaces it.
    relay: Mutex<Option<Addr<Relay<L>>>>,
    recent: Recent,
    pubsub: PubSub,
    channel: Channel,
    log: Arc<str>,
    /// The bytes that the relay's mailbox has room for.
    room: Arc<Semaphore>,
    tally: Arc<Tally>,
}

/// The message to the relays of other nodes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Announcement {
    /// The log's id: relays ignore announcements of other logs.
    pub(crate) log: String,
    /// The log's last committed position.
    pub(crate) position: i64,
}

impl<L: Log> Announcer<L> {
    pub(crate) fn new(
        recent: Recent,
        pubsub: PubSub,
        channel: Channel,
        log: Arc<str>,
        tally: Arc<Tally>,
    ) -> Announcer<L> {
        let room = Arc::new(Semaphore::new(WAITING_BYTES));
        Announcer { relay: Mutex::default(), recent, pubsub, channel, log, room, tally }
    }

    /// Sends later announcements to this relay.
    pub(crate) fn tell(&self, relay: Addr<Relay<L>>) {
        *self.relay.lock().unwrap_or_else(PoisonError::into_inner) = Some(relay);
    }

    /// Announces committed events. Never blocks.
    pub(crate) fn committed(&self, events: Vec<Event>) {
        let Some(position) = events.iter().map(Event::position).max() else { return };
        // Before the caller answers its client: after a deletion is acknowledged, no replay may
        // include the deleted row.
        self.recent.committed(&events);
        let bytes = events.iter().map(Event::size).sum::<usize>();
        let room =
            u32::try_from(bytes).map(|bytes| Arc::clone(&self.room).try_acquire_many_owned(bytes));
        let committed = match room {
            Ok(Ok(room)) => Committed::Events { events, at: Instant::now(), room },
            _ => Committed::Through(position),
        };
        self.announce(committed, position);
    }

    /// Announces that the log is committed up to this position.
    pub(crate) fn committed_through(&self, position: i64) {
        self.recent.committed_through(position);
        self.announce(Committed::Through(position), position);
    }

    fn announce(&self, committed: Committed, position: i64) {
        self.tally.reached(position);
        let relay = self.relay.lock().unwrap_or_else(PoisonError::into_inner);
        if relay.as_ref().is_none_or(|relay| relay.try_send(committed).is_err()) {
            log::debug!("the relay missed position {position}; it reads the log");
        }
        drop(relay);
        let announcement = Announcement { log: self.log.to_string(), position };
        let announced = Payload::encode(&announcement)
            .map(|payload| self.pubsub.try_broadcast(self.channel.clone(), "committed", payload));
        if !matches!(announced, Ok(Ok(()))) {
            log::debug!("other nodes missed position {position}; they read the log");
        }
    }
}
