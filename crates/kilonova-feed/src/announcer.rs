//! Tells the relays what was committed: this node's, and those of the other nodes. Owns who is
//! told; all of it is a hint, and the relays read the log where one is lost.

use std::sync::{Arc, Mutex, PoisonError};

use actix::Addr;
use kilonova_pubsub::{Channel, Payload, PubSub};
use serde::{Deserialize, Serialize};

use crate::recent::Recent;
use crate::relay::{Committed, Relay};
use crate::{Event, Log};

/// See the module.
pub(crate) struct Announcer<L: Log> {
    /// Whichever relay runs at the time.
    relay: Mutex<Option<Addr<Relay<L>>>>,
    recent: Recent,
    pubsub: PubSub,
    channel: Channel,
    log: Arc<str>,
}

/// What other nodes' relays are told.
#[derive(Serialize, Deserialize)]
pub(crate) struct Announcement {
    /// The log's id: nodes with databases of their own have nothing to tell each other.
    pub(crate) log: String,
    /// How far it goes.
    pub(crate) position: i64,
}

impl<L: Log> Announcer<L> {
    pub(crate) fn new(
        recent: Recent,
        pubsub: PubSub,
        channel: Channel,
        log: Arc<str>,
    ) -> Announcer<L> {
        Announcer { relay: Mutex::default(), recent, pubsub, channel, log }
    }

    /// From now on this relay is told.
    pub(crate) fn tell(&self, relay: Addr<Relay<L>>) {
        *self.relay.lock().unwrap_or_else(PoisonError::into_inner) = Some(relay);
    }

    /// Tells of committed events. Never blocks.
    pub(crate) fn committed(&self, events: Vec<Event>) {
        let Some(position) = events.iter().map(Event::position).max() else { return };
        // Before the caller answers anyone: once a deletion is acknowledged, no replay tells of
        // what was deleted.
        self.recent.committed(&events);
        self.announce(Committed::Events(events), position);
    }

    /// Tells that the log goes to this position.
    pub(crate) fn committed_through(&self, position: i64) {
        self.recent.committed_through(position);
        self.announce(Committed::Through(position), position);
    }

    fn announce(&self, committed: Committed, position: i64) {
        let relay = self.relay.lock().unwrap_or_else(PoisonError::into_inner);
        if relay.as_ref().is_none_or(|relay| relay.try_send(committed).is_err()) {
            log::debug!("the relay was not told of position {position}: it will read the log");
        }
        drop(relay);
        let announcement = Announcement { log: self.log.to_string(), position };
        let announced = Payload::encode(&announcement)
            .map(|payload| self.pubsub.try_broadcast(self.channel.clone(), "committed", payload));
        if !matches!(announced, Ok(Ok(()))) {
            log::debug!("other nodes were not told of position {position}: they will read the log");
        }
    }
}
