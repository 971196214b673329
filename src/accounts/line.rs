//! The queue for the threads that hash passwords, as a pure data structure: which job is next, and
//! which is evicted when it is full.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use kilonova_feed::limits::Address;

use super::devices::Device;

/// The caller who sent a password. Each caller has a separate lane, and lanes are served
/// round-robin, so that many passwords from one address do not delay the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A browser that has signed in before.
    Device(Device),
    /// Anyone else, by address or IPv6 /64; `None` for all loopback peers.
    Address(Option<IpAddr>),
}

impl Caller {
    /// The caller who sent a request.
    pub fn of(device: Option<Device>, peer: Option<SocketAddr>) -> Caller {
        let address = || Address::of(peer.map(|peer| peer.ip())).counted();
        device.map_or_else(|| Caller::Address(address()), Caller::Device)
    }
}

/// Waiting jobs, at most `max`.
pub(super) struct Line<J> {
    max: usize,
    waiting: usize,
    /// Known devices and strangers alternate, so that any number of addresses cannot delay known
    /// devices.
    devices: Lanes<J>,
    strangers: Lanes<J>,
    devices_are_next: bool,
}

/// Lanes in the order in which they are served; none is empty.
type Lanes<J> = VecDeque<(Caller, VecDeque<J>)>;

impl<J> Line<J> {
    pub(super) fn new(max: usize) -> Line<J> {
        let (devices, strangers) = (Lanes::new(), Lanes::new());
        Line { max, waiting: 0, devices, strangers, devices_are_next: true }
    }

    /// Adds a job to the end of its caller's lane. If the queue is then too long, returns the
    /// evicted job: the last of the longest lane, which may be the one just added.
    pub(super) fn push(&mut self, caller: Caller, job: J) -> Option<J> {
        let lanes = match caller {
            Caller::Device(_) => &mut self.devices,
            Caller::Address(_) => &mut self.strangers,
        };
        match lanes.iter_mut().find(|(of, _)| *of == caller) {
            Some((_, lane)) => lane.push_back(job),
            None => lanes.push_back((caller, VecDeque::from([job]))),
        }
        self.waiting += 1;
        if self.waiting <= self.max {
            return None;
        }
        self.waiting -= 1;
        let longest = |lanes: &Lanes<J>| {
            // Of equally long lanes, evict from the last, which has the longest wait ahead.
            lanes.iter().enumerate().max_by_key(|(_, (_, lane))| lane.len()).map(|(index, _)| index)
        };
        let length = |lanes: &Lanes<J>| longest(lanes).map_or(0, |index| lanes[index].1.len());
        let lanes = match length(&self.devices) > length(&self.strangers) {
            true => &mut self.devices,
            false => &mut self.strangers,
        };
        let index = longest(lanes)?;
        let job = lanes[index].1.pop_back();
        if lanes[index].1.is_empty() {
            lanes.remove(index);
        }
        job
    }

    /// The number of waiting jobs.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Removes and returns the next job.
    pub(super) fn pop(&mut self) -> Option<J> {
        let devices_first = self.devices_are_next && !self.devices.is_empty();
        let lanes = match devices_first || self.strangers.is_empty() {
            true => &mut self.devices,
            false => &mut self.strangers,
        };
        let (caller, mut lane) = lanes.pop_front()?;
        let job = lane.pop_front();
        if !lane.is_empty() {
            lanes.push_back((caller, lane));
        }
        self.devices_are_next = !devices_first;
        self.waiting -= 1;
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(n: u8) -> Caller {
        Caller::of(None, Some(([192, 0, 2, n], 1).into()))
    }

    fn device(n: u8) -> Caller {
        Caller::of(Some(Device::example(n)), Some(([192, 0, 2, 1], 1).into()))
    }

    fn order(line: &mut Line<u32>) -> Vec<u32> {
        std::iter::from_fn(|| line.pop()).collect()
    }

    #[test]
    fn addresses_take_turns_however_many_passwords_one_sends() {
        let mut line = Line::new(100);
        for n in 0..5 {
            assert_eq!(line.push(stranger(1), n), None);
        }
        assert_eq!(line.push(stranger(2), 10), None);
        assert_eq!(line.push(stranger(3), 20), None);
        assert_eq!(order(&mut line), [0, 10, 20, 1, 2, 3, 4]);
    }

    #[test]
    fn every_other_job_is_a_known_devices() {
        let mut line = Line::new(100);
        for n in 0..4 {
            assert_eq!(line.push(stranger(n), n.into()), None);
        }
        assert_eq!(line.push(device(1), 10), None);
        assert_eq!(line.push(device(1), 11), None);
        assert_eq!(line.push(device(2), 20), None);
        assert_eq!(order(&mut line), [10, 0, 20, 1, 11, 2, 3]);
        assert_eq!(line.push(device(1), 12), None);
        assert_eq!(order(&mut line), [12]);
    }

    #[test]
    fn a_full_queue_evicts_the_last_of_its_longest_lane() {
        let mut line = Line::new(4);
        for n in 0..4 {
            assert_eq!(line.push(stranger(1), n), None);
        }
        assert_eq!(line.push(stranger(1), 4), Some(4));
        assert_eq!(line.push(stranger(2), 10), Some(3));
        assert_eq!(line.push(device(1), 20), Some(2));
        assert_eq!(line.push(stranger(3), 30), Some(1));
        // With one password per caller, the newest stranger's is evicted, never a known device's.
        assert_eq!(line.push(stranger(4), 40), Some(40));
        assert_eq!(line.push(device(2), 21), Some(30));
        assert_eq!(order(&mut line), [20, 0, 21, 10]);
    }

    #[test]
    fn a_queue_of_length_zero_takes_nothing() {
        let mut line = Line::new(0);
        assert_eq!(line.push(stranger(1), 1), Some(1));
        assert_eq!(line.push(device(1), 2), Some(2));
        assert_eq!(line.pop(), None);
    }
}
