//! The progress of the other nodes in the log. Each node announces once a second the position up to
//! which it has sent events to its subscribers. This module owns the announcements and their
//! expiry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::events::NODES;
use crate::pubsub::{Payload, PubSub, Subscription};
use crate::site_log::Feed;

/// The interval between two announcements.
const EVERY: Duration = Duration::from_secs(1);

/// How long an announcement is valid, so that a node that is gone does not count as lagging.
const COUNTS: Duration = Duration::from_secs(5);

/// The maximum number of nodes that are tracked.
const MOST: usize = 1024;

/// The last announcement of each other node.
#[derive(Debug, Default)]
pub struct Peers(Mutex<HashMap<Arc<str>, (i64, Instant)>>);

/// The payload of an announcement.
#[derive(Deserialize, Serialize)]
struct Told {
    log: String,
    sent: i64,
}

impl Peers {
    /// Announces this node's position and receives the others', until the process groups stop.
    pub async fn follow(self: Arc<Peers>, feed: Feed) {
        let pubsub = feed.pubsub();
        let Ok(mut hearing) = pubsub.subscribe([NODES]).await else {
            log::warn!("cannot track the lag of other nodes: the channel {NODES} is full");
            return;
        };
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    if tell(&feed, pubsub).await.is_none() {
                        return;
                    }
                }
                heard = self.hear(&mut hearing, feed.log_id()) => {
                    if heard.is_none() {
                        return;
                    }
                }
            }
        }
    }

    async fn hear(&self, hearing: &mut Subscription, log: &str) -> Option<()> {
        let envelope = hearing.next().await?;
        let sender = envelope.sender();
        if let Ok(told) = envelope.payload().decode::<Told>()
            && sender.is_remote()
            && told.log == log
        {
            self.note(Arc::clone(&sender.node), told.sent, Instant::now());
        }
        Some(())
    }

    fn note(&self, node: Arc<str>, sent: i64, now: Instant) {
        let mut known = self.locked();
        known.retain(|_, (_, at)| counts(*at, now));
        if known.len() < MOST || known.contains_key(&node) {
            known.insert(node, (sent, now));
        }
    }

    /// Returns how many positions the slowest node is behind `position`.
    pub fn behind(&self, position: i64, now: Instant) -> i64 {
        let known = self.locked();
        let sent = known.values().filter(|(_, at)| counts(*at, now)).map(|(sent, _)| *sent);
        sent.map(|sent| position.saturating_sub(sent)).max().unwrap_or(0).max(0)
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Arc<str>, (i64, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn counts(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < COUNTS
}

/// Announces this node's position; `None` if the process groups have stopped.
async fn tell(feed: &Feed, pubsub: &PubSub) -> Option<()> {
    let told = Told { log: feed.log_id().to_owned(), sent: feed.sent() };
    pubsub.broadcast(NODES, "sent", Payload::encode(&told).ok()?).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_node_counts_while_it_announces() {
        let (peers, start) = (Peers::default(), Instant::now());
        assert_eq!(peers.behind(10, start), 0, "there is no other node");
        peers.note("a".into(), 10, start);
        peers.note("b".into(), 4, start);
        assert_eq!(peers.behind(10, start), 6);
        peers.note("b".into(), 9, start + EVERY);
        assert_eq!(peers.behind(10, start + EVERY), 1);
        assert_eq!(peers.behind(8, start + EVERY), 0, "others may know more than this node");
        assert_eq!(peers.behind(10, start + EVERY + COUNTS), 0, "both are gone");
    }

    #[test]
    fn the_number_of_tracked_nodes_is_bounded() {
        let (peers, start) = (Peers::default(), Instant::now());
        for number in 0..2 * MOST {
            peers.note(format!("node-{number}").into(), 1, start);
        }
        assert_eq!(peers.locked().len(), MOST);
        peers.note("node-0".into(), 7, start);
        assert_eq!(peers.locked()["node-0"].0, 7, "a known node is updated");
    }
}
