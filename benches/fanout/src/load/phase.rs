//! The phases of a run with open sockets: posts in a closed loop, posts at a fixed rate, idle.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::{CONNECTIONS, Fault, Load};

/// The posts of a phase, and the time until the last frame arrived.
pub(crate) struct Phase {
    pub(crate) posts: Range<usize>,
    pub(crate) took: Duration,
}

impl Load {
    /// Keeps `in_flight` posts in flight for `time`: when a post is answered and all of its frames
    /// have arrived, sends the next. Returns when all are done.
    pub(crate) fn closed(&mut self, in_flight: usize, time: Duration) -> Result<Phase, Fault> {
        let (begun, first) = (Instant::now(), self.ledger.len());
        self.progress = begun;
        let mut slots: Vec<usize> = (0..in_flight).collect();
        let mut running = VecDeque::new();
        loop {
            while let Some(slot) = slots.pop_if(|_| begun.elapsed() < time) {
                let now = Instant::now();
                running.push_back((self.ledger.post(self.clock.of(now)), slot));
                self.send(slot, self.ledger.len() - 1)?;
            }
            if running.is_empty() {
                return Ok(Phase { posts: first..self.ledger.len(), took: begun.elapsed() });
            }
            self.turn(None)?;
            self.free.clear();
            for post in self.done.drain(..) {
                if let Some(at) = running.iter().position(|&(running, _)| running == post) {
                    slots.extend(running.remove(at).map(|(_, slot)| slot));
                }
            }
        }
    }

    /// Posts at a fixed rate for `time`, without waiting for responses. Times count from when a
    /// post was due, so that a slow server cannot hide its delay. Returns when all are done.
    pub(crate) fn paced(&mut self, rate: u32, time: Duration) -> Result<Phase, Fault> {
        let (begun, first) = (Instant::now(), self.ledger.len());
        self.progress = begun;
        let every = Duration::from_secs(1) / rate;
        let mut due = begun;
        let mut outstanding = 0_usize;
        let mut waiting = VecDeque::new();
        let mut idle: Vec<usize> = (0..CONNECTIONS).collect();
        loop {
            while due <= Instant::now() && due < begun + time {
                waiting.push_back(self.ledger.post(self.clock.of(due)));
                outstanding += 1;
                due += every;
            }
            while !waiting.is_empty()
                && let Some(connection) = idle.pop()
                && let Some(post) = waiting.pop_front()
            {
                self.send(connection, post)?;
            }
            let last = due >= begun + time;
            if last && outstanding == 0 {
                return Ok(Phase { posts: first..self.ledger.len(), took: begun.elapsed() });
            }
            // epoll rounds up to whole milliseconds, so the last fraction of one is spent polling.
            let left = due.saturating_duration_since(Instant::now());
            self.turn((!last).then(|| Duration::from_millis(left.as_millis() as u64)))?;
            idle.append(&mut self.free);
            outstanding -= self.done.len();
            self.done.clear();
        }
    }

    /// Reads for `time`. Only pings should arrive.
    pub(crate) fn idle(&mut self, time: Duration) -> Result<(), Fault> {
        let end = Instant::now() + time;
        while let left = end.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            self.progress = Instant::now();
            self.turn(Some(left))?;
        }
        Ok(())
    }
}
