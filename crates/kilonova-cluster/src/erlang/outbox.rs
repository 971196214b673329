//! The frames that wait to be sent to one Erlang node. Owns the bounds: a broadcast that finds no
//! room is lost for that node only. Frames that keep the groups correct are never dropped: if one
//! finds no room, the connection ends.

use std::collections::VecDeque;
use std::sync::Arc;

use super::control;
use super::envelope::Outgoing;
use super::term::{Number, Writer};

/// The number of broadcasts that may wait for one node.
const BROADCASTS: usize = 4_096;

/// Their total bytes. A broadcast counts once, however many members it goes to.
const BYTES: usize = 16 * 1024 * 1024;

/// The bytes of other frames that may wait.
const CONTROL: usize = 1024 * 1024;

/// The number of buffered bytes that is enough for one write.
const FULL: usize = 64 * 1024;

/// A broadcast and its receivers.
struct Waiting {
    message: Arc<Outgoing>,
    sender: Number,
    /// The message with its sender's pid, encoded for the first receiver.
    term: Vec<u8>,
    receivers: Arc<[Number]>,
    next: usize,
}

/// The names of this node and the other node in frames, each with its run.
pub(super) struct Names {
    pub(super) own: Arc<str>,
    pub(super) own_creation: u32,
    pub(super) peer: Arc<str>,
    pub(super) peer_creation: u32,
}

/// The queue of one connection.
#[derive(Default)]
pub(super) struct Outbox {
    control: VecDeque<Vec<u8>>,
    control_bytes: usize,
    broadcasts: VecDeque<Waiting>,
    bytes: usize,
}

impl Outbox {
    /// Queues a frame that must not be lost. Returns false if there is no room.
    #[must_use]
    pub(super) fn push(&mut self, frame: Vec<u8>) -> bool {
        self.control_bytes += frame.len();
        self.control.push_back(frame);
        self.control_bytes <= CONTROL
    }

    /// Queues a broadcast to these members. Returns false if it is lost.
    #[must_use]
    pub(super) fn broadcast(
        &mut self,
        message: Arc<Outgoing>,
        sender: Number,
        receivers: Arc<[Number]>,
    ) -> bool {
        if receivers.is_empty() {
            return true;
        }
        if self.broadcasts.len() >= BROADCASTS || self.bytes + message.len() > BYTES {
            return false;
        }
        self.bytes += message.len();
        let waiting = Waiting { message, sender, term: Vec::new(), receivers, next: 0 };
        self.broadcasts.push_back(waiting);
        true
    }

    /// Moves frames into the buffer until it has enough for one write.
    pub(super) fn fill(&mut self, buffer: &mut Vec<u8>, names: &Names) {
        while buffer.len() < FULL {
            // Other frames may overtake the messages of a broadcast, because they are independent
            // of it.
            if let Some(frame) = self.control.pop_front() {
                self.control_bytes -= frame.len();
                buffer.extend(frame);
                continue;
            }
            let Some(waiting) = self.broadcasts.front_mut() else { return };
            if waiting.term.is_empty() {
                waiting.term =
                    waiting.message.sent_by(&names.own, waiting.sender, names.own_creation);
            }
            let Some(receiver) = waiting.receivers.get(waiting.next) else {
                self.bytes -= waiting.message.len();
                self.broadcasts.pop_front();
                continue;
            };
            waiting.next += 1;
            let mut send = Writer::versioned();
            send.tuple(3);
            send.int(control::SEND);
            send.atom("");
            send.pid(&names.peer, *receiver, names.peer_creation);
            buffer.extend(control::frame(&send.0, &waiting.term));
        }
    }
}

#[cfg(test)]
mod tests {
    use kilonova_pubsub::{Envelope, Payload};

    use super::*;

    fn names() -> Names {
        Names { own: "k@h".into(), own_creation: 1, peer: "n@h".into(), peer_creation: 2 }
    }

    fn message(bytes: usize) -> Arc<Outgoing> {
        let payload = Payload::encode(&"x".repeat(bytes)).unwrap();
        Arc::new(Outgoing::new(&Envelope::new("posts", "t", payload)).unwrap())
    }

    fn members(count: u32) -> Arc<[Number]> {
        (0..count).map(|id| Number { id, serial: 0 }).collect()
    }

    const SENDER: Number = Number { id: 1, serial: 1 };

    #[test]
    fn a_broadcast_that_finds_no_room_is_lost_alone() {
        let mut outbox = Outbox::default();
        let large = message(1024 * 1024);
        let taken = (0..100).filter(|_| outbox.broadcast(large.clone(), SENDER, members(1)));
        assert_eq!(taken.count(), 15);
        assert!(outbox.broadcast(message(10), SENDER, members(1)));
        let mut buffer = Vec::new();
        for _ in 0..20 {
            buffer.clear();
            outbox.fill(&mut buffer, &names());
        }
        assert!(outbox.broadcasts.is_empty() && outbox.bytes == 0);
        assert!(outbox.broadcast(large, SENDER, members(1)));
    }

    #[test]
    fn a_broadcast_to_many_members_takes_the_memory_of_one() {
        let mut outbox = Outbox::default();
        assert!(outbox.broadcast(message(1000), SENDER, members(100_000)));
        let (mut buffer, mut sent) = (Vec::new(), 0);
        loop {
            outbox.fill(&mut buffer, &names());
            if buffer.is_empty() {
                break;
            }
            assert!(buffer.len() < FULL + 2000);
            sent += buffer.len();
            buffer.clear();
        }
        assert!(sent > 100_000 * 1000);
    }

    #[test]
    fn other_frames_pass_and_have_a_bound() {
        let mut outbox = Outbox::default();
        assert!(outbox.broadcast(message(10), SENDER, members(2)));
        assert!(outbox.push(vec![7; 10]));
        let mut buffer = Vec::new();
        outbox.fill(&mut buffer, &names());
        assert_eq!(buffer[..10], [7; 10]);
        assert!(!outbox.push(vec![7; CONTROL + 1]));
    }
}
