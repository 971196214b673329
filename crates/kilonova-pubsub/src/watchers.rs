//! The monitors of each channel. Owns their sending side, and ends a monitor that is not read.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Change, Channel};

/// The number of changes that a monitor may leave unread.
const UNREAD: usize = 1024;

/// The monitors of every channel that has one.
#[derive(Default)]
pub(super) struct Watchers {
    channels: HashMap<Channel, Vec<Watcher>>,
    last_id: u64,
}

struct Watcher {
    id: u64,
    node: Arc<str>,
    changes: mpsc::Sender<Change>,
}

impl Watchers {
    /// Adds a watcher of `channel`. Returns its number and its receiver.
    pub(super) fn add(
        &mut self,
        channel: Channel,
        node: Arc<str>,
    ) -> (u64, mpsc::Receiver<Change>) {
        self.last_id += 1;
        let id = self.last_id;
        let (changes, reader) = mpsc::channel(UNREAD);
        self.channels.entry(channel).or_default().push(Watcher { id, node, changes });
        (id, reader)
    }

    pub(super) fn remove(&mut self, channel: &Channel, id: u64) {
        self.retain(channel, |watcher| watcher.id != id);
    }

    /// Sends a change to all watchers of `channel`; `change` gets the name of each watcher's node.
    /// Ends watchers that were dropped or are too far behind.
    pub(super) fn tell(&mut self, channel: &Channel, change: impl Fn(&Arc<str>) -> Change) {
        self.retain(channel, |watcher| watcher.changes.try_send(change(&watcher.node)).is_ok());
    }

    /// The channels that are watched.
    pub(super) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.keys()
    }

    fn retain(&mut self, channel: &Channel, keep: impl FnMut(&Watcher) -> bool) {
        let Some(watchers) = self.channels.get_mut(channel) else {
            return;
        };
        watchers.retain(keep);
        if watchers.is_empty() {
            self.channels.remove(channel);
        }
    }
}

#[cfg(test)]
mod tests;
