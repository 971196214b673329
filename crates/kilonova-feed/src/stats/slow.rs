//! The sockets that were closed last because their clients read too slowly. Owns the number of
//! remembered sockets and their description, which does not identify the client.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use kilonova_pubsub::Channel;

use crate::frame::Framing;

/// The most sockets that are remembered.
const MOST: usize = 20;

/// The most channels listed for one socket.
const CHANNELS: usize = 4;

/// A socket that was closed because its client read too slowly.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SlowReader {
    /// The time of the close.
    pub at: SystemTime,
    /// `websocket` or `event_stream`.
    pub transport: &'static str,
    /// The first of the channels that it followed, at most four.
    pub channels: Vec<Channel>,
    /// How long the client had read nothing; zero if it read some of its backlog, but too little.
    pub stalled: Duration,
}

/// The last slow readers.
#[derive(Default)]
pub(crate) struct SlowReaders(Mutex<VecDeque<SlowReader>>);

impl SlowReaders {
    pub(crate) fn add<'a>(
        &self,
        framing: Framing,
        channels: impl Iterator<Item = &'a Channel>,
        stalled: Duration,
    ) {
        let transport = match framing {
            Framing::Text => "websocket",
            Framing::Stream => "event_stream",
        };
        let channels = channels.take(CHANNELS).cloned().collect();
        let one = SlowReader { at: SystemTime::now(), transport, channels, stalled };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.pop_front();
        }
        known.push_back(one);
    }

    /// Lists them, oldest first.
    pub(crate) fn list(&self) -> Vec<SlowReader> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_with_their_first_channels() {
        let readers = SlowReaders::default();
        let channels: Vec<Channel> =
            (0..9).map(|number| Channel::from(number.to_string())).collect();
        for number in 0..30 {
            readers.add(Framing::Text, channels.iter(), Duration::from_secs(number));
        }
        let list = readers.list();
        assert_eq!(list.len(), MOST);
        let stalled: Vec<_> = list.iter().map(|one| one.stalled.as_secs()).collect();
        assert_eq!(stalled, (10..30).collect::<Vec<_>>());
        assert_eq!(list[0].channels, channels[..CHANNELS]);
        assert_eq!(list[0].transport, "websocket");
    }
}
